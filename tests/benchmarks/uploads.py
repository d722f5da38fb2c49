"""A file's whole way as its officer knows it: sent to a running service, read by its worker, published."""

import json
import secrets
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from service import setup
from service.auth import accounts
from tests.benchmarks import servers
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.places import REGISTER, VAR
from tests.conftest import Server, settings_for

_LOOK_S = 0.02
_MAX_S = 600


@dataclass(frozen=True)
class Office:
    """A service with a worker, and somebody who may send it files."""

    address: str
    key: str
    worker: int
    database: str


@contextmanager
def opened(server: Server, database: str) -> Iterator[Office]:
    """Run the API and one worker on a database."""
    url = server.url(database)
    settings = settings_for(url, var_dir=VAR / "service")
    account = accounts.NewAccount(f"bench-{secrets.token_hex(4)}", "Bench", "administrator", secrets.token_hex(16))
    with setup.owner(settings) as connection:
        accounts.add_account(connection, account)
        key = accounts.add_key(connection, account.username, "bench", "upload", 1)
    environment = {"DATABASE_URL": url, "BANDOSO_VAR_DIR": str(VAR / "service")}
    worker = [sys.executable, "-m", "service", "worker"]
    with (
        servers.bandoso(url, cache_mb=256) as serving,
        servers.process(worker, environment, "worker") as process,
    ):
        _await_worker(server, database, process)
        yield Office(serving.address, key, process.pid, database)


def _await_worker(server: Server, database: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the worker has told the queue that it is there."""
    deadline = time.monotonic() + 60
    with server.administrator(database) as connection:
        while connection.execute("SELECT 1 FROM ops.procrastinate_workers").fetchone() is None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchmarkError("the worker does not start; its log is worker.log")
            time.sleep(0.1)


def zipped(path: Path) -> Path:
    """Zip a shapefile with its parts, once."""
    target = path.with_suffix(".zip")
    if not target.exists():
        draft = target.with_suffix(".part")
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in sorted(path.parent.glob(f"{path.stem}.*")):
                if part.suffix not in {".zip", ".part"}:
                    archive.write(part, part.name)
        draft.rename(target)
    return target


def send(office: Office, path: Path) -> str:
    """Send a file to be published at once; return its id once the service has accepted it."""
    command = [
        "curl", "--silent", "--fail-with-body", "-H", f"Authorization: Bearer {office.key}", "-F", f"file=@{path}",
        "-F", f"register={REGISTER}", "-F", "publish=auto", f"{office.address}/uploads",
    ]  # fmt: skip
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise BenchmarkError(f"the file was not accepted: {answer.stdout}{answer.stderr}")
    return str(json.loads(answer.stdout)["id"])


def await_end(connection: psycopg.Connection, upload_id: str) -> dict[str, Any]:
    """Wait until an upload is done; return its report.

    Raises
    ------
    BenchmarkError
        When it was not published.
    """
    deadline = time.monotonic() + _MAX_S
    while True:
        row = connection.execute("SELECT state, report FROM ops.upload WHERE id = %s", [upload_id]).fetchone()
        assert row is not None
        if row[0] == "published":
            report: dict[str, Any] = row[1]
            return report
        if row[0] not in {"received", "reading", "validating", "publishing"} or time.monotonic() > deadline:
            raise BenchmarkError(f"the upload is {row[0]}: {str(row[1])[:2000]}")
        time.sleep(_LOOK_S)
