"""Everything ``bandoso up`` runs, kept alive by one process: database, API and worker.

The API is several uvicorn processes on one listening socket that the supervisor itself holds. When one of
them is killed, the others go on answering and no connection is refused; uvicorn's own ``--workers`` would
leave orphans on the port when its parent is killed.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

import psycopg

from service.cluster import Cluster
from service.console import OperatorError, say, say_summary
from service.listening import is_ready, listen
from service.prepared import Preparedness
from service.processes import FATAL_DEATHS, Child, LogFile, LogPump, empty_folder
from service.settings import ServiceSettings
from service.state_lock import describe_holder, hold_state
from service.supervisor_options import LOGIN_FILE, Options, Preparation

_TICK_S = 0.25
_GRACE_S = 10.0


class SupervisorError(OperatorError):
    """The service cannot go on."""


class _Stopped(Exception):
    """Somebody pressed Ctrl-C or sent a signal."""


def run(options: Options) -> int:
    """Start everything, keep it alive, and stop it at Ctrl-C.

    Must be called in the main thread of a process that ends afterwards.

    Returns
    -------
    int
        The exit code: 0 stopped on request or already running, 1 could not go on.
    """
    try:
        with hold_state(options.var) as state:
            if state is None:
                say(describe_holder(options.var))
                return 0
            with _caught_signals() as signals, _supervising(options, signals) as supervisor:
                supervisor.prepare()
                state.write_address(supervisor.serve())
                supervisor.watch()
    except _Stopped:
        return 0
    except OperatorError as error:
        say(str(error))
        return 1


@dataclass
class _Signals:
    """The signals that came so far, and a descriptor that becomes readable with each."""

    wakeup: int
    count: int = 0

    def receive(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1

    def check(self) -> None:
        if self.count:
            raise _Stopped


@contextmanager
def _caught_signals() -> Iterator[_Signals]:
    """Count the signals that ask to stop, also after the end: a second Ctrl-C must not spoil an orderly exit."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signals = _Signals(readable)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signals.receive)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(-1)
        os.close(readable)
        os.close(writable)


@contextmanager
def _supervising(options: Options, signals: _Signals) -> Iterator["Supervisor"]:
    supervisor = Supervisor(options, signals)
    try:
        yield supervisor
    finally:
        supervisor.shut_down()


