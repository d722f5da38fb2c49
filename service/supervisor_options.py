"""What ``bandoso up`` prepares and runs, and where."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from geodata.errors import SettingsError

_PYTHON = sys.executable
_LAST_PORT = 65_535

LOGIN_FILE = "sample-login.txt"


@dataclass(frozen=True)
class Preparation:
    """A command that must succeed before the service starts.

    Attributes
    ----------
    vi, en : str
        What it does, said while it runs.
    command : sequence of str
        Program and arguments.
    """

    vi: str
    en: str
    command: Sequence[str]


MIGRATE = Preparation(
    "Cập nhật cấu trúc cơ sở dữ liệu",
    "updating the database's structure",
    (_PYTHON, "-m", "alembic", "upgrade", "head"),
)
SET_UP = Preparation(
    "Ghi cấu hình và nạp danh mục hành chính",
    "applying the settings and loading the lists of administrative units",
    (_PYTHON, "-m", "service", "setup"),
)
LOAD_SAMPLE = Preparation(
    "Nạp dữ liệu mẫu nếu chưa có, lần đầu khoảng một phút",
    "loading the sample data if there is none: about a minute the first time",
    (_PYTHON, "-m", "service", "sample", "load", "--if-empty"),
)
SERVE_API = (
    *(_PYTHON, "-m", "uvicorn", "service.app:create_app", "--factory", "--fd", "{fd}"),
    *("--http", "service.accepting:FairProtocol"),
    *("--no-server-header", "--no-access-log", "--timeout-graceful-shutdown", "8"),
)
WORK = (_PYTHON, "-m", "service", "worker")


@dataclass(frozen=True)
class Options:
    """What to run, and where.

    Attributes
    ----------
    root : Path
        The project's folder: working directory of everything that runs.
    var : Path
        Where the state lives: ``pg``, ``log``, ``supervisor.lock``.
    database_url : str or None
        A database run by somebody else; ``None`` means a private one in ``var/pg``.
    first_port : int
        The first free port from here up is taken.
    api_command, worker_command : sequence of str
        ``{fd}`` stands for the descriptor of the listening socket.
    """

    root: Path
    var: Path
    database_url: str | None = None
    host: str = "127.0.0.1"
    first_port: int = 8000
    api_processes: int = 2
    preparations: Sequence[Preparation] = (MIGRATE, SET_UP, LOAD_SAMPLE)
    shows_login: bool = True
    api_command: Sequence[str] = SERVE_API
    worker_command: Sequence[str] = WORK
    ready_timeout_s: float = 120.0
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @classmethod
    def from_environment(cls, root: Path) -> "Options":
        """Read ``DATABASE_URL``, ``BANDOSO_VAR_DIR``, ``BANDOSO_PORT`` and ``BANDOSO_ENV``.

        An installation in production gets no sample data.

        Raises
        ------
        SettingsError
            When the port is none.
        """
        production = os.environ.get("BANDOSO_ENV") == "production"
        return cls(
            root=root,
            var=root / os.environ.get("BANDOSO_VAR_DIR", "var"),
            database_url=os.environ.get("DATABASE_URL") or None,
            first_port=_read_port(os.environ.get("BANDOSO_PORT", "8000")),
            preparations=(MIGRATE, SET_UP) if production else (MIGRATE, SET_UP, LOAD_SAMPLE),
            shows_login=not production,
        )


def _read_port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) <= _LAST_PORT:
        return int(text)
    raise SettingsError(
        why_vi=f"BANDOSO_PORT phải là số nguyên từ 1 đến {_LAST_PORT}.",
        why_en=f"BANDOSO_PORT must be a whole number from 1 to {_LAST_PORT}.",
    )
