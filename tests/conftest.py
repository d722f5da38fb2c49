"""A real PostGIS for all tests: one server, one migrated template, one database a worker."""

import fcntl
import gc
import hashlib
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pyogrio
import pytest
from alembic import command
from alembic.config import Config
from jsonschema import Draft202012Validator
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import Connection, NullPool, create_engine, make_url
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.importing import sandbox
from geodata.importing.report import Report
from geodata.importing.report_schema import schema_json
from geodata.units.load import load_reference
from service import setup
from service.app import create_app
from service.cluster import EXTENSIONS, OWNER, Cluster
from service.settings import ServiceSettings
from tests.hostile.warm_reader import warm_reader
from tests.warm_process import WarmProcess

os.environ.pop("SSL_CERT_FILE", None)  # or each HTTP client would read all certificates
ROOT = Path(__file__).parent.parent
VAR = Path(os.environ.get("BANDOSO_TEST_VAR", ROOT / "var" / "test"))
TEMPLATE, SAMPLE_TEMPLATE = "template_migrated", "template_sample"
LONGEST = (
    "test_kill_matrix.py", "test_api_trial.py", "test_review_in_browser.py", "test_browser.py", "test_hostile_plain_text.py",
    "test_hostile_tables.py", "test_cluster.py", "test_supervisor.py", "test_hostile_containers.py",
    "test_upload_cases.py", "test_cli.py", "test_hostile_markup.py", "test_mutations.py", "test_past.py",
    "test_exports.py", "test_workers.py", "test_worker_life.py", "test_sandbox.py", "test_faults.py",
    "test_hostile_texts.py", "test_seams.py", "test_live_map.py", "test_filters.py", "test_filtered_tiles.py", "test_stamps.py", "test_packing.py",
    "test_tilesets.py", "test_vn2000.py", "test_behind_nginx.py", "test_upload_events.py", "test_tile_events.py",
    "test_archives.py", "test_coordinates.py", "test_validation.py", "test_hygiene.py", "test_open_data.py", "test_changes_feed.py",
    "test_machines.py", "test_edits.py", "test_editing.py", "test_columnwise.py", "test_world.py", "test_lowzoom.py",
    "test_following.py", "test_hostile_uploads.py", "test_revisions.py", "test_changes.py", "test_edits_ats.py",
)  # fmt: skip
"""Files of tests that take longest, by processor time on two cores; the longest first."""
SERVER_MEMORY = 2 << 30
"""Bytes that the server sizes its buffers by: it looks through all of them whenever a table or a database goes."""

_OWN_READER = sandbox._command
PASSWORD = "mật khẩu của phép thử 2026"