class Supervisor:
    """The processes of one installation. Use ``run``.

    Parameters
    ----------
    options : Options
        What to run.
    signals : _Signals
        Checked between any two steps.
    """

    def __init__(self, options: Options, signals: _Signals) -> None:
        self.options = options
        self._signals = signals
        self._pump = LogPump()
        self._pump.watch_wakeups(signals.wakeup)
        self._logs: dict[str, LogFile] = {}
        self._children: list[Child] = []
        self._cluster = None if options.database_url else Cluster(options.var / "pg")
        self._recovery: Child | None = None
        self._listener: socket.socket | None = None
        self._environment = {
            **options.environment,
            "BANDOSO_VAR_DIR": str(options.var.resolve()),
            "PYTHONUNBUFFERED": "1",
            "PROMETHEUS_MULTIPROC_DIR": str(empty_folder(options.var / "metrics")),
        }

    def prepare(self) -> None:
        """Bring up the database and run the preparations, unless all of them were run before.

        Raises
        ------
        SettingsError
            Before anything is touched, when the settings are incomplete.
        SupervisorError
            When a preparation fails; where the database does not answer, that is said instead of its output.
        """
        ServiceSettings().require_complete()
        if self._cluster is None:
            say("Dùng cơ sở dữ liệu ghi trong DATABASE_URL", "using the database that DATABASE_URL names")
            self._environment["DATABASE_URL"] = str(self.options.database_url)
        else:
            say("Khởi động cơ sở dữ liệu PostGIS riêng", "starting the private PostGIS database")
            self._environment["DATABASE_URL"] = self._cluster.ensure()
        commands = [preparation.command for preparation in self.options.preparations]
        login = self.options.var / LOGIN_FILE
        prepared = Preparedness(self.options.root, login, commands, self._environment)
        if prepared.is_marked():
            return
        for preparation in self.options.preparations:
            self._signals.check()
            try:
                self._carry_out(preparation)
            except SupervisorError:
                _require_answer(self._environment["DATABASE_URL"])
                raise
        prepared.mark()

    def serve(self) -> str:
        """Start the API, wait until it says it is ready, and start the worker.

        Returns
        -------
        str
            The address it answers at.
        """
        self._listener = listen(self.options.host, self.options.first_port)
        port = self._listener.getsockname()[1]
        descriptor = self._listener.fileno()
        api = [part.replace("{fd}", str(descriptor)) for part in self.options.api_command]
        say(f"Khởi động dịch vụ trên cổng {port}", f"starting the service on port {port}")
        for number in range(self.options.api_processes):
            self._children.append(self._child(f"api {number + 1}", "api", api, (descriptor,)))
        self._await_ready(port)
        worker = self._child("worker", "worker", self.options.worker_command)
        worker.start()
        self._children.append(worker)
        address = f"http://{self.options.host}:{port}"
        say_summary(address, self.options.var / LOGIN_FILE if self.options.shows_login else None)
        return address

    def watch(self) -> NoReturn:
        """Keep everything alive until a signal comes."""
        while True:
            self._tick()

    def shut_down(self) -> None:
        """Stop children, then the database: 10 seconds' notice, none after a second signal."""
        say("Đang dừng …", "stopping")
        self._stop_children()
        self._pump.close()
        for log in self._logs.values():
            log.close()
        if self._listener is not None:
            self._listener.close()
        if self._cluster is not None:
            self._cluster.stop()
        say("Đã dừng.", "stopped")

    def _stop_children(self) -> None:
        children = [*self._children, *([self._recovery] if self._recovery else [])]
        deadline = time.monotonic() + _GRACE_S
        patience = max(self._signals.count, 1)
        for child in children:
            child.terminate()
        while any(child.is_alive() for child in children):
            if time.monotonic() > deadline or self._signals.count > patience:
                break
            self._pump.pump(_TICK_S)
        for child in children:
            child.kill()

    def _carry_out(self, preparation: Preparation) -> None:
        say(preparation.vi, preparation.en)
        child = self._child("preparation", "preparation", preparation.command)
        child.start()
        self._children.append(child)
        while child.is_alive():
            self._pump.pump(_TICK_S)
            self._signals.check()
        self._pump.pump(0)
        self._children.remove(child)
        if child.exit_code() != 0:
            raise _failure(
                child,
                f"Bước “{preparation.vi}” thất bại. Sửa xong hãy chạy lại: việc đã làm không bị làm lại.",
                f"The step “{preparation.en}” failed. Mend it and run again: what is done is not done twice.",
            )

    def _await_ready(self, port: int) -> None:
        deadline = time.monotonic() + self.options.ready_timeout_s
        self._tick()
        while not is_ready(self.options.host, port, self._environment):
            if time.monotonic() > deadline:
                log = self._log("api").path
                raise SupervisorError(
                    f"Dịch vụ không sẵn sàng sau {self.options.ready_timeout_s:.0f} giây. Xem {log}.",
                    f"The service was not ready after {self.options.ready_timeout_s:.0f} seconds. See {log}.",
                )
            self._tick()

    def _tick(self) -> None:
        self._pump.pump(_TICK_S)
        self._signals.check()
        database_down = self._watch_cluster()
        for child in self._children:
            if child.exit_code() is not None:
                self._note_death(child, counts=not database_down)
            if child.is_due() and not database_down:
                child.start()

    def _note_death(self, child: Child, *, counts: bool) -> None:
        code = child.exit_code()
        if child.bury(counts=counts) >= FATAL_DEATHS:
            raise _failure(
                child,
                f"Tiến trình “{child.name}” chết {FATAL_DEATHS} lần trong 30 giây nên bandoso dừng lại.",
                f"The process “{child.name}” died {FATAL_DEATHS} times in 30 seconds, so bandoso stops.",
            )
        say(f"Tiến trình “{child.name}” dừng (mã {code}), chạy lại", f"it ended with {code}; started again")

    def _watch_cluster(self) -> bool:
        """Bring the database back when it was killed; ``True`` while it is down.

        The work is done in a process of its own, so that logs flow and the API's answers with it.
        """
        if self._cluster is None:
            return False
        if self._recovery is not None:
            return self._await_recovery(self._recovery)
        if self._cluster.is_running():
            return False
        say("Cơ sở dữ liệu dừng đột ngột, khởi động lại", "the database ended; starting it again")
        command = (sys.executable, "-m", "service.cluster", "start", str(self.options.var / "pg"))
        self._recovery = self._child("database", "preparation", command)
        self._recovery.start()
        return True

    def _await_recovery(self, recovery: Child) -> bool:
        code = recovery.exit_code()
        if code is None:
            return True
        self._recovery = None
        if code != 0:
            raise _failure(
                recovery,
                "Cơ sở dữ liệu không khởi động lại được.",
                "The database could not be started again.",
            )
        return False

    def _child(self, name: str, log: str, command: Sequence[str], descriptors: Sequence[int] = ()) -> Child:
        return Child(
            name,
            command,
            log=self._log(log),
            pump=self._pump,
            directory=self.options.root,
            environment=self._environment,
            descriptors=descriptors,
        )

    def _log(self, name: str) -> LogFile:
        if name not in self._logs:
            echo = name != "preparation"
            self._logs[name] = LogFile(self.options.var / "log" / f"{name}.log", echo=echo)
        return self._logs[name]


def _require_answer(url: str) -> None:
    """Refuse a database that cannot be reached, with the server's own last words and never with the password."""
    try:
        psycopg.connect(url.replace("+psycopg://", "://", 1), connect_timeout=10).close()
    except psycopg.Error as error:
        why = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise SupervisorError(
            f"Không kết nối được cơ sở dữ liệu ghi trong DATABASE_URL: {why} "
            "Hãy kiểm tra địa chỉ, tên, mật khẩu; bỏ DATABASE_URL nếu muốn dùng cơ sở dữ liệu riêng.",
            f"The database that DATABASE_URL names does not answer: {why} "
            "Check address, name and password; unset DATABASE_URL to use the private one.",
        ) from None


def _failure(child: Child, vi: str, en: str) -> SupervisorError:
    lines, path = child.log.last_lines(), child.log.path
    return SupervisorError(
        f"{lines}\n{vi} Các dòng trên nói vì sao; toàn bộ ở {path}.",
        f"{en} The lines above say why; all of it is in {path}.",
    )
