"""The supervisor, run for real with small programs in the places of API and worker."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from service.cluster import Cluster
from service.processes import LogFile, is_worth_showing

ROOT = Path(__file__).parents[2]
FIRST_PORT = 18400

API = """
import http.server, os, socket, sys

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{os.getpid()}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

print('{"level": "info", "event": "quiet"}')
print('{"level": "warning", "event": "loud"}', flush=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer, bind_and_activate=False)
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.serve_forever()
"""
WORKER = "import time; time.sleep(3600)"
STUBBORN_WORKER = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("stubborn", flush=True)
time.sleep(3600)
"""
PREPARE = """
import os, psycopg
with psycopg.connect(os.environ["DATABASE_URL"].replace("+psycopg", "")) as connection:
    connection.execute("CREATE SCHEMA IF NOT EXISTS ops")
    connection.execute("CREATE TABLE IF NOT EXISTS ops.setting (name text PRIMARY KEY, value text, changed_at timestamptz)")
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version_num text)")
"""
DYING_WORKER = "raise SystemExit('the reason')"

PROGRAM = """
import json, signal, sys
from pathlib import Path
from service.supervisor import run
from service.supervisor_options import Options, Preparation

# The tests may be run by a program that ignores it, as nohup does.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
given = json.loads(sys.argv[1])
given["root"], given["var"] = Path(given["root"]), Path(given["var"])
given["preparations"] = [Preparation(*step) for step in given["preparations"]]
sys.exit(run(Options(**given)))
"""


def is_alive(process: psutil.Process) -> bool:
    """Whether a process lives; one killed but not reaped yet does not."""
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


