"""The servers that are measured: the product as `bandoso up` starts it, tipg as shipped, and a bare ASGI answer."""

import hashlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.listening import listen
from service.supervisor_options import SERVE_API
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.places import HERE, ROOT, VAR, plain_environment
from tests.conftest import free_port

PROCESSES = 2
_FIRST_PORT = 8900
_START_S = 60


@dataclass(frozen=True)
class Serving:
    """A running server: its origin and its processes."""

    address: str
    pids: list[int]


@contextmanager
def bandoso(url: str, *, cache_mb: int) -> Iterator[Serving]:
    """Serve the product with two processes on one socket, as its supervisor does."""
    environment = {
        "DATABASE_URL": url,
        "BANDOSO_VAR_DIR": str(VAR / "service"),
        "BANDOSO_TILE_CACHE_MB": str(cache_mb),
    }
    with _on_one_socket(SERVE_API, environment, f"bandoso-{cache_mb}", "/readyz") as found:
        yield found


@contextmanager
def hello() -> Iterator[Serving]:
    """Serve the smallest answer in the same way."""
    command = ["tests.benchmarks.hello:app" if word == "service.app:create_app" else word for word in SERVE_API]
    command.remove("--factory")
    with _on_one_socket(command, {}, "hello", "/") as found:
        yield found


@contextmanager
def tipg(url: str) -> Iterator[Serving]:
    """Serve tipg with its default settings and two workers; it reads schema ``public``."""
    port = free_port()
    command = [
        str(peers() / "uvicorn"), "tipg.main:app", "--workers", str(PROCESSES), "--port", str(port), "--no-access-log",
    ]  # fmt: skip
    with ExitStack() as stack:
        running = stack.enter_context(process(command, {"DATABASE_URL": url}, "tipg"))
        address = f"http://127.0.0.1:{port}"
        _await_answer(f"{address}/collections", [running], "tipg")
        yield Serving(address, [running.pid])


@contextmanager
def _on_one_socket(command: Sequence[str], environment: dict[str, str], name: str, probe: str) -> Iterator[Serving]:
    with listen("127.0.0.1", _FIRST_PORT) as listener, ExitStack() as stack:
        words = [word.format(fd=listener.fileno()) for word in command]
        children = [stack.enter_context(process(words, environment, f"{name}-{n}", listener)) for n in range(PROCESSES)]
        address = "http://{}:{}".format(*listener.getsockname())
        _await_answer(f"{address}{probe}", children, name)
        yield Serving(address, [child.pid for child in children])


@contextmanager
def process(
    command: Sequence[str], environment: dict[str, str], name: str, listener: socket.socket | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program whose words go to a log, until the block ends."""
    descriptors = () if listener is None else (listener.fileno(),)
    with (VAR / f"{name}.log").open("wb") as log:
        running = subprocess.Popen(
            list(command),
            env={**plain_environment(), **environment},
            cwd=ROOT,
            stdout=log,
            stderr=log,
            pass_fds=descriptors,
        )
        try:
            yield running
        finally:
            running.terminate()
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _await_answer(url: str, processes: Sequence[subprocess.Popen[bytes]], name: str) -> None:
    """Wait until a server answers well, a few times in a row since several processes share the socket."""
    deadline, answers = time.monotonic() + _START_S, 0
    while answers < 2 * PROCESSES:
        if any(process.poll() is not None for process in processes) or time.monotonic() > deadline:
            raise BenchmarkError(f"{name} does not answer; its log is in {VAR.name}/{name}*.log")
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                answers += answer.status == 200
        except OSError:
            time.sleep(0.2)


def peers() -> Path:
    """Return the folder of the peers' programs; they have an environment of their own, made when it is missing."""
    folder, wanted = VAR / "venv", HERE / "peers.txt"
    stamp, digest = folder / "stamp", hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", str(wanted)], check=True)
        stamp.write_text(digest)
    return folder / "bin"
