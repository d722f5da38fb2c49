"""The servers that are measured: the product as `bandoso up` starts it, its peers, and a bare ASGI answer."""

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from service.listening import listen
from service.supervisor_options import SERVE_API
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.places import HERE, ROOT, VAR, plain_environment
from tests.conftest import free_port

PROCESSES = 2
MARTIN = "1.14.0"
"""Built with `cargo` where the machine has that and no martin of its own."""

_FIRST_PORT = 8900
_START_S = 60


@dataclass(frozen=True)
class Serving:
    """A running server: its origin and its processes."""

    address: str
    pids: list[int]


@contextmanager
def bandoso(url: str, *, cache_mb: int, processes: int = PROCESSES) -> Iterator[Serving]:
    """Serve the product with several processes on one socket, as its supervisor does."""
    environment = {
        "DATABASE_URL": url,
        "BANDOSO_VAR_DIR": str(VAR / "service"),
        "BANDOSO_TILE_CACHE_MB": str(cache_mb),
        "BANDOSO_ITEM_CACHE_MB": str(cache_mb),
    }
    with _on_one_socket(SERVE_API, environment, f"bandoso-{cache_mb}", "/readyz", processes) as found:
        yield found


@contextmanager
def hello() -> Iterator[Serving]:
    """Serve the smallest answer in the same way."""
    command = ["tests.benchmarks.hello:app" if word == "service.app:create_app" else word for word in SERVE_API]
    command.remove("--factory")
    with _on_one_socket(command, {}, "hello", "/", PROCESSES) as found:
        yield found


@contextmanager
def tipg(url: str) -> Iterator[Serving]:
    """Serve tipg with its default settings and two workers; it reads schema ``public``."""
    port = free_port()
    command = [
        str(peers() / "uvicorn"), "tipg.main:app", "--workers", str(PROCESSES), "--port", str(port), "--no-access-log",
    ]  # fmt: skip
    with ExitStack() as stack:
        running = stack.enter_context(process(command, {"DATABASE_URL": url}, "tipg"))
        address = f"http://127.0.0.1:{port}"
        _await_answer(f"{address}/collections", [running], "tipg")
        yield Serving(address, [running.pid])


