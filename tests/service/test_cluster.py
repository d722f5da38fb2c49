"""The private server, run for real and killed in every way a machine can."""

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from service.cluster import Cluster, main
from service.cluster_directory import is_free
from service.postgres import ClusterError, find_installation, render_settings, server_settings

ROOT = Path(__file__).parents[2]
GIB = 1024**3
SMALL = GIB // 2

ZOMBIE_PROGRAM = """
import ctypes, os, signal, sys
from pathlib import Path
import psutil
from service.cluster import Cluster

BECOME_THE_PARENT_OF_ORPHANS = 36
ctypes.CDLL(None).prctl(BECOME_THE_PARENT_OF_ORPHANS, 1)
cluster = Cluster(Path(sys.argv[1]))
cluster.ensure()
postmaster = int((Path(sys.argv[1]) / "data" / "postmaster.pid").read_text().split()[0])
os.kill(postmaster, signal.SIGKILL)
while psutil.Process(postmaster).status() != psutil.STATUS_ZOMBIE:
    pass
cluster.ensure()
assert psutil.Process(postmaster).status() == psutil.STATUS_ZOMBIE
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    """One server for the tests that break it and mend it; its directory is open to every user's eyes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        cluster = Cluster(Path(folder) / "pg", memory=SMALL)
        yield cluster
        cluster.stop()


@pytest.fixture
def cluster(shared: Cluster) -> Cluster:
    """Return the shared server, running, with a table that holds one acknowledged row."""
    shared.ensure()
    with connect(shared) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        connection.execute("TRUNCATE kept")
        connection.execute("INSERT INTO kept VALUES (1)")
    return shared


def connect(cluster: Cluster) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(cluster.url.replace("+psycopg", ""), autocommit=True)


def ask(cluster: Cluster, question: str) -> object:
    with connect(cluster) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def postmaster_of(cluster: Cluster) -> psutil.Process:
    return psutil.Process(int((cluster.directory.data / "postmaster.pid").read_text().split()[0]))


def kept_rows(cluster: Cluster) -> object:
    return ask(cluster, "SELECT count(*) FROM kept")


def test_owner_has_the_database_and_is_no_superuser(cluster: Cluster) -> None:
    assert make_url(cluster.url).drivername == "postgresql+psycopg"
    assert ask(cluster, "SELECT rolcreaterole AND NOT rolsuper FROM pg_roles WHERE rolname = current_user")
    assert ask(cluster, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'bandoso'") == "bandoso"
    installed = ask(cluster, "SELECT array_agg(extname::text) FROM pg_extension")
    assert {"postgis", "pg_trgm", "unaccent", "btree_gist"} <= set(installed)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("wal_level", "minimal"),
        ("max_wal_senders", "0"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("jit", "off"),
        ("TimeZone", "UTC"),
        ("server_encoding", "UTF8"),
        ("listen_addresses", "127.0.0.1"),
        ("password_encryption", "scram-sha-256"),
        ("max_connections", "150"),
    ],
)
def test_settings_are_in_force(cluster: Cluster, name: str, value: str) -> None:
    assert ask(cluster, f"SELECT current_setting('{name}')") == value


def test_text_is_compared_by_code_point_and_cased_as_unicode(cluster: Cluster) -> None:
    assert ask(cluster, "SELECT datcollate FROM pg_database WHERE datname = current_database()") == "C"
    assert ask(cluster, "SELECT datctype FROM pg_database WHERE datname = current_database()") == "C.UTF-8"


def test_nothing_connects_without_the_password(cluster: Cluster) -> None:
    url = make_url(cluster.url)
    for host in ("127.0.0.1", str(url.query["host"])):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host=host,
                port=str(url.query["port"]),
                user="bandoso",
                dbname="bandoso",
                password="guess",
            )


def test_secrets_and_data_are_closed_to_others(cluster: Cluster) -> None:
    for name in ("credentials.json", "data", "log", "socket"):
        mode = (cluster.directory.root / name).stat().st_mode
        assert not mode & (stat.S_IRWXG | stat.S_IRWXO), name


def test_server_does_not_run_as_root(cluster: Cluster) -> None:
    assert postmaster_of(cluster).uids().effective != 0


def test_ensuring_a_running_server_changes_nothing_and_is_quick(cluster: Cluster) -> None:
    before, url = postmaster_of(cluster).pid, cluster.url
    started_at = time.monotonic()
    assert cluster.ensure() == url
    assert postmaster_of(cluster).pid == before
    assert time.monotonic() - started_at < 2


def test_restart_keeps_data_port_and_address(cluster: Cluster) -> None:
    url = cluster.url
    cluster.stop()
    assert not cluster.is_running()
    assert cluster.ensure() == url
    assert kept_rows(cluster) == 1


def test_killed_server_comes_back_with_every_acknowledged_row(cluster: Cluster) -> None:
    postmaster_of(cluster).kill()
    cluster.ensure()
    assert kept_rows(cluster) == 1


def test_whole_server_killed_at_once_comes_back(cluster: Cluster) -> None:
    postmaster = postmaster_of(cluster)
    for process in [*postmaster.children(), postmaster]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    cluster.ensure()
    assert kept_rows(cluster) == 1


def test_server_that_ends_during_recovery_is_started_again(cluster: Cluster) -> None:
    """A backend whose postmaster is gone undoes its unlogged table, but its log of that is never written."""
    with suppress(psycopg.OperationalError), connect(cluster) as connection:
        connection.execute("BEGIN")
        connection.execute("CREATE UNLOGGED TABLE cut AS SELECT generate_series(1, 10000)")
        with connect(cluster) as other:
            other.execute("INSERT INTO kept VALUES (2)")
        postmaster_of(cluster).kill()
        cluster.ensure()
    assert "File exists" in cluster.directory.last_log_lines(100)
    assert kept_rows(cluster) == 2


