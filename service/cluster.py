"""A private PostgreSQL + PostGIS server in one directory, safe to kill at any moment.

``python -m service.cluster start|stop DIRECTORY`` does the same from a shell.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import URL

from service.cluster_directory import OWNER, SUPERUSER, ClusterDirectory
from service.postgres import (
    ClusterError,
    Installation,
    find_installation,
    render_settings,
    server_settings,
    usable_memory,
)

DATABASE = "bandoso"
EXTENSIONS = ("postgis", "pg_trgm", "unaccent", "btree_gist")
STATISTICS = "pg_stat_statements"

_START_TIMEOUT_S = 600
_START_ATTEMPTS = 3
_STOP_PATIENCE_S = 30
_SERVER_NAMES = frozenset({"postgres", "postmaster"})


class Cluster:
    """A private server in a directory of its own.

    Parameters
    ----------
    directory : Path
        Created when absent. Several clusters may live side by side.
    memory : int, optional
        Bytes to size the buffers by; the machine's memory when left out.
    """

    def __init__(self, directory: Path, *, memory: int | None = None) -> None:
        self.directory = ClusterDirectory(directory)
        self.memory = memory

    def ensure(self) -> str:
        """Make the server and its database exist and answer, whatever state a crash left them in.

        Safe to call from several processes at once.

        Returns
        -------
        str
            See ``url``.

        Raises
        ------
        ClusterError
            When it cannot be done; the message says what to do.
        """
        with self.directory.locked():
            if not self.directory.data.exists():
                self._initialise()
            self._await_answer()
            self._create_database()
        return self.url

    def stop(self) -> None:
        """Stop the server if it runs: politely, then without a last checkpoint, at last by killing it.

        Notes
        -----
        A server that is just mending itself after the death of a backend gets no polite request: PostgreSQL
        15 then waits for ever. Stopping without a checkpoint loses nothing: the next start replays the log.
        """
        with self.directory.locked():
            if not self.directory.data.exists():
                return
            if self.is_running() and self._answers():
                self._signal_postmaster(signal.SIGINT)
                self._await_silence(_STOP_PATIENCE_S)
            self._signal_postmaster(signal.SIGQUIT)
            self._clear_remains()

    def is_running(self) -> bool:
        """Whether a living server process holds the data directory."""
        return self._find_postmaster() is not None

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the owner role and the product's database, over the Unix socket.

        Raises
        ------
        ClusterError
            When ``ensure`` has never run here.
        """
        return self._address("postgresql+psycopg", OWNER, DATABASE)

    @property
    def administrator_url(self) -> str:
        """URL (libpq's form) of the server's superuser, for backups and tests; the product never uses it."""
        return self._address("postgresql", SUPERUSER, SUPERUSER)

    def _address(self, scheme: str, role: str, database: str) -> str:
        try:
            password = self.directory.read_passwords()[role]
            port = self.directory.read_port()
        except OSError as error:
            raise ClusterError(
                f"Chưa có cơ sở dữ liệu dùng được trong {self.directory.root} ({error}).",
                f"There is no usable database in {self.directory.root} ({error}).",
            ) from error
        query = {"host": str(self.directory.socket_directory()), "port": str(port)}
        url = URL.create(scheme, role, password, database=database, query=query)
        return url.render_as_string(hide_password=False)

    def _initialise(self) -> None:
        installation = find_installation()
        fresh = self.directory.prepare()
        with self.directory.superuser_password_file() as password:
            answer = self._run(
                installation.program("initdb"),
                f"--username={SUPERUSER}",
                f"--pwfile={{data}}/../{password.relative_to(self.directory.root)}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                # The same order as that of C.UTF-8, by code point, compared two to three times faster.
                "--lc-collate=C",
                "--data-checksums",
                data=fresh,
            )
        if answer.returncode:
            raise ClusterError(
                f"Không tạo được cơ sở dữ liệu trong {self.directory.root}:\n{answer.stdout}",
                f"The database could not be created in {self.directory.root}; the lines above say why.",
            )
        with (fresh / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude_if_exists = 'bandoso.conf'\n")
        fresh.rename(self.directory.data)

    def _start(self, deadline: float) -> None:
        """Start the server; again, up to three times in all, when it ends by itself.

        Notes
        -----
        Another program may take the port first. And recovery can stumble once over the file of an unlogged
        table whose transaction was undone after the last record of the log ("File exists"): it leaves behind
        what lets the next attempt remove that file.
        """
        installation = find_installation(int((self.directory.data / "PG_VERSION").read_text()))
        for _ in range(_START_ATTEMPTS):
            self._clear_remains()
            self._configure(installation, self.directory.choose_port())
            patience = max(1, round(deadline - time.monotonic()))
            answer = self._run(installation.program("pg_ctl"), "start", "--wait", "--silent", f"--timeout={patience}")
            if answer.returncode == 0:
                return
            if self.is_running():
                break
        log = self.directory.log
        raise ClusterError(
            f"Cơ sở dữ liệu không khởi động được. Nhật ký ở {log}:\n{answer.stdout}{self.directory.last_log_lines()}",
            f"The database did not start. Its log is in {log}; the lines above are its end.",
        )

    def _configure(self, installation: Installation, port: int) -> None:
        sockets = self.directory.socket_directory()
        inside = sockets.parent == self.directory.root
        settings = server_settings(
            self.memory or usable_memory(),
            port=port,
            socket_directory=f"../{sockets.name}" if inside else str(sockets),
        )
        if installation.has_extension(STATISTICS):
            settings["shared_preload_libraries"] = STATISTICS
        probe = self._run(installation.program("postgres"), "-C", "wal_compression", "-c", "wal_compression=lz4")
        if probe.returncode == 0:
            settings["wal_compression"] = "lz4"
        self.directory.write_for_server("bandoso.conf", render_settings(settings))

    def _clear_remains(self) -> None:
        """Remove a dead server's lock files, after proving from ``/proc`` that nothing of it lives.

        Notes
        -----
        PostgreSQL itself refuses to start while the number in ``postmaster.pid`` names any process, even one
        that was killed and not reaped, or an unrelated one after a restart of the machine.
        """
        if not (self._await_silence(5) or self._silence(signal.SIGQUIT) or self._silence(signal.SIGKILL)):
            raise ClusterError(
                f"Tiến trình PostgreSQL cũ ở {self.directory.data} không dừng được. Hãy khởi động lại máy.",
                f"An old PostgreSQL process in {self.directory.data} cannot be stopped. Restart the machine.",
            )
        (self.directory.data / "postmaster.pid").unlink(missing_ok=True)
        for path in self.directory.socket_directory().glob(".s.PGSQL.*"):
            path.unlink()

    def _await_answer(self) -> None:
        """Start the server if it is down and wait for its answer; after a crash it replays its log first."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            if not self.is_running():
                self._start(deadline)
            if self._answers():
                return
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"Cơ sở dữ liệu không trả lời. Nhật ký ở {self.directory.log}.",
                    f"The database does not answer. Its log is in {self.directory.log}.",
                )
            time.sleep(0.1)

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self._connect(SUPERUSER).close()
            return True
        return False

    def _create_database(self) -> None:
        with self._connect(SUPERUSER) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone():
                password = sql.Literal(self.directory.read_passwords()[OWNER])
                connection.execute(sql.SQL("CREATE ROLE bandoso LOGIN CREATEROLE PASSWORD {}").format(password))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute("CREATE DATABASE bandoso OWNER bandoso TEMPLATE template0")
        with self._connect(DATABASE) as connection:
            preloaded = connection.execute("SHOW shared_preload_libraries").fetchone()
            for name in (*EXTENSIONS, STATISTICS) if preloaded == (STATISTICS,) else EXTENSIONS:
                extension = sql.Identifier(name)
                connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA public").format(extension))
            connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON spatial_ref_sys TO bandoso")

    def _connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        address = self._address("postgresql", SUPERUSER, database)
        return psycopg.connect(address, autocommit=True, connect_timeout=5, options="-c client_min_messages=warning")

    def _find_postmaster(self) -> psutil.Process | None:
        try:
            first_line = (self.directory.data / "postmaster.pid").read_text().partition("\n")[0]
            process = psutil.Process(int(first_line))
        except (OSError, ValueError, psutil.Error):
            return None
        return process if _works_in(process, self.directory.data) else None

    def _signal_postmaster(self, signal_number: signal.Signals) -> None:
        postmaster = self._find_postmaster()
        if postmaster is not None:
            with suppress(psutil.NoSuchProcess):
                postmaster.send_signal(signal_number)

    def _processes(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if _works_in(process, self.directory.data)]

    def _silence(self, signal_number: signal.Signals) -> bool:
        """Send a signal to every process of the server and wait; ``False`` when one lives on."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal_number)
        return self._await_silence(5)

    def _await_silence(self, timeout_s: float) -> bool:
        """Wait until no process of the server lives; ``False`` when one still does at the end."""
        deadline = time.monotonic() + timeout_s
        while self._processes():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _run(self, program: str, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs as the server's user; ``{data}`` stands for the data directory.

        Its output goes to a file, not a pipe: a started server keeps it open.
        """
        with (
            self.directory.server_path(data or self.directory.data) as (path, descriptors),
            tempfile.TemporaryFile("w+") as output,
        ):
            answer = subprocess.run(
                [program, *(argument.replace("{data}", path) for argument in arguments), "-D", path],
                cwd="/",
                env=_server_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,
                check=False,
                **self.directory.account.spawn_options,
            )
            output.seek(0)
            return subprocess.CompletedProcess(answer.args, answer.returncode, output.read())


def _works_in(process: psutil.Process, data: Path) -> bool:
    """Whether a process is a living server process of a data directory.

    One that was killed but not yet reaped by its parent has no working directory any more.
    """
    try:
        return process.name() in _SERVER_NAMES and process.cwd() == str(data)
    except (psutil.Error, OSError):
        return False


def _server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out the variables that steer PostgreSQL's programs, and those that may hold secrets of ours."""
    kept = {"PATH", "TMPDIR"}
    return {name: value for name, value in environment.items() if name in kept} | {"LC_ALL": "C.UTF-8"}


def main(arguments: list[str]) -> int:
    """Run ``start DIRECTORY`` or ``stop DIRECTORY``.

    Returns
    -------
    int
        The exit code: 0 done, 1 failed, 2 wrong arguments.
    """
    actions = {"start": Cluster.ensure, "stop": Cluster.stop}
    if len(arguments) != 2 or arguments[0] not in actions:  # noqa: PLR2004 (an action and a directory)
        sys.stderr.write("usage: python -m service.cluster start|stop DIRECTORY\n")
        return 2
    try:
        actions[arguments[0]](Cluster(Path(arguments[1])))
    except ClusterError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
