"""Checking a file for anybody: the report and nothing else; no account, nothing kept, little of the machine."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from geodata.db import Actor
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.context import ReaderLimits
from geodata.importing.members import SHAPEFILE_PARTS
from geodata.importing.report import file_name
from geodata.importing.work_folder import work_folder
from geodata.registers import get_register
from service.api.parameters import only
from service.auth.policy import public
from service.file_options import read_file_options
from service.problems import NotAcceptableFormError, TooLargeError
from service.settings import ServiceSettings

router = APIRouter(tags=["Uploads"])

ANYBODY = Actor("anybody", communes=None)
"""May name every commune, since nothing is written; the check reads nothing but the public lists of units."""

OPTIONS = frozenset({"register", "commune", "layer", "crs", "encoding", "columns", "accept"})
MAX_PARTS, MAX_FIELD, MAX_JSON = 8, 500, 1 << 16
_MIB = 1 << 20
_UNPACKED, _MEMORY = 20, 1 << 30
"""How much larger than packed a file may be unpacked, and the reader's memory."""


@router.post("/validate", dependencies=[public], summary="Check a file without an account")
async def validate(request: Request) -> Response:
    """Read and check a file and return the report on it. Nothing of it is kept."""
    only(request)
    state = request.app.state
    state.checks.spend(request.client.host if request.client else "")
    form = await request.form(max_files=MAX_PARTS, max_fields=len(OPTIONS), max_part_size=MAX_JSON)
    try:
        with state.readers:
            body = await run_in_threadpool(_check, request, form)
    finally:
        await form.close()
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _check(request: Request, form: FormData) -> bytes:
    settings: ServiceSettings = request.app.state.settings
    files, values = _read_form(form)
    register, options = get_register(values["register"]), read_file_options(values)
    largest = settings.validate_max_mb * _MIB
    limits = ReaderLimits(
        max_packed_bytes=largest, max_unpacked_bytes=_UNPACKED * largest, max_rows=settings.validate_max_rows,
        memory_bytes=_MEMORY,
    )  # fmt: skip
    with work_folder() as folder:
        path, name = _store(files, folder / "parts", largest)
        asked = ImportRequest(
            path, name, register, ANYBODY, limits=limits, settings=settings, timeout_s=settings.validate_timeout_s,
            **options.as_request(),
        )  # fmt: skip
        units = request.app.state.units.get(request.app.state.database)
        return check_file(asked, units, folder / "read", NoSink()).as_json()


def _read_form(form: FormData) -> tuple[list[UploadFile], dict[str, str]]:
    files: list[UploadFile] = []
    values: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != "file" or not value.filename:
                raise NotAcceptableFormError(part=name[:40])
            files.append(value)
            continue
        longest = MAX_JSON if name in {"columns", "accept"} else MAX_FIELD
        if name not in OPTIONS or name in values or len(value) > longest or "\x00" in value:
            raise NotAcceptableFormError(part=name[:40])
        values[name] = value.strip()
    for part, is_there in (("file", bool(files)), ("register", bool(values.get("register")))):
        if not is_there:
            raise NotAcceptableFormError(part=part)
    return files, values


def _store(files: Sequence[UploadFile], folder: Path, largest: int) -> tuple[Path, str]:
    """Write the parts of a file under names of ours; return the path to read and the name its sender gave.

    Several parts are those of one shapefile: the same name, each with a suffix of its own.
    """
    folder.mkdir()
    if sum(file.size or 0 for file in files) > largest:
        raise TooLargeError(limit_mb=largest // _MIB)
    names = [file_name(file.filename or "") for file in files]
    suffixes = [Path(name).suffix.lower() for name in names] if len(files) > 1 else [""]
    is_one = len({Path(name).stem.casefold() for name in names}) == 1 and len(set(suffixes)) == len(files)
    if len(files) > 1 and not (is_one and ".shp" in suffixes and {*suffixes} <= {*SHAPEFILE_PARTS, ".shx"}):
        raise NotAcceptableFormError(part="file")
    for file, suffix in zip(files, suffixes, strict=True):
        with (folder / f"upload{suffix}").open("xb") as target:
            shutil.copyfileobj(file.file, target)
    main = suffixes.index(".shp") if len(files) > 1 else 0
    return folder / f"upload{suffixes[main]}", names[main]