@dataclass(frozen=True)
class Server:
    """The test server and the making of databases in it."""

    cluster: Cluster

    def url(self, database: str) -> str:
        """URL of the owner role for one database."""
        return make_url(self.cluster.url).set(database=database).render_as_string(hide_password=False)

    @contextmanager
    def administrator(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """Connect as the server's superuser."""
        url = make_url(self.cluster.administrator_url).set(database=database).render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    def create(self, name: str, template: str = "template0", *, outlives_crash: bool = False) -> str:
        """Make a database (in place of one of the same name) and return its URL.

        After a crash the sequences of a copy stand where the template's stood, until there was a checkpoint: PostgreSQL
        takes the values that the template has logged ahead for its own.
        """
        with self.administrator() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            # By pages of the log, the other way, a copy is written twice.
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(statement.format(*map(sql.Identifier, (name, OWNER, template))))
            if outlives_crash:
                connection.execute("CHECKPOINT")
        return self.url(name)

    def spare_the_machine(self) -> None:
        """Leave to the system when to write, and do nothing in the background.

        What is written outlives every end of the server but the machine's own. Tests are over before tables need a vacuum;
        what they need counted, they have counted.
        """
        with self.administrator() as connection:
            for name in ("fsync", "full_page_writes", "wal_compression", "autovacuum", "jit"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
            connection.execute("SELECT pg_reload_conf()")

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        with self.administrator() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def exists(self, name: str) -> bool:
        """Whether there is a database of this name."""
        with self.administrator() as connection:
            return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def migrate(url: str) -> None:
    """Bring a database to the newest revision."""
    config = Config(ROOT / "alembic.ini")
    with create_engine(url, poolclass=NullPool).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def settings_for(url: str, **changes: object) -> ServiceSettings:
    """Return settings of a service on one database, with a folder of its own for files."""
    var = VAR / f"service-{uuid4().hex[:8]}"
    # Files of open data are made where a test asks for them.
    values = {"var_dir": var, "tile_cache_mb": 16, "secret": SecretStr("s" * 40), "files_every_minutes": 0, **changes}
    return ServiceSettings(DATABASE_URL=SecretStr(url), **values)  # type: ignore[arg-type]


def create_migrated(server: Server, name: str) -> str:
    """Make a database with all tables and no rows, and return its URL."""
    url = server.create(name)
    with server.administrator(name) as connection:
        for extension in EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
    migrate(url)
    return url


def build_templates(server: Server) -> None:
    """Make the database that others are copied from, and the one with the sample."""
    url = create_migrated(server, TEMPLATE)
    settings = settings_for(url)
    setup.apply_settings(settings)
    database = Database(settings)
    load_reference(database)
    database.dispose()
    url = server.create(SAMPLE_TEMPLATE, TEMPLATE)
    settings = settings_for(url)
    database = Database(settings)
    setup.load_units(database)
    database.dispose()
    setup.load_sample(settings, 2026, if_empty=True)


def _fingerprint() -> str:
    """Return what the templates depend on: the data layer, the migrations and the set-up."""
    digest = hashlib.sha256()
    for folder in ("geodata", "migrations", "service/setup.py", "service/auth"):
        path = ROOT / folder
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.read_bytes())
    return digest.hexdigest()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left alone with one of them in the end."""
    order = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Never look through ten thousand collected tests for garbage again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the server once, when the last worker is done; leave pytest no garbage to look for, which takes ten seconds."""
    gc.freeze()
    if not hasattr(session.config, "workerinput") and (VAR / "pg").exists():
        Cluster(VAR / "pg").stop()


@pytest.fixture(scope="session")
def server() -> Server:
    """The server; the first worker that gets here makes the templates, the others wait."""
    VAR.mkdir(parents=True, exist_ok=True)
    found = Server(Cluster(VAR / "pg", memory=SERVER_MEMORY))
    with (VAR / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found.cluster.ensure()
        found.spare_the_machine()
        stamp, wanted = VAR / "templates", _fingerprint()
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            build_templates(found)
            stamp.write_text(wanted)
    return found


@pytest.fixture(scope="session")
def worker_name(worker_id: str) -> str:
    """A name that no other worker has."""
    return worker_id.replace("master", "gw")


@pytest.fixture(scope="session")
def sample_url(server: Server, worker_name: str) -> str:
    """URL of this worker's database with units and sample data; tests only read it."""
    return server.create(f"sample_{worker_name}", SAMPLE_TEMPLATE)


@pytest.fixture(scope="session")
def sample_settings(sample_url: str) -> ServiceSettings:
    """Settings of the service on the sample database."""
    return settings_for(sample_url)


@pytest.fixture(scope="session")
def sample_database(sample_settings: ServiceSettings) -> Iterator[Database]:
    """The pools of the sample database."""
    database = Database(sample_settings)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def client(sample_settings: ServiceSettings) -> Iterator[TestClient]:
    """A client of the shipped application on the sample data."""
    with TestClient(create_app(sample_settings)) as found:  # type: ignore[arg-type]
        yield found


@pytest.fixture(scope="session", autouse=True)
def _files_are_read_by_forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Read files by forks of a reader that has started already, for tests of what is in files and not of the reader.

    It is told the drivers, as a worker does that has checked its surroundings.
    """
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        start = cache(lambda: stack.enter_context(warm_reader(tmp_path_factory.mktemp("warm"))))
        patch.setattr(sandbox, "_command", start)
        patch.setattr(sandbox, "_build_drivers", sorted(pyogrio.list_drivers()))
        yield


@pytest.fixture(scope="module")
def own_reader() -> Iterator[None]:
    """Start a reader for each file as the product does, for tests of the reader's process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "_command", _OWN_READER)
        yield


@pytest.fixture(scope="session", autouse=True)
def _every_report_has_the_published_form() -> Iterator[None]:
    """Hold every report that a test makes to the published schema."""
    validator, settle, as_dict = Draft202012Validator(json.loads(schema_json())), Report.settle, Report.as_dict

    def checked(report: Report) -> dict[str, Any]:
        told = as_dict(report)
        validator.validate(told)
        return told

    def settled(report: Report) -> None:
        settle(report)
        checked(report)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Report, "as_dict", checked)
        patch.setattr(Report, "settle", settled)
        yield


@pytest.fixture(autouse=True)
def _forget_cookies(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let no test meet the language that an earlier one chose."""
    used = request.getfixturevalue("client") if "client" in request.fixturenames else None
    yield
    if isinstance(used, TestClient):
        used.cookies.clear()


@pytest.fixture(scope="session")
def _units_database(server: Server, worker_name: str) -> Iterator[Database]:
    """One for all tests: what a connection has read of the catalogue, it knows for the next."""
    with Database(settings_for(server.create(f"units_{worker_name}", TEMPLATE))) as database:
        yield database


@pytest.fixture
def connection(_units_database: Database) -> Iterator[Connection]:
    """A transaction of the worker role on a database with the unit lists; rolled back after the test."""
    with _units_database._worker.connect() as found:
        transaction = found.begin()
        yield found
        transaction.rollback()


@pytest.fixture
def scratch_url(server: Server, worker_name: str) -> Iterator[str]:
    """URL of a database of the test's own, with the unit lists: for tests that must commit."""
    name = f"scratch_{worker_name}_{uuid4().hex[:8]}"
    yield server.create(name, TEMPLATE)
    server.drop(name)


@pytest.fixture
def scratch_sample_url(server: Server, worker_name: str) -> Iterator[str]:
    """URL of a database of the test's own, with units and sample data."""
    name = f"scratch_{worker_name}_{uuid4().hex[:8]}"
    yield server.create(name, SAMPLE_TEMPLATE)
    server.drop(name)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(arguments: list[str], environment: dict[str, str], log: Path) -> Iterator[WarmProcess]:
    """Run a process of the product and stop it in the end."""
    process = WarmProcess(arguments, environment, log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment_of(settings: ServiceSettings) -> dict[str, str]:
    """Return the environment in which a process uses these settings."""
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "BANDOSO_VAR_DIR": str(settings.var_dir),
        "BANDOSO_SECRET": settings.secret.get_secret_value(),
        "BANDOSO_READ_TIMEOUT_MS": str(settings.read_timeout_ms),
        "BANDOSO_FILES_EVERY_MINUTES": str(settings.files_every_minutes),
        "BANDOSO_PUBLIC_URL": settings.public_url,
        "BANDOSO_WEBHOOK_HOSTS": settings.webhook_hosts,
        "BANDOSO_WEBHOOKS_TO_PRIVATE": str(settings.webhooks_to_private),
        "BANDOSO_STORAGE_URL": settings.storage_url,
        "BANDOSO_STORAGE_ENDPOINT": settings.storage_endpoint,
        "BANDOSO_STORAGE_REGION": settings.storage_region,
        "BANDOSO_STORAGE_KEY_ID": settings.storage_key_id,
        "BANDOSO_STORAGE_SECRET_KEY": settings.storage_secret_key.get_secret_value(),
    }


@contextmanager
def serving(settings: ServiceSettings) -> Iterator[str]:
    """Serve the application on a port of its own; gives its address once it is ready."""
    port = free_port()
    arguments = ["uvicorn", "service.app:create_app", "--factory", "--port", str(port), "--no-access-log"]
    log = settings.var_dir / "service.log"
    with running(arguments, environment_of(settings), log) as process:
        address = f"http://127.0.0.1:{port}"
        await_ready(address, process, log)
        yield address


def await_ready(address: str, process: WarmProcess, log: Path, timeout_s: float = 40) -> None:
    """Wait until a service answers."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the service ended:\n{log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the service was not ready:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def service(sample_settings: ServiceSettings) -> Iterator[str]:
    """Address of the running service on the sample data, for real clients."""
    with serving(sample_settings) as address:
        yield address
