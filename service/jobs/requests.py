"""What the sender of an upload asked for, as the import takes it."""

from pathlib import Path
from typing import Any

from sqlalchemy import Row

from geodata.db import Actor, actor_of
from geodata.errors import GeodataError
from geodata.importing.check import ImportRequest
from geodata.importing.context import ReaderLimits
from geodata.registers import get_register
from service.file_options import read_file_options
from service.settings import ServiceSettings
from service.storage.parts import FetchedUpload

_MIB = 1 << 20


class OptionUnknownError(GeodataError):
    """Something chosen for an upload is not known any more: this software is another than the one that took it."""

    code = "OPTION_UNKNOWN"
    vi_template = "{why_vi}"
    en_template = "{why_en}"


def import_request(settings: ServiceSettings, upload: Row[Any], fetched: FetchedUpload | None) -> ImportRequest:
    """Return what an upload's row says; without its files where the rows wait already.

    Parameters
    ----------
    upload : row of `geodata.ops.Upload`
    fetched : FetchedUpload, optional
        Its files on this machine.

    Raises
    ------
    OptionUnknownError
    """
    try:
        register, options = get_register(upload.register), read_file_options(upload.options).as_request()
    except GeodataError as error:
        raise OptionUnknownError(why_vi=error.vi, why_en=error.en) from error
    return ImportRequest(
        fetched.path if fetched else Path(), upload.file_name, register, sender(upload),
        names=fetched.names if fetched else None, mode=upload.mode, note=upload.options.get("note"),
        upload_id=upload.id, limits=ReaderLimits(max_packed_bytes=settings.upload_max_mb * _MIB),
        timeout_s=settings.reader_timeout_s, settings=settings,
        **{**options, "commune": upload.commune},
    )  # fmt: skip


def sender(upload: Row[Any]) -> Actor:
    """Return who sent the file, with the communes that the account could change when it was taken."""
    return actor_of(upload.author, upload.author_communes)
