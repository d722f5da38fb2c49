"""Child processes of the supervisor: their life, their death and what they print."""

import ctypes
import json
import logging
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

LOG_BYTES = 20 * 1024**2
LOG_FILES = 5
FLOOD_LINES = 40
FLOOD_WINDOW_S = 10.0
FATAL_DEATHS = 5
DEATH_WINDOW_S = 30.0

_LIBC = ctypes.CDLL(None, use_errno=True)
_SET_PARENT_DEATH_SIGNAL = 1
_CHUNK_BYTES = 64 * 1024
_LONGEST_LINE_BYTES = 1024**2
_QUIET_JSON_LEVELS = frozenset({"trace", "debug", "info", "notice"})
_QUIET_PLAIN_LINE = re.compile(r"\s*(?:\S+ ){0,3}\[?(?:TRACE|DEBUG|INFO)\b", re.IGNORECASE)


def die_with_parent() -> Callable[[], None]:
    """Make a ``preexec_fn`` that ties a child's life to this process, even when this one is killed with -9.

    The kernel ties it to the thread that starts the child, so children are started from the main thread.
    """
    parent = os.getpid()

    def tie() -> None:
        _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def is_worth_showing(line: str) -> bool:
    """Whether a log line belongs on the console: everything that does not say it is less than a warning.

    Examples
    --------
    >>> is_worth_showing('{"level": "info", "event": "request"}')
    False
    >>> is_worth_showing('{"level": "error", "event": "boom"}')
    True
    >>> is_worth_showing("INFO:     Started server process [1]")
    False
    >>> is_worth_showing("Traceback (most recent call last):")
    True
    """
    if line.startswith("{"):
        with suppress(ValueError):
            return str(json.loads(line).get("level", "info")).lower() not in _QUIET_JSON_LEVELS
    return bool(line.strip()) and not _QUIET_PLAIN_LINE.match(line)


class LogFile:
    """A log file that starts anew at 20 MB and keeps the last five.

    Parameters
    ----------
    path : Path
        Its directory is made when absent.
    echo : bool
        Whether warnings and worse also go to the console.
    """

    def __init__(self, path: Path, *, echo: bool = True) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._echo = echo
        self._starts_at = path.stat().st_size if path.exists() else 0
        self._shown_at: deque[float] = deque(maxlen=FLOOD_LINES)
        self._is_flooded = False
        self._handler = RotatingFileHandler(
            path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", errors="replace"
        )

    def write(self, line: str) -> None:
        """Add one line."""
        self._handler.handle(logging.makeLogRecord({"msg": line}))
        if self._echo and is_worth_showing(line):
            self._show(line)

    def last_lines(self, count: int = 20) -> str:
        """Last lines that were written since this object was made, or since the file was begun anew."""
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(self._starts_at if size >= self._starts_at else 0)
            lines = file.read().decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-count:])

    def close(self) -> None:
        """Close the file."""
        self._handler.close()

    def _show(self, line: str) -> None:
        """Put a line on the console, 40 of them in ten seconds at most: an outage must not flood it."""
        now = time.monotonic()
        is_flood = len(self._shown_at) == FLOOD_LINES and now - self._shown_at[0] < FLOOD_WINDOW_S
        if is_flood and self._is_flooded:
            return
        self._is_flooded = is_flood
        if not is_flood:
            self._shown_at.append(now)
        with suppress(OSError):
            sys.stderr.write(f"… còn nữa trong {self.path} (more is in this file)\n" if is_flood else f"{line}\n")


