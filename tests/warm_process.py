"""Processes of the product that start in a moment: forks of one that has loaded the program already.

What runs is ``python -m`` of the same module as ever, with an environment, a log and a number of its own, and is killed
like any other process. Only the two seconds of loading are spent once.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

_PROGRAM = ("uvicorn", "service.app", "service.cli", "service.jobs.worker", __name__)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(list(_PROGRAM))
_ROOT = Path(__file__).parent.parent


class WarmProcess:
    """A process of the product.

    Parameters
    ----------
    arguments : list of str
        Module and arguments, as behind ``python -m``.
    environment : dict of str to str
        What it has beside this process's own.
    log : Path
        Takes what it says.
    """

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        self._process = _start(arguments, {**os.environ, **environment}, log, log)
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait for its end."""
        self._process.join(timeout_s)
        if self._process.is_alive():
            raise subprocess.TimeoutExpired("warm process", timeout_s or 0)

    def kill(self) -> None:
        """Kill it as the kernel would: it hears nothing of it."""
        self._process.kill()

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def suspend(self) -> None:
        """Let it stand still."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)


def run_warm(
    arguments: list[str], environment: dict[str, str], timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a module with this environment and no other to its end, as `subprocess.run` does."""
    with tempfile.TemporaryDirectory() as folder:
        out, error = Path(folder, "out"), Path(folder, "error")
        process = _start(arguments, environment, out, error)
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, timeout_s)
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), error.read_text())


def _start(arguments: list[str], environment: dict[str, str], out: Path, error: Path) -> ForkServerProcess:
    with pytest.MonkeyPatch.context() as patch:
        # The width of what commands print is found when they are loaded.
        patch.setenv("COLUMNS", "200")
        forkserver.ensure_running()
    process = _FORKS.Process(target=_run, args=(arguments, environment, str(out), str(error)))
    process.start()
    return process


def _run(arguments: list[str], environment: dict[str, str], out: str, error: str) -> None:
    """Become ``python -m`` of a module."""
    os.environ.clear()
    os.environ.update(environment)
    for path, number in ((out, 1), (error, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), number)
    os.chdir(_ROOT)
    threading.Thread(target=_end_with_tests, daemon=True).start()
    sys.argv = list(arguments)
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _end_with_tests() -> None:
    """Leave nothing behind when the tests themselves are killed."""
    tests = multiprocessing.parent_process()
    assert tests is not None
    tests.join()
    os.kill(os.getpid(), signal.SIGKILL)
