"""The lock on a state directory: one supervisor at a time, and where it serves.

The kernel drops the lock when its holder ends, however that ends; nothing stale is ever left.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.console import OperatorError

LOCK_NAME = "supervisor.lock"


@dataclass(frozen=True)
class StateLock:
    """A lock that is held."""

    descriptor: int

    def write_address(self, address: str) -> None:
        """Tell others who holds the lock and where it serves."""
        text = json.dumps({"pid": os.getpid(), "address": address}).encode()
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text, 0)


@contextmanager
def hold_state(var: Path) -> Iterator[StateLock | None]:
    """Hold a state directory, made when absent.

    Yields
    ------
    StateLock or None
        ``None`` when another process holds it.

    Raises
    ------
    OperatorError
        When the directory belongs to another user.
    """
    try:
        var.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(var / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError as error:
        raise OperatorError(
            f"Không ghi được vào {var}. Hãy chạy bằng người dùng đã tạo thư mục này, hoặc dùng sudo.",
            f"{var} cannot be written. Run as the user who made it, or with sudo.",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield None
    else:
        lock = StateLock(descriptor)
        lock.write_address("")
        yield lock
    finally:
        os.close(descriptor)


def describe_holder(var: Path) -> str:
    """Say who holds a state directory and where it serves."""
    try:
        holder = json.loads((var / LOCK_NAME).read_text())
    except ValueError:
        holder = {"pid": "?", "address": ""}
    address = holder["address"] or "đang khởi động / still starting"
    return (
        f"bandoso đã chạy rồi: {address} (tiến trình {holder['pid']}).\n"
        f"bandoso is already running: {address} (process {holder['pid']})."
    )