class LogPump:
    """Carries what children print into their log files, in the thread that calls it."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._rests: dict[IO[bytes], bytes] = {}

    def watch_wakeups(self, descriptor: int) -> None:
        """Return early from ``pump`` when this descriptor becomes readable (a signal came)."""
        self._selector.register(descriptor, selectors.EVENT_READ, None)

    def add(self, stream: IO[bytes], log: LogFile) -> None:
        """Begin to read a child's output."""
        os.set_blocking(stream.fileno(), False)
        self._rests[stream] = b""
        self._selector.register(stream, selectors.EVENT_READ, (stream, log))

    def pump(self, timeout_s: float) -> None:
        """Wait for output and write it away, for ``timeout_s`` seconds at most."""
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                with suppress(BlockingIOError):
                    os.read(key.fd, 4096)
            else:
                self._carry(*key.data)

    def close(self) -> None:
        """Stop reading; what was printed so far is written away first."""
        self.pump(0)
        for stream in list(self._rests):
            self._forget(stream)
        self._selector.close()

    def _carry(self, stream: IO[bytes], log: LogFile) -> None:
        try:
            chunk = os.read(stream.fileno(), _CHUNK_BYTES)
        except BlockingIOError:
            return
        *lines, rest = (self._rests[stream] + chunk).split(b"\n")
        if rest and (not chunk or len(rest) > _LONGEST_LINE_BYTES):
            lines, rest = [*lines, rest], b""
        for line in lines:
            log.write(line.decode("utf-8", "replace"))
        self._rests[stream] = rest
        if not chunk:
            self._forget(stream)

    def _forget(self, stream: IO[bytes]) -> None:
        self._selector.unregister(stream)
        del self._rests[stream]
        stream.close()


class Child:
    """One process kept alive.

    Parameters
    ----------
    name : str
        What the messages call it.
    command : sequence of str
        Program and arguments.
    log : LogFile
        Takes what it prints.
    pump : LogPump
        Reads what it prints.
    directory : Path
        Working directory.
    environment : mapping of str to str
        All of its environment.
    descriptors : sequence of int
        File descriptors it inherits.
    """

    def __init__(  # noqa: PLR0913 (each is one thing a process needs)
        self,
        name: str,
        command: Sequence[str],
        *,
        log: LogFile,
        pump: LogPump,
        directory: Path,
        environment: Mapping[str, str],
        descriptors: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._pump = pump
        self._directory = directory
        self._environment = dict(environment)
        self._descriptors = tuple(descriptors)
        self._process: subprocess.Popen[bytes] | None = None
        self._deaths: deque[float] = deque(maxlen=FATAL_DEATHS)
        self._due_at = 0.0

    def start(self) -> None:
        """Start the process, in a session of its own: Ctrl-C reaches only the supervisor."""
        process = subprocess.Popen(
            self._command,
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=self._descriptors,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 (there is one thread, and one system call)
        )
        assert process.stdout is not None
        self._pump.add(process.stdout, self.log)
        self._process = process

    def exit_code(self) -> int | None:
        """Exit code of the last start, negative for a signal; ``None`` while it runs or before it did."""
        return None if self._process is None else self._process.poll()

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def is_due(self) -> bool:
        """Whether the process is down and its time to start (again) has come."""
        return self._process is None and time.monotonic() >= self._due_at

    def bury(self, *, counts: bool = True) -> int:
        """Note that the process died, end what it left, and plan the next start.

        That is at once after a first death, then after 1, 2, 4 … seconds.

        Parameters
        ----------
        counts : bool
            ``False`` when the death has a known cause outside, such as the database being down.

        Returns
        -------
        int
            Deaths within the last 30 seconds that count.
        """
        now = time.monotonic()
        self.kill()
        self._process = None
        if counts:
            self._deaths.append(now)
        recent = sum(now - death < DEATH_WINDOW_S for death in self._deaths)
        self._due_at = now if recent <= 1 and counts else now + 0.25 * 2**recent
        return recent

    def terminate(self) -> None:
        """Ask the process to finish."""
        if self._process is not None and self.is_alive():
            self._process.terminate()

    def kill(self) -> None:
        """End the process and everything it started in its session."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def empty_folder(path: Path) -> Path:
    """Return a folder without the figures that processes of an earlier run left."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path.resolve()
