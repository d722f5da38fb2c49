"""Which PostgreSQL this machine has, and how a private server on it is configured."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil

from service.console import OperatorError

OLDEST_MAJOR = 15
_MIB = 1024**2
_GIB = 1024**3
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


class ClusterError(OperatorError):
    """The private database cannot be used."""


@dataclass(frozen=True)
class Installation:
    """One installed PostgreSQL server.

    Attributes
    ----------
    bin : Path
        Directory of ``initdb``, ``pg_ctl`` and ``postgres``.
    major : int
        Major version, for example 15.
    """

    bin: Path
    major: int

    def program(self, name: str) -> str:
        """Full path of one of the server's programs."""
        return str(self.bin / name)

    def has_extension(self, name: str) -> bool:
        """Whether ``CREATE EXTENSION name`` would find its control file."""
        return any((folder / "extension" / f"{name}.control").is_file() for folder in self._share_directories)

    @cached_property
    def _share_directories(self) -> tuple[Path, ...]:
        debian = Path(f"/usr/share/postgresql/{self.major}")
        pg_config = self.bin / "pg_config"
        if not pg_config.is_file():
            return (debian,)
        command = (str(pg_config), "--sharedir")
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        return (debian, Path(answer.stdout.strip() or debian))


def find_installation(major: int | None = None) -> Installation:
    """Find a PostgreSQL server with PostGIS, the newest one first.

    Parameters
    ----------
    major : int, optional
        Accept this major version only: a data directory belongs to one major version.

    Returns
    -------
    Installation

    Raises
    ------
    ClusterError
        When there is none; the message names the packages.
    """
    found = [one for one in _installations() if one.major == (major or max(one.major, OLDEST_MAJOR))]
    for installation in found:
        if installation.has_extension("postgis"):
            return installation
    wanted = major or (found[0].major if found else OLDEST_MAJOR)
    packages = f"sudo apt-get install --no-install-recommends postgresql-{wanted}-postgis-3"
    raise ClusterError(
        f"Máy chưa có PostgreSQL {major or f'≥ {OLDEST_MAJOR}'} kèm PostGIS. Hãy chạy: {packages}",
        f"There is no PostgreSQL {major or f'≥ {OLDEST_MAJOR}'} with PostGIS here. Run: {packages}",
    )


def _installations() -> Iterator[Installation]:
    folders = {path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")}
    on_path = shutil.which("postgres")
    if on_path:
        folders.add(Path(on_path).resolve().parent)
    versions = [(read_major_version(folder), folder) for folder in folders]
    for major, folder in sorted(versions, reverse=True):
        yield Installation(bin=folder, major=major)


def read_major_version(folder: Path) -> int:
    """Major version of the ``postgres`` program in a folder; 0 when it does not run."""
    command = (str(folder / "postgres"), "--version")
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(version.group(1)) if version else 0


def usable_memory() -> int:
    """Bytes of memory this process may count on: the machine's, or its control group's if that is less."""
    limits = [psutil.virtual_memory().total]
    for path in _CGROUP_LIMITS:
        text = path.read_text().strip() if path.is_file() else ""
        limits += [int(text)] if text.isdigit() else []
    return min(limits)


_LOGGING = {
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    "log_line_prefix": "%m [%p] %u@%d ",
    "log_checkpoints": "off",
}


def server_settings(memory: int, *, port: int, socket_directory: str) -> dict[str, str]:
    """Choose the settings of a private server.

    Parameters
    ----------
    memory : int
        Bytes the machine has: a quarter becomes the shared buffer (128 MB to 4 GB), half is told to
        the planner.
    port : int
        Loopback port.
    socket_directory : str
        Where the Unix socket goes; a relative path starts from the data directory.

    Returns
    -------
    dict
        Setting names to values, unquoted. Nothing acknowledged may be lost, so ``fsync`` and
        ``synchronous_commit`` are always on.
    """
    shared = min(max(memory // 4, 128 * _MIB), 4 * _GIB)
    return {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": socket_directory,
        "unix_socket_permissions": "0700",
        "max_connections": "150",
        "password_encryption": "scram-sha-256",
        "shared_buffers": f"{shared // _MIB}MB",
        "effective_cache_size": f"{max(memory // 2, 256 * _MIB) // _MIB}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "512MB",
        "jit": "off",
        "random_page_cost": "1.1",
        "max_wal_size": "8GB",
        # Without a second server nobody reads the log, and a first load need not write everything twice.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "cluster_name": "bandoso",
        **_LOGGING,
    }


def render_settings(settings: Mapping[str, str]) -> str:
    r"""Format settings as a PostgreSQL configuration file.

    Examples
    --------
    >>> render_settings({"port": "5432", "search_path": "o'x"})
    "port = '5432'\nsearch_path = 'o''x'\n"
    """
    return "".join(f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items())
