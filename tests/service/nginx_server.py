"""A real nginx for tests, with the configuration that operators are given."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT, free_port

SHIPPED = ROOT / "docs" / "nginx.conf"
STARTED_WITHIN_S = 20
AROUND = """\
daemon off;
{user}
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/bandoso.conf;
}}
"""


def program() -> str:
    """Return the path of nginx, which for most people is not on theirs; `.ci/install test` has installed it."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found is not None, "nginx is missing: run .ci/install test"
    return found


def fill_in(text: str, choices: dict[str, str]) -> str:
    """Put the operator's own choices into the shipped file; each place stands there exactly once."""
    for shipped, own in choices.items():
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, own)
    return text


@contextmanager
def behind_nginx(addresses: Sequence[str], folder: Path) -> Iterator[str]:
    """Run nginx before the API at some addresses; gives its own address. TLS alone is left out."""
    folder.mkdir(parents=True)
    port = free_port()
    choices = {
        "/var/cache/nginx/bandoso": f"{folder}/cache",
        "server 127.0.0.1:8000;": "".join(f"server {address.removeprefix('http://')};" for address in addresses),
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port};",
        "server_name bando.example.vn;": "server_name 127.0.0.1;",
        "ssl_certificate     /etc/ssl/bando.pem;": "",
        "ssl_certificate_key /etc/ssl/bando.key;": "",
    }
    (folder / "bandoso.conf").write_text(fill_in(SHIPPED.read_text(encoding="utf-8"), choices), encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user), encoding="utf-8")
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(
            [program(), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")],
            stdout=log,
            stderr=log,
        )
        try:
            _await_port(port, process, folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _await_port(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline:
        log = (folder / "nginx.log").read_text()
        assert process.poll() is None, log
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError((folder / "nginx.log").read_text())
