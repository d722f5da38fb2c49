"""New connections are shared among the API's processes."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from service.listening import listen
from service.supervisor_options import SERVE_API
from tests.conftest import free_port

PROCESSES = 2
BURSTS, CONNECTIONS = 12, 16
"""One burst may come to one process for the most part, many do not, unless other work takes the processors for a while.

Without the pause after each connection twelve bursts leave the lesser process 8 connections of 192 at most, even beside
such work, and 90 with it on a quiet machine.
"""

ANSWER = """
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
"""


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[tuple[str, int], Sequence[psutil.Process]]]:
    """Serve an application of nothing as the supervisor serves ours; give its address and processes."""
    (tmp_path / "answering.py").write_text(ANSWER, encoding="utf-8")
    with listen("127.0.0.1", free_port()) as listener:
        words = [word.format(fd=listener.fileno()) for word in SERVE_API if word != "--factory"]
        words[words.index("service.app:create_app")] = "answering:app"
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        running = [subprocess.Popen(words, env=environment, pass_fds=(listener.fileno(),)) for _ in range(PROCESSES)]
        try:
            yield listener.getsockname(), [psutil.Process(process.pid) for process in running]
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(10)


def connect(address: tuple[str, int], count: int) -> list[socket.socket]:
    """Open connections faster than they are taken."""
    opened = [socket.socket() for _ in range(count)]
    for one in opened:
        one.setblocking(False)
        one.connect_ex(address)
    return opened


def taken(process: psutil.Process) -> int:
    return sum(one.status == psutil.CONN_ESTABLISHED for one in process.net_connections("tcp"))


def await_taken(processes: Sequence[psutil.Process], count: int) -> list[int]:
    deadline = time.monotonic() + 20
    while sum(shares := [taken(process) for process in processes]) != count:
        assert time.monotonic() < deadline, shares
        time.sleep(0.01)
    return shares


def shares_of_a_burst(address: tuple[str, int], processes: Sequence[psutil.Process]) -> list[int]:
    opened = connect(address, CONNECTIONS)
    shares = await_taken(processes, CONNECTIONS)
    for one in opened:
        one.close()
    await_taken(processes, 0)
    return shares


def test_connections_that_come_together_are_shared_by_the_processes(
    serving: tuple[tuple[str, int], Sequence[psutil.Process]],
) -> None:
    deadline = time.monotonic() + 60
    least = [0]
    while sum(least) <= BURSTS * CONNECTIONS / PROCESSES / 2:
        assert time.monotonic() < deadline, least
        least = [min(shares_of_a_burst(*serving)) for _ in range(BURSTS)]