@contextmanager
def pygeoapi(url: str, table: str, geometry: str) -> Iterator[Serving]:
    """Serve a table of schema ``public`` by pygeoapi's PostgreSQL provider under gunicorn, with two workers of four threads."""
    port, parts = free_port(), make_url(url)
    address, asked = f"http://127.0.0.1:{port}", VAR / "pygeoapi.yaml"
    box = {"bbox": [102, 6, 118, 24], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
    login = {
        "host": parts.host, "port": parts.port, "dbname": parts.database, "user": parts.username,
        "password": parts.password, "search_path": ["public"],
    }  # fmt: skip
    provider = {
        "type": "feature", "name": "PostgreSQL", "data": login, "id_field": "id", "table": table, "geom_field": geometry,
    }  # fmt: skip
    told = {"title": table, "description": table, "keywords": [table], "links": [], "extents": {"spatial": box}}
    limits = {"default_items": 10, "max_items": 10_000, "on_exceed": "throttle"}
    settings = {
        "server": {"bind": {"host": "127.0.0.1", "port": port}, "url": address, "mimetype": "application/json",
                   "encoding": "utf-8", "languages": ["en-US"], "limits": limits,
                   "map": {"url": "https://example.org/{z}/{x}/{y}.png", "attribution": ""}},
        "logging": {"level": "ERROR"},
        "metadata": {"identification": {"title": "peer", "description": "peer", "keywords": ["peer"], "url": address,
                                        "terms_of_service": "none", "keywords_type": "theme"},
                     "license": {"name": "none", "url": address}, "provider": {"name": "peer", "url": address}, "contact": {"name": "peer", "email": "peer@localhost"}},
        "resources": {table: {"type": "collection", **told, "providers": [provider]}},
    }  # fmt: skip
    # Every JSON document is one of YAML too.
    asked.write_text(json.dumps(settings), encoding="utf-8")
    environment = {"PYGEOAPI_CONFIG": str(asked), "PYGEOAPI_OPENAPI": str(VAR / "pygeoapi-openapi.yaml")}
    make = [
        str(peers() / "pygeoapi"),
        "openapi",
        "generate",
        str(asked),
        "--output-file",
        environment["PYGEOAPI_OPENAPI"],
    ]
    subprocess.run(make, env={**plain_environment(), **environment}, check=True, capture_output=True)
    command = [
        str(peers() / "gunicorn"), "--workers", str(PROCESSES), "--worker-class", "gthread", "--threads", "4",
        "--bind", f"127.0.0.1:{port}", "pygeoapi.flask_app:APP",
    ]  # fmt: skip
    with process(command, environment, "pygeoapi") as running:
        _await_answer(f"{address}/collections/{table}/items?limit=1&f=json", [running], "pygeoapi")
        yield Serving(address, [running.pid])


@contextmanager
def martin(url: str, tables: Mapping[str, Any], function: str) -> Iterator[Serving | None]:
    """Serve martin with two workers and no cache; None where the machine has none.

    Parameters
    ----------
    tables : mapping
        Table sources by name, as martin's configuration writes them.
    function : str
        A function of schema ``public`` to serve as well.
    """
    program, port = find_martin(), free_port()
    if program is None:
        yield None
        return
    sources = {"tables": tables, "functions": {function: {"schema": "public", "function": function}}}
    postgres = {"connection_string": url, "auto_publish": False, **sources}
    address = f"127.0.0.1:{port}"
    settings = {"listen_addresses": address, "worker_processes": PROCESSES, "cache": "disable", "postgres": postgres}
    # Every JSON document is one of YAML too.
    (VAR / "martin.yaml").write_text(json.dumps(settings), encoding="utf-8")
    with process([str(program), "--config", str(VAR / "martin.yaml")], {"RUST_LOG": "warn"}, "martin") as running:
        _await_answer(f"http://{address}/health", [running], "martin")
        yield Serving(f"http://{address}", [running.pid])


@contextmanager
def _on_one_socket(
    command: Sequence[str], environment: dict[str, str], name: str, probe: str, processes: int
) -> Iterator[Serving]:
    with listen("127.0.0.1", _FIRST_PORT) as listener, ExitStack() as stack:
        words = [word.format(fd=listener.fileno()) for word in command]
        children = [stack.enter_context(process(words, environment, f"{name}-{n}", listener)) for n in range(processes)]
        address = "http://{}:{}".format(*listener.getsockname())
        _await_answer(f"{address}{probe}", children, name)
        yield Serving(address, [child.pid for child in children])


@contextmanager
def process(
    command: Sequence[str], environment: dict[str, str], name: str, listener: socket.socket | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program whose words go to a log, until the block ends."""
    descriptors = () if listener is None else (listener.fileno(),)
    with (VAR / f"{name}.log").open("wb") as log:
        running = subprocess.Popen(
            list(command),
            env={**plain_environment(), **environment},
            cwd=ROOT,
            stdout=log,
            stderr=log,
            pass_fds=descriptors,
        )
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _await_answer(url: str, processes: Sequence[subprocess.Popen[bytes]], name: str) -> None:
    """Wait until a server answers well, a few times in a row since several processes share the socket."""
    deadline, answers = time.monotonic() + _START_S, 0
    while answers < 2 * PROCESSES:
        if any(process.poll() is not None for process in processes) or time.monotonic() > deadline:
            raise BenchmarkError(f"{name} does not answer; its log is in {VAR.name}/{name}*.log")
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                answers += answer.status == 200
        except OSError:
            time.sleep(0.2)


def peers() -> Path:
    """Return the folder of the peers' programs; they have an environment of their own, made when it is missing."""
    folder, wanted = VAR / "venv", HERE / "peers.txt"
    stamp, digest = folder / "stamp", hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", str(wanted)], check=True)
        stamp.write_text(digest)
    return folder / "bin"


def find_martin() -> Path | None:
    """Return martin's program: that of the machine, or our own; None without."""
    found = shutil.which("martin")
    own = VAR / "martin" / "bin" / "martin"
    return Path(found) if found is not None else own if own.exists() else None


def provide_martin() -> None:
    """Build martin once where the machine has Rust and no martin; without either, or when it fails, go on without."""
    cargo = shutil.which("cargo")
    if cargo is None or find_martin() is not None:
        return
    sys.stderr.write(f"building martin {MARTIN} (several minutes, once)\n")
    features = ["--no-default-features", "--features", "postgres"]
    command = [cargo, "install", "--locked", "--root", str(VAR / "martin"), f"martin@{MARTIN}", *features]
    with (VAR / "martin-build.log").open("wb") as log:
        subprocess.run(command, stdout=log, stderr=log, check=False)
