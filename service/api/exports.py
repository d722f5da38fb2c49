"""Registers as files: for everybody what is public, for officers all of their communes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from sqlalchemy import Connection, text

from geodata.errors import ParameterError
from geodata.exporting import gpkg, xlsx
from geodata.exporting.rows import Export, private_export, public_export
from geodata.features import read_versions
from geodata.register import Register
from service.api.forms import etag_of, is_unchanged, unchanged
from service.api.parameters import only
from service.api.uploads import PRIVATE
from service.auth import audit
from service.auth.policy import ForbiddenError, NotSignedInError, Visitor
from service.auth.principal import ANYBODY, Principal
from service.catalogue import NEVER, Catalogue
from service.deps import CatalogueDep, DatabaseDep, RegisterDep, SettingsDep
from service.problems import ExportBusyError

router = APIRouter(tags=["Files"])

WAIT_S, KEPT_S = 20.0, 3600.0
_BLOCK = 1 << 18
_EARLIEST = datetime(2025, 7, 1, tzinfo=UTC)
_public_turn, _private_turn = threading.Lock(), threading.Lock()
"""One file of each kind is written at a time in each process: it is work for the database, and the next public one
often is the same. A register as a whole takes a minute as a workbook, for which no officer has to wait."""


@dataclass(frozen=True, slots=True)
class _Format:
    suffix: str
    media_type: str
    write: Callable[[Connection, Export, Path, datetime], int]


GPKG = _Format("gpkg", gpkg.MEDIA_TYPE, gpkg.write_gpkg)
XLSX = _Format("xlsx", xlsx.MEDIA_TYPE, xlsx.write_xlsx)


@router.get("/collections/{collectionId}/export.gpkg", summary="All items as a GeoPackage")
def export_gpkg(
    request: Request,
    register: RegisterDep,
    principal: Visitor,
    database: DatabaseDep,
    catalogue: CatalogueDep,
    settings: SettingsDep,
) -> Response:
    """Return the register as a GeoPackage; its column ``id`` lets an edited copy be sent back."""
    return _Files(request, register, database, catalogue, settings.var_dir / "exports", GPKG).answer(principal)


@router.get("/collections/{collectionId}/export.xlsx", summary="All items as a workbook")
def export_xlsx(
    request: Request,
    register: RegisterDep,
    principal: Visitor,
    database: DatabaseDep,
    catalogue: CatalogueDep,
    settings: SettingsDep,
) -> Response:
    """Return the register as a workbook; its column ``id`` lets an edited copy be sent back."""
    return _Files(request, register, database, catalogue, settings.var_dir / "exports", XLSX).answer(principal)


@dataclass(frozen=True)
class _Files:
    """The files of one register in one format."""

    request: Request
    register: Register
    database: Any
    catalogue: Catalogue
    folder: Path
    format: _Format

    def answer(self, principal: Principal) -> Response:
        asked = only(self.request, {"private"}).get("private", "false")
        if asked not in {"true", "false"}:
            raise ParameterError(name="private", why_vi="dùng true hoặc false.", why_en="use true or false.")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if asked == "false":
            return self._public()
        if principal is ANYBODY:
            raise NotSignedInError
        # Personal data goes to people who signed in, not to keys made for sending files.
        if principal.csrf is None:
            raise ForbiddenError
        return self._private(principal)

    def _public(self) -> Response:
        """Answer with the file of the present state, written once for each."""
        with self.database.read() as connection:
            etag, _ = self._state(connection)
        if is_unchanged(self.request, etag):
            return unchanged(etag, vary="")
        path = self._path(etag)
        if not path.exists():
            etag, path = self._write_public()
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        return FileResponse(path, headers=headers, media_type=self.format.media_type, filename=self._name())

    def _write_public(self) -> tuple[str, Path]:
        with _turn(_public_turn), self.database.worker() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            etag, published_at = self._state(connection)
            path = self._path(etag)
            if not path.exists():
                self._write(connection, public_export(connection, self.register), path, published_at)
        return etag, path

    def _state(self, connection: Connection) -> tuple[str, datetime]:
        version = read_versions(connection).get(self.register.id, NEVER)
        policy = self.catalogue.policy(connection)
        return etag_of(self.register.id, version.revision, policy), version.published_at or _EARLIEST

    def _path(self, etag: str) -> Path:
        return self.folder / f"{self.register.id}-{etag.strip(chr(34))}.{self.format.suffix}"

    def _name(self) -> str:
        return f"{self.register.id}.{self.format.suffix}"

    def _write(self, connection: Connection, export: Export, path: Path, published_at: datetime) -> int:
        """Write a file; it has its name only when it is whole."""
        part = self.folder / f"part-{uuid4().hex}.{self.format.suffix}"
        try:
            count = self.format.write(connection, export, part, published_at)
            part.chmod(0o600)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
        _remove_old(self.folder, path)
        return count

    def _private(self, principal: Principal) -> Response:
        """Answer with a file that nobody finds afterwards, and note in the audit who took it."""
        path = self.folder / f"private-{uuid4().hex}.{self.format.suffix}"
        try:
            with _turn(_private_turn), self.database.worker() as connection:
                export = private_export(self.register, principal.actor)
                count = self._write(connection, export, path, datetime.now(UTC))
                audit.note(
                    connection, "export.private", actor=principal.username, target=self.register.id,
                    request_id=self.request.scope.get("request_id"), rows=count, format=self.format.suffix,
                )  # fmt: skip
            content = _blocks(path)
            next(content)
        finally:
            path.unlink(missing_ok=True)
        headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{self._name()}"'}
        return StreamingResponse(content, headers=headers, media_type=self.format.media_type)


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield a file's content, after an empty piece once it is open: it may lose its name then."""
    with path.open("rb") as file:
        yield b""
        while block := file.read(_BLOCK):
            yield block


@contextmanager
def _turn(lock: threading.Lock) -> Iterator[None]:
    if not lock.acquire(timeout=WAIT_S):
        raise ExportBusyError
    try:
        yield
    finally:
        lock.release()


def _remove_old(folder: Path, kept: Path) -> None:
    """Remove files of states that are over, and what a process left that was killed; those of the last hour stay."""
    for path in folder.iterdir():
        is_of_another_state = path.name.partition("-")[0] in {kept.name.partition("-")[0], "part", "private"}
        if path != kept and is_of_another_state and _age_s(path) > KEPT_S:
            path.unlink(missing_ok=True)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
