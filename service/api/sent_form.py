"""The form by which a file is sent: the same parts for an upload and for a check."""

from collections.abc import Iterable
from typing import NamedTuple

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from geodata.importing.report import file_name
from service.file_options import OPTION_NAMES, longest
from service.problems import NotAcceptableFormError
from service.storage.parts import GivenFiles

MAX_FILES, MAX_PART = 20, 1 << 16


class SentForm(NamedTuple):
    """Files by the names their sender gave, and the values that are not blank."""

    files: GivenFiles
    values: dict[str, str]


async def receive_form(request: Request) -> FormData:
    """Take a form in, without reading more of it than it may have."""
    return await request.form(max_files=MAX_FILES, max_fields=MAX_FILES, max_part_size=MAX_PART)


def read_form(form: FormData, others: Iterable[str] = ()) -> SentForm:
    """Read a form with ``register``, one ``file`` or several that belong together, and what is said of them.

    Parameters
    ----------
    others : iterable of str
        Values the form may have beside those.

    Raises
    ------
    NotAcceptableFormError
        Naming the part that is missing, unknown, repeated or not of the right kind.
    """
    allowed = {"register", *OPTION_NAMES, *others}
    files: list[UploadFile] = []
    values: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != "file" or not value.filename:
                raise NotAcceptableFormError(part=name[:40])
            files.append(value)
        elif name not in allowed or name in values or len(value) > longest(name) or "\x00" in value:
            raise NotAcceptableFormError(part=name[:40])
        else:
            values[name] = value.strip()
    values = {name: value for name, value in values.items() if value}
    for part, is_there in (("file", bool(files)), ("register", "register" in values)):
        if not is_there:
            raise NotAcceptableFormError(part=part)
    return SentForm([(file_name(file.filename or ""), file.file) for file in files], values)
