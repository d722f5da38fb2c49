"""What lies in the directory of a private server, and which system user owns each part.

``data`` holds the server's files, ``socket`` its Unix socket, ``log`` its logs; ``credentials.json`` (mode
0600) the passwords, ``port`` the loopback port, ``lock`` whose turn it is to start or stop it, and
``socket-path`` a shorter place for the socket when the path is too long for one.
"""

import fcntl
import json
import os
import pwd
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.postgres import ClusterError

OWNER = "bandoso"
SUPERUSER = "postgres"

_FIRST_PORT = 15432
_PORTS = 1000
# A Unix socket's address holds 107 bytes and the longest file name here is ".s.PGSQL.65535".
_LONGEST_SOCKET_DIRECTORY = 107 - len("/.s.PGSQL.65535")
_LONGEST_RUNTIME_DIRECTORY = 60


@dataclass(frozen=True)
class Account:
    """The system user a server runs as."""

    uid: int
    gid: int

    @property
    def spawn_options(self) -> dict[str, Any]:
        """Keyword arguments that make ``subprocess`` run a program as this user."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def find_account(data: Path) -> Account:
    """Choose who runs the server: never root, and always the owner of existing data.

    Parameters
    ----------
    data : Path
        The data directory; it need not exist.

    Raises
    ------
    ClusterError
        When root asks and the system has no user for it.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for entry in pwd.getpwall():
        if entry.pw_name in {SUPERUSER, OWNER}:
            return Account(entry.pw_uid, entry.pw_gid)
    raise ClusterError(
        "Không chạy cơ sở dữ liệu bằng quyền root được. Hãy tạo người dùng: useradd --system postgres",
        "A database server must not run as root. Create a user: useradd --system postgres",
    )


class ClusterDirectory:
    """The directory of one private server.

    Parameters
    ----------
    root : Path
        Made by ``locked`` when absent.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.data = self.root / "data"
        self.log = self.root / "log"

    @property
    def account(self) -> Account:
        """User the server runs as."""
        return find_account(self.data)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory; another process that wants it waits.

        Raises
        ------
        ClusterError
            When the directory belongs to another user.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = (self.root / "lock").open("w")
        except PermissionError as error:
            raise ClusterError(
                f"Thư mục {self.root} thuộc về người dùng khác. Hãy chạy bằng người dùng đó hoặc dùng sudo, "
                "hoặc xóa thư mục để làm lại từ đầu.",
                f"{self.root} belongs to another user. Run as that user or with sudo, or remove it to begin anew.",
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def prepare(self) -> Path:
        """Make the passwords, the log directory and an empty directory for the server's files.

        Returns
        -------
        Path
            ``data.new``: it becomes ``data`` only when complete, so a half-made one is never taken for data.
        """
        self.root.chmod(0o711)
        passwords = {name: secrets.token_urlsafe(24) for name in (OWNER, SUPERUSER)}
        self.write("credentials.json", json.dumps(passwords))
        shutil.rmtree(self.root / "data.new", ignore_errors=True)
        self._make_directory("log")
        return self._make_directory("data.new")

    @contextmanager
    def superuser_password_file(self) -> Iterator[Path]:
        """Lend the superuser's password as a file that the server's user can read."""
        folder = self._make_directory("password")
        path = folder / "superuser"
        try:
            path.write_text(self.read_passwords()[SUPERUSER])
            self._give(path, 0o600)
            yield path
        finally:
            shutil.rmtree(folder)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the directory, readable by the directory's owner only, whole or not at all."""
        fresh = self.root / f"{name}.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            if os.geteuid() == 0:
                os.fchown(handle.fileno(), self.root.stat().st_uid, self.root.stat().st_gid)
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        return fresh.replace(self.root / name)

    def write_for_server(self, name: str, text: str) -> None:
        """Write a file into ``data``, owned by the server's user.

        It is moved there from a place only we may write to, so root never opens a path the server's user
        controls.
        """
        path = self.write(name, text)
        self._give(path, 0o600)
        path.replace(self.data / name)

    def read_passwords(self) -> dict[str, str]:
        """Read the passwords, by role."""
        passwords: dict[str, str] = json.loads((self.root / "credentials.json").read_text())
        return passwords

    def read_port(self) -> int:
        """Read the loopback port chosen by the last start."""
        return int((self.root / "port").read_text())

    def choose_port(self) -> int:
        """Take the port of the last start, or the first free one from a number derived from the path."""
        first = zlib.crc32(os.fsencode(self.root)) % _PORTS
        candidates = [_FIRST_PORT + (first + step) % _PORTS for step in range(_PORTS)]
        if (self.root / "port").exists():
            candidates.insert(0, self.read_port())
        port = next(port for port in candidates if is_free(port))
        self.write("port", str(port))
        return port

    def socket_directory(self) -> Path:
        """Directory of the Unix socket, made when absent: ``socket``, or a short one elsewhere."""
        inside = self.root / "socket"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET_DIRECTORY:
            return inside if inside.is_dir() else self._make_directory("socket")
        record = self.root / "socket-path"
        if record.exists() and self._is_ours(Path(record.read_text())):
            return Path(record.read_text())
        outside = Path(tempfile.mkdtemp(prefix="bandoso-", dir=_runtime_directory()))
        self._give(outside, 0o700)
        self.write(record.name, str(outside))
        return outside

    def last_log_lines(self, count: int = 15) -> str:
        """Return the end of the logs, oldest file first."""
        logs = sorted(self.log.glob("*.log"), key=lambda path: path.stat().st_mtime)
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()]
        return "\n".join(lines[-count:])

    @contextmanager
    def server_path(self, folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Lend the path by which the server's user reaches a folder of its own.

        Yields
        ------
        tuple of str and tuple of int
            The path, and the file descriptors a program needs to inherit for it. Below a directory the user
            may not enter, such as root's home, the way in is an open descriptor of the folder itself, so the
            user needs no right on anything above.
        """
        test = ("/usr/bin/test", "-x", str(folder))
        seen = subprocess.run(test, check=False, **self.account.spawn_options)
        if seen.returncode == 0:
            yield str(folder), ()
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}", (descriptor,)
        finally:
            os.close(descriptor)

    def _is_ours(self, folder: Path) -> bool:
        """Whether a directory where others may write, too, is still the one made for this server."""
        try:
            status = folder.lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(status.st_mode) and status.st_uid == self.account.uid

    def _make_directory(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        self._give(folder, 0o700)
        return folder

    def _give(self, path: Path, mode: int) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.account.uid, self.account.gid)
        path.chmod(mode)


def is_free(port: int) -> bool:
    """Whether a loopback port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _runtime_directory() -> str:
    """Choose a short directory for sockets: the login session's own, or the system's temporary one."""
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = os.geteuid() != 0 and 0 < len(own) <= _LONGEST_RUNTIME_DIRECTORY and os.access(own, os.W_OK)
    return own if usable else "/tmp"  # noqa: S108 (a private directory is made in it)
