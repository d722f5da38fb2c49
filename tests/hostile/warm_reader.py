"""A reader that has started already: each file is read by a fork of it, so that thousands can be tried.

What reads is the product's own `geodata.importing.reader`, in the same namespaces and under the same limits; only the
start of the interpreter and of the libraries is done once.

Run as a program with ``SOCKET``, it waits for jobs, which `tests.hostile.warm_client` brings.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_START_S = 30.0


@contextlib.contextmanager
def warm_reader(folder: Path, *, with_gdal: bool = False, is_networked: bool = False) -> Iterator[list[str]]:
    """Start one; yield the command that the sandbox is to use in place of its own."""
    from geodata.importing import sandbox

    path = folder / "reader.sock"
    unshare = ["unshare", "-rn"] if sandbox.sandbox_mode() == "no-network" and not is_networked else []
    command = [*unshare, sys.executable, "-P", "-s", __file__, str(path), *(["gdal"] if with_gdal else [])]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, env=sandbox._environment(folder), cwd=folder, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + _START_S
        while not path.exists():
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield [sys.executable, "-I", "-S", str(Path(__file__).with_name("warm_client.py")), str(path)]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def serve(path: str, *, with_gdal: bool) -> None:
    """Fork for every job that comes."""
    from geodata.importing import reader

    if with_gdal:
        from geodata.importing import gdal_mode

        gdal_mode.load()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{path}.new")
        server.listen()
        Path(f"{path}.new").rename(path)
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as lines:
                line = lines.readline()
                if not line.endswith(b"\n"):
                    continue
                job, folder = line[:-1].split(b"\0")
                child = os.fork()
                if child == 0:
                    _read(reader, job.decode(), os.fsdecode(folder))
                code = _wait(child, connection)
                # Whoever asked may have been killed.
                with contextlib.suppress(OSError):
                    connection.send(str(code).encode())


def _read(reader: object, job: str, folder: str) -> None:
    """Do one job as a process of its own does; never returns."""
    code = 1
    try:
        os.chdir(folder)
        log = os.open("reader.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        os.environ.update(HOME=folder, TMPDIR=folder)
        code = reader.main(job)  # type: ignore[attr-defined]
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int, connection: socket.socket) -> int:
    """Wait for the job's end, or end it when whoever asked has been killed."""
    ended = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([ended, connection], [], [])
        if ended not in ready:
            os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        os.close(ended)


if __name__ == "__main__":
    serve(sys.argv[1], with_gdal="gdal" in sys.argv[2:])