class Running:
    """A supervisor in a process of its own."""

    def __init__(self, var: Path, **options: object) -> None:
        self.var = var
        var.mkdir(exist_ok=True)
        self.console = (var / "console.txt").open("a+")
        given = {
            "root": str(ROOT),
            "var": str(var),
            "first_port": FIRST_PORT,
            "preparations": [],
            "api_command": [sys.executable, "-c", API, "{fd}"],
            "worker_command": [sys.executable, "-c", WORKER],
            "database_url": "postgresql://nobody@127.0.0.1:1/none",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(given | options)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self.console,
            stderr=subprocess.STDOUT,
        )

    def printed(self) -> str:
        """Return what the console shows so far."""
        return (self.var / "console.txt").read_text()

    def address(self) -> str:
        """Return where it serves; empty while it does not."""
        with suppress(OSError, ValueError):
            holder = json.loads((self.var / "supervisor.lock").read_text())
            if holder["pid"] == self.process.pid:
                return str(holder["address"])
        return ""

    def children(self) -> list[psutil.Process]:
        """List its direct children."""
        return psutil.Process(self.process.pid).children()

    def worker(self) -> psutil.Process | None:
        """Return the living worker process, if any."""
        found = [child for child in self.children() if is_alive(child) and WORKER in child.cmdline()]
        return found[0] if found else None

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def close(self) -> None:
        """End it without notice."""
        self.process.kill()
        self.process.wait()
        self.console.close()


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start supervisors on one state directory; none of them outlives the test."""
    started: list[Running] = []

    def begin(var: Path = tmp_path, **options: object) -> Running:
        started.append(Running(var, **options))
        return started[-1]

    yield begin
    for running in started:
        running.close()
    Cluster(tmp_path / "pg").stop()


def wait_for(condition: Callable[[], object], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(0.05)


def answering_process(address: str) -> int:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return int(answer.read())


def test_address_login_and_hints_are_printed_once_ready(start: Start, tmp_path: Path) -> None:
    (tmp_path / "sample-login.txt").write_text("canbo\nmat-khau-mau\n")
    running = start()
    wait_for(running.address)
    assert running.address().startswith("http://127.0.0.1:184")
    assert running.address() in running.printed()
    assert "sample officer: canbo   mật khẩu / password: mat-khau-mau" in running.printed()
    assert running.stop() == 0
    assert "stopped" in running.printed()


def test_ctrl_c_and_a_closed_terminal_leave_no_process(start: Start) -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        running = start()
        wait_for(running.address)
        children = running.children()
        assert len(children) == 3
        assert running.stop(number) == 0
        assert not any(map(is_alive, children))


def test_killed_api_process_comes_back_at_once_and_no_request_fails(start: Start) -> None:
    running = start()
    wait_for(running.address)
    victim = answering_process(running.address())
    os.kill(victim, signal.SIGKILL)
    answers = {answering_process(running.address()) for _ in range(20)}
    assert victim not in answers
    wait_for(lambda: len(running.children()) == 3, timeout_s=10)


def test_killed_worker_comes_back(start: Start) -> None:
    running = start()
    wait_for(running.address)
    victim = running.worker()
    assert victim is not None
    victim.kill()
    wait_for(lambda: (fresh := running.worker()) is not None and fresh.pid != victim.pid, timeout_s=20)


def test_children_die_with_a_killed_supervisor_and_the_next_start_recovers(start: Start) -> None:
    running = start()
    wait_for(running.address)
    children = running.children()
    address = running.address()
    running.stop(signal.SIGKILL)
    wait_for(lambda: not any(map(is_alive, children)), timeout_s=20)
    again = start()
    wait_for(again.address)
    assert again.address() == address


def test_second_supervisor_says_where_the_first_one_serves(start: Start) -> None:
    running = start()
    wait_for(running.address)
    second = start()
    assert second.process.wait(timeout=60) == 0
    assert f"bandoso is already running: {running.address()}" in second.printed()


def test_taken_port_means_the_next_one(start: Start, tmp_path: Path) -> None:
    first = start()
    wait_for(first.address)
    second = start(tmp_path / "other")
    wait_for(second.address)
    assert second.address() != first.address()


def test_process_that_keeps_dying_ends_the_service_with_its_last_words(start: Start) -> None:
    running = start(worker_command=[sys.executable, "-c", DYING_WORKER])
    assert running.process.wait(timeout=60) == 1
    assert "the reason" in running.printed()
    assert "died 5 times in 30 seconds" in running.printed()


def test_stubborn_process_is_killed_by_a_second_ctrl_c(start: Start) -> None:
    running = start(worker_command=[sys.executable, "-c", STUBBORN_WORKER])
    wait_for(lambda: "stubborn" in running.printed())
    wait_for(running.address)
    children = running.children()
    started_at = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    wait_for(lambda: "stopping" in running.printed())
    assert running.stop() == 0
    assert time.monotonic() - started_at < 5
    assert not any(map(is_alive, children))


def test_failing_preparation_shows_its_output_and_says_what_to_do(start: Start) -> None:
    failing = ["Bước thử", "trying", [sys.executable, "-c", "raise SystemExit('no such table')"]]
    earlier = ["Bước thử", "trying", [sys.executable, "-c", "raise SystemExit('of an earlier run')"]]
    assert start(database_url=None, preparations=[earlier]).process.wait(timeout=60) == 1
    running = start(database_url=None, preparations=[failing])
    assert running.process.wait(timeout=60) == 1
    assert "no such table" in running.printed()
    assert running.printed().count("of an earlier run") == 1
    assert "Mend it and run again" in running.printed()


def test_a_database_that_cannot_be_reached_is_told_in_a_sentence(start: Start) -> None:
    failing = ["Bước thử", "trying", [sys.executable, "-c", "raise SystemExit('a long traceback')"]]
    running = start(preparations=[failing])
    assert running.process.wait(timeout=60) == 1
    assert "DATABASE_URL names does not answer" in running.printed()
    assert "a long traceback" not in running.printed()


def test_preparation_can_be_interrupted(start: Start) -> None:
    running = start(preparations=[["Bước thử", "trying", [sys.executable, "-c", WORKER]]])
    wait_for(lambda: "trying" in running.printed())
    assert running.stop() == 0


def test_second_start_prepares_only_what_changed(start: Start) -> None:
    def start_and_stop(*arguments: str) -> int:
        steps = [["Bước thử", "trying", [sys.executable, "-c", PREPARE, *arguments]]]
        running = start(database_url=None, preparations=steps)
        wait_for(running.address)
        running.stop()
        return running.printed().count("trying")

    assert [start_and_stop(), start_and_stop(), start_and_stop("changed")] == [1, 1, 2]


def test_service_that_never_gets_ready_is_given_up(start: Start) -> None:
    running = start(api_command=[sys.executable, "-c", WORKER], ready_timeout_s=1.0)
    assert running.process.wait(timeout=60) == 1
    assert "not ready after 1 seconds" in running.printed()


def test_logs_are_written_away_and_only_warnings_reach_the_console(start: Start, tmp_path: Path) -> None:
    running = start()
    wait_for(running.address)
    wait_for(lambda: (tmp_path / "log" / "api.log").read_text().count("quiet") == 2)
    assert "loud" in running.printed()
    assert "quiet" not in running.printed()


def test_private_database_is_recovered_while_the_service_goes_on(start: Start, tmp_path: Path) -> None:
    running = start(database_url=None)
    wait_for(running.address)
    cluster = Cluster(tmp_path / "pg")
    postmaster = int((tmp_path / "pg" / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    wait_for(lambda: "the database ended" in running.printed())
    assert answering_process(running.address())
    wait_for(cluster.is_running)
    running.stop()
    assert not cluster.is_running()


def test_database_of_a_killed_supervisor_is_taken_over(start: Start, tmp_path: Path) -> None:
    running = start(database_url=None)
    wait_for(running.address)
    running.stop(signal.SIGKILL)
    cluster = Cluster(tmp_path / "pg")
    assert cluster.is_running()
    again = start(database_url=None)
    wait_for(again.address)
    again.stop()
    assert not cluster.is_running()


def test_flood_of_errors_is_cut_on_the_console_but_not_in_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = LogFile(tmp_path / "api.log")
    for number in range(500):
        log.write(f"ERROR: {number}")
    log.close()
    assert len((tmp_path / "api.log").read_text().splitlines()) == 500
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 41
    assert "api.log" in shown[-1]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"level": "info", "event": "x"}', False),
        ('{"level": "critical", "event": "x"}', True),
        ("INFO:     Application startup complete.", False),
        ("INFO  [alembic.runtime.migration] Context impl", False),
        ("2026-01-01 10:00:00 [info     ] started", False),
        ("ERROR:    Exception in ASGI application", True),
        ("Traceback (most recent call last):", True),
        ("{not json", True),
        ("", False),
    ],
)
def test_console_shows_what_is_at_least_a_warning(line: str, *, shown: bool) -> None:
    assert is_worth_showing(line) is shown
