"""Checking a file for anybody: the report and nothing else; no account, nothing kept, little of the machine."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from geodata.db import Actor
from geodata.importing.check import ImportRequest
from geodata.importing.context import ReaderLimits
from geodata.importing.public_overlaps import check_against_public
from geodata.importing.work_folder import work_folder
from geodata.registers import get_register
from service.api.parameters import only
from service.api.sent_form import read_form, receive_form
from service.auth.policy import public
from service.file_options import read_file_options
from service.settings import ServiceSettings
from service.storage.parts import keep_for_now

router = APIRouter(tags=["Uploads"])

ANYBODY = Actor("anybody", communes=None)
"""May name every commune, since nothing is written; the check reads nothing but what is public."""

_MIB = 1 << 20
_UNPACKED, _MEMORY = 20, 1 << 30
"""How much larger than packed a file may be unpacked, and the reader's memory."""


@router.post("/validate", dependencies=[public], summary="Check a file without an account")
async def validate(request: Request) -> Response:
    """Read and check a file and return the report on it. Nothing of it is kept."""
    only(request)
    state = request.app.state
    state.checks.spend(request.client.host if request.client else "")
    form = await receive_form(request)
    try:
        with state.readers:
            body = await run_in_threadpool(_check, request, form)
    finally:
        await form.close()
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _check(request: Request, form: FormData) -> bytes:
    settings: ServiceSettings = request.app.state.settings
    files, values = read_form(form)
    register, options = get_register(values["register"]), read_file_options(values)
    largest = settings.validate_max_mb * _MIB
    limits = ReaderLimits(
        max_packed_bytes=largest, max_unpacked_bytes=_UNPACKED * largest, max_rows=settings.validate_max_rows,
        memory_bytes=_MEMORY,
    )  # fmt: skip
    with work_folder() as folder:
        sent = keep_for_now(folder / "sent", files, largest)
        asked = ImportRequest(
            sent.path, sent.stored.main_name, register, ANYBODY, names=sent.names, limits=limits, settings=settings,
            timeout_s=settings.validate_timeout_s, **options.as_request(),
        )  # fmt: skip
        database = request.app.state.database
        units = request.app.state.units.get(database)
        return check_against_public(asked, units, folder / "read", database).as_json()
