"""What requests that edit say beside who sends them: body, its media type, note, coordinate system."""

from typing import Any
from urllib.parse import unquote
from uuid import UUID

import orjson
from fastapi import Request

from geodata.edit_content import Content, EditRefusedError, fault
from geodata.reference_systems import CRS84, ReferenceSystem, find_system
from geodata.rollback import NOTE as UNDOING
from service.api.forms import GEOJSON
from service.request_errors import BodyError, HeaderError, MediaTypeError

NOTE_HEADER, MAX_NOTE = "bandoso-note", 500
FEATURE_MEDIA = (GEOJSON, "application/json")
PATCH_MEDIA = ("application/merge-patch+json", *FEATURE_MEDIA)

_MEMBERS = frozenset({"type", "id", "geometry", "properties", "links", "bbox"})
_MAX_ID = 60


def require_media(request: Request, known: tuple[str, ...]) -> None:
    """Refuse a body that is not JSON of the kinds given.

    Raises
    ------
    HeaderError
        Where the request does not say what it sends.
    MediaTypeError
    """
    stated = request.headers.get("content-type", "")
    if not stated.strip():
        raise HeaderError(name="Content-Type", why_vi="thiếu.", why_en="it is missing.")
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if stated.partition(";")[0].strip().lower() not in known or coding != "identity":
        raise MediaTypeError(known=", ".join(known))


def read_feature_body(body: bytes) -> tuple[Content, str | None]:
    """Read a GeoJSON feature; returns what it says, and the id that it claims.

    Raises
    ------
    BodyError, EditRefusedError
    """
    document = _read_object(body)
    if document.get("type") != "Feature":
        raise BodyError(why_vi="cần một đối tượng GeoJSON Feature.", why_en="a GeoJSON Feature is needed.")
    return _content(document, tells_place=True)


def read_patch_body(body: bytes) -> tuple[Content, str | None]:
    """Read a merge patch of a feature (RFC 7396); returns what it says, and the id that it claims.

    Raises
    ------
    BodyError, EditRefusedError
    """
    document = _read_object(body)
    if document.get("type", "Feature") != "Feature" or document.get("properties", {}) is None:
        raise BodyError(
            why_vi="type và properties của đối tượng không bỏ được.", why_en="neither type nor properties can be removed."
        )  # fmt: skip
    return _content(document, tells_place="geometry" in document)


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # Where, and nothing of what stands there.
        raise BodyError(
            why_vi=f"không phải JSON (dòng {error.lineno}, cột {error.colno}).",
            why_en=f"it is no JSON (line {error.lineno}, column {error.colno}).",
        ) from None
    if not isinstance(document, dict):
        raise BodyError(why_vi="cần một đối tượng JSON.", why_en="a JSON object is needed.")
    return document


def _content(document: dict[str, Any], *, tells_place: bool) -> tuple[Content, str | None]:
    unknown = [fault("FIELD_UNKNOWN", name) for name in document if name not in _MEMBERS and document[name] is not None]
    if unknown:
        raise EditRefusedError(unknown)
    properties, geometry, claimed = (document.get(name) for name in ("properties", "geometry", "id"))
    for name, value in (("properties", properties), ("geometry", geometry)):
        if not isinstance(value, dict | None):
            raise BodyError(why_vi=f"“{name}” phải là đối tượng JSON.", why_en=f"“{name}” must be a JSON object.")
    if not isinstance(claimed, str | int | None):
        raise EditRefusedError([fault("FIELD_READ_ONLY", "id")])
    return Content(properties or {}, geometry, tells_place), None if claimed is None else str(claimed)[:_MAX_ID]


def require_own_id(claimed: str | None, asked: str | None, uuid: UUID | None) -> None:
    """Refuse an id that is not the record's: ids are given by the service and stay.

    Raises
    ------
    EditRefusedError
    """
    if claimed is not None and claimed.lower() not in {asked, str(uuid)}:
        raise EditRefusedError([fault("FIELD_READ_ONLY", "id")])


def read_note(request: Request) -> str | None:
    """Return the note for the revision: the header ``Bandoso-Note``, UTF-8 with ``%`` and two digits for other bytes.

    Raises
    ------
    HeaderError
    """
    try:
        note = unquote(request.headers.get(NOTE_HEADER, ""), errors="strict").strip()
    except UnicodeDecodeError:
        note = "\0"
    if len(note) > MAX_NOTE or not all(mark.isprintable() for mark in note):
        raise HeaderError(
            name="Bandoso-Note", why_vi=f"cần chữ UTF-8 mã hóa phần trăm, nhiều nhất {MAX_NOTE} ký tự.",
            why_en=f"it takes percent-encoded UTF-8 text of {MAX_NOTE} characters at most.",
        )  # fmt: skip
    if note.startswith(UNDOING):
        raise HeaderError(
            name="Bandoso-Note", why_vi=f"“{UNDOING}…” chỉ dành cho hoàn tác.", why_en=f"“{UNDOING}…” is kept for undoings."
        )  # fmt: skip
    return note or None


def read_content_system(request: Request) -> ReferenceSystem:
    """Return the system of the geometry that is sent (OGC API - Features Part 2, ``Content-Crs``); CRS84 by default.

    Raises
    ------
    HeaderError
    """
    stated = request.headers.get("content-crs", CRS84).strip().removeprefix("<").removesuffix(">")
    system = find_system(stated)
    if system is None:
        raise HeaderError(
            name="Content-Crs", why_vi="xem “crs” của bộ dữ liệu.", why_en="see “crs” of the collection."
        )  # fmt: skip
    return system