def test_server_that_never_starts_is_given_up_with_its_last_words(cluster: Cluster) -> None:
    cluster.stop()
    settings = cluster.directory.data / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text(f"{before}nonsense = 1\n")
    try:
        with pytest.raises(ClusterError, match=r'(?s)"nonsense".*did not start'):
            cluster.ensure()
    finally:
        settings.write_text(before)


def test_server_that_is_mending_itself_can_be_stopped(cluster: Cluster) -> None:
    for child in postmaster_of(cluster).children():
        with suppress(psutil.NoSuchProcess):
            child.kill()
    time.sleep(0.1)
    started_at = time.monotonic()
    cluster.stop()
    assert time.monotonic() - started_at < 10
    assert not cluster.is_running()


def test_killed_backend_costs_only_a_moment(cluster: Cluster) -> None:
    before = postmaster_of(cluster).pid
    with suppress(psycopg.OperationalError), connect(cluster) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        connection.execute("SELECT 1")
    cluster.ensure()
    assert postmaster_of(cluster).pid == before
    assert kept_rows(cluster) == 1


def test_orphan_that_never_looks_up_is_ended_before_the_start(cluster: Cluster) -> None:
    connection = connect(cluster)

    def compute() -> None:
        with suppress(psycopg.Error):
            connection.execute("SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 100) b")

    busy = threading.Thread(target=compute)
    busy.start()
    backend = psutil.Process(connection.info.backend_pid)
    while not backend.cpu_percent(0.05):
        pass
    postmaster_of(cluster).kill()
    cluster.ensure()
    busy.join(timeout=5)
    connection.close()
    assert not busy.is_alive()
    assert kept_rows(cluster) == 1


def test_lock_files_that_name_a_living_stranger_do_not_stop_the_start(cluster: Cluster) -> None:
    lock = cluster.directory.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    cluster.stop()
    lock.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    port = cluster.directory.read_port()
    socket_lock = cluster.directory.socket_directory() / f".s.PGSQL.{port}.lock"
    socket_lock.write_text(f"{os.getpid()}\n")
    assert not cluster.is_running()
    cluster.ensure()
    assert kept_rows(cluster) == 1


def test_taken_port_means_another_one(cluster: Cluster) -> None:
    port = cluster.directory.read_port()
    cluster.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        cluster.ensure()
        assert cluster.directory.read_port() != port
        assert not is_free(port)
    assert kept_rows(cluster) == 1


def test_two_processes_that_start_it_at_once_agree(cluster: Cluster) -> None:
    cluster.stop()
    command = [sys.executable, "-m", "service.cluster", "start", str(cluster.directory.root)]
    starters = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [starter.wait(timeout=30) for starter in starters] == [0, 0, 0]
    assert kept_rows(cluster) == 1


def test_second_server_lives_beside_the_first(cluster: Cluster, tmp_path: Path) -> None:
    """The second one lies where the server's user may not enter, as a project in root's home does."""
    other = Cluster(tmp_path / "pg", memory=SMALL)
    try:
        other.ensure()
        assert make_url(other.url).query["port"] != make_url(cluster.url).query["port"]
        assert ask(other, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == 0
        assert kept_rows(cluster) == 1
        with suppress(psycopg.OperationalError), connect(other) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            connection.execute("SELECT 1")
        other.ensure()
        postmaster_of(other).kill()
        other.ensure()
        assert ask(other, "SELECT 1") == 1
    finally:
        other.stop()


def test_server_killed_under_a_parent_that_never_reaps_comes_back(tmp_path: Path) -> None:
    try:
        answer = subprocess.run(
            [sys.executable, "-c", ZOMBIE_PROGRAM, str(tmp_path / "pg")],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert answer.returncode == 0, answer.stderr
    finally:
        Cluster(tmp_path / "pg").stop()


def test_half_made_data_in_a_deep_folder_is_made_anew(tmp_path: Path) -> None:
    deep = Cluster(tmp_path / ("x" * 100) / "pg", memory=SMALL)
    (deep.directory.root / "data.new" / "base").mkdir(parents=True)
    try:
        deep.ensure()
        assert ask(deep, "SELECT 1") == 1
        sockets = deep.directory.socket_directory()
        assert deep.directory.root not in sockets.parents
    finally:
        deep.stop()
    sockets.rmdir()
    assert deep.directory.socket_directory() != sockets
    deep.directory.socket_directory().rmdir()


def test_missing_server_is_answered_with_the_packages_to_install() -> None:
    with pytest.raises(ClusterError, match="postgresql-99-postgis-3"):
        find_installation(99)


def test_address_before_the_first_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no usable database"):
        _ = Cluster(tmp_path).url


def test_stopping_what_never_ran_is_no_error(tmp_path: Path) -> None:
    assert main(["stop", str(tmp_path)]) == 0
    assert main(["stop"]) == 2


@pytest.mark.parametrize(("memory", "shared_buffers"), [(GIB // 4, "128MB"), (8 * GIB, "2048MB"), (64 * GIB, "4096MB")])
def test_buffers_follow_the_memory(memory: int, shared_buffers: str) -> None:
    settings = server_settings(memory, port=1, socket_directory="../socket")
    assert settings["shared_buffers"] == shared_buffers


def test_quotes_in_settings_are_doubled() -> None:
    assert render_settings({"search_path": "it's"}) == "search_path = 'it''s'\n"
