"""Reports on uploads as files and as a page, files with their repairs made, and the schema of reports."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from urllib.parse import quote
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row, select

from geodata.crs import english_name
from geodata.db import Database
from geodata.errors import FeatureNotFoundError
from geodata.exporting import gpkg
from geodata.importing.mapping import read_fields
from geodata.importing.repaired_file import write_repaired
from geodata.importing.report import report_json
from geodata.importing.report_files import LEVELS, OUTCOMES, csv_report, geojson_report, summary_rows, xlsx_report
from geodata.importing.report_schema import SCHEMA_FILE, schema_json
from geodata.importing.work_folder import work_folder
from geodata.ops import Upload
from geodata.register import Label
from geodata.registers import get_register
from geodata.text import slugify
from service.api.forms import GEOJSON, SCHEMA
from service.api.parameters import only
from service.auth.policy import Officer, public
from service.auth.principal import Principal
from service.deps import DatabaseDep, SettingsDep
from service.jobs.requests import import_request
from service.web.rendering import render

router = APIRouter(tags=["Uploads"])

PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Accept-Language, Authorization, Cookie"}

WRITERS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], bytes]]] = {
    "json": ("application/json", report_json),
    "csv": ("text/csv; charset=utf-8", csv_report),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx_report),
    "geojson": (GEOJSON, geojson_report),
}
"""Media type and writer of each form that is no page, by ending."""

_BLOCK = 1 << 16


@router.get(f"/schemas/{SCHEMA_FILE}", dependencies=[public], summary="JSON Schema of the report")
def schema(request: Request) -> Response:
    """Return the JSON Schema (draft 2020-12) of reports of this version."""
    only(request)
    return Response(schema_json(), media_type=SCHEMA, headers={"Cache-Control": "public, max-age=3600"})


@router.get("/uploads/{uploadId}/report.{format}", summary="The report on one upload")
def report(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Return the report on an upload of one's own; administrators see all.

    JSON, a table (CSV, XLSX), a map of what was found (GeoJSON), or a page.
    """
    only(request)
    form = request.path_params["format"]
    upload = _find(database, principal, request.path_params["uploadId"])
    if form == "html":
        page = render(request, "report.html", _page(upload))
        page.headers.update(PRIVATE)
        return page
    if form not in WRITERS:
        raise FeatureNotFoundError(feature=f"report.{form[:20]}")
    media_type, write = WRITERS[form]
    name = f"bao-cao-{slugify(Path(upload.file_name).stem)}.{form}"
    headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(write(upload.report), media_type=media_type, headers=headers)


@router.get("/uploads/{uploadId}/repaired.gpkg", summary="The file of an upload with its repairs made")
def repaired(request: Request, principal: Officer, database: DatabaseDep, settings: SettingsDep) -> Response:
    """Return all rows of an upload's file as GeoPackage: repaired as accepted, with a column of what is wrong.

    The file is read anew, so it is there as long as the raw file is (410 after that).
    """
    only(request)
    upload = _find(database, principal, request.path_params["uploadId"])
    state = request.app.state
    with state.readers, work_folder() as folder:
        stored, read, target = folder / "stored", folder / "read", folder / "repaired.gpkg"
        stored.mkdir()
        asked = import_request(settings, upload, state.storage.fetch(upload.id, stored))
        asked = replace(asked, columns=_columns_read(upload.report))
        write_repaired(asked, state.units.get(database), read, target, asked.accept)
        if not target.exists():
            raise FeatureNotFoundError(feature="repaired.gpkg")
        file = target.open("rb")
    name = f"da-sua-{slugify(Path(upload.file_name).stem)}.gpkg"
    headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_blocks(file), media_type=gpkg.MEDIA_TYPE, headers=headers)


@router.get("/uploads/{uploadId}/file", summary="The file of an upload as it was sent")
def raw_file(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Return the raw file, as long as it is kept (410 after that); files sent together come as one zip."""
    only(request)
    upload = _find(database, principal, request.path_params["uploadId"])
    with work_folder() as folder:
        fetched = request.app.state.storage.fetch(upload.id, folder)
        if fetched.names is None:
            name, file = upload.file_name, fetched.path.open("rb")
        else:
            name, file = f"{Path(upload.file_name).stem}.zip", _zipped(fetched.path, fetched.names)
    # Nothing of it may run in a browser, whatever it holds.
    headers = {
        **PRIVATE,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(_blocks(file), media_type="application/octet-stream", headers=headers)


def _zipped(folder: Path, names: Mapping[str, str]) -> BinaryIO:
    packed = TemporaryFile()  # noqa: SIM115  the answer closes it
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for stored, given in names.items():
            archive.write(folder / stored, given)
    packed.seek(0)
    return packed


def _columns_read(told: Mapping[str, Any]) -> dict[str, str | None]:
    """Return by which fields the columns were read when the report was made, whatever is remembered since."""
    return {column["name"]: column["field"] if column["certain"] else None for column in told["columns"]}


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of an open file, which has lost its name already."""
    with file:
        while block := file.read(_BLOCK):
            yield block


def _find(database: Database, principal: Principal, text: str) -> Row[Any]:
    """Return the upload, provided that the principal may see it and that there is a report on it."""
    try:
        upload_id = UUID(text)
    except ValueError:
        raise FeatureNotFoundError(feature=text[:60]) from None
    with database.staff(principal.actor) as connection:
        found = connection.execute(select(Upload).where(Upload.id == upload_id)).one_or_none()
    may_see = found is not None and (found.author == principal.username or principal.role == "administrator")
    if found is None or not may_see or found.report is None:
        raise FeatureNotFoundError(feature=text[:60])
    return found


def _page(upload: Row[Any]) -> dict[str, Any]:
    told = upload.report
    register = get_register(upload.register)
    return {
        "report": told,
        "register_title": _both(register.title),
        "fields": {field.name: _both(field.title) for field in read_fields(register)},
        "outcomes": {name: {"vi": vi, "en": en} for name, (vi, en) in OUTCOMES.items()},
        "levels": {name: {"vi": vi, "en": en} for name, (vi, en) in LEVELS.items()},
        "rows": [row for row in summary_rows(told) if row[2] is not None],
        "systems": {one["crs"]: _named_system(one["name"]) for one in (told.get("crs") or {}).get("candidates", [])},
        "formats": list(WRITERS),
    }


def _named_system(name: str) -> dict[str, str]:
    return {"vi": name, "en": english_name(name)}


def _both(label: Label) -> dict[str, str]:
    return {"vi": label.vi, "en": label.en}
