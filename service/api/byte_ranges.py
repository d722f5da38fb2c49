"""Files in ranges of their bytes (RFC 9110, 14), and what tells clients that they have them whole."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import FileResponse

from service.api.forms import is_unchanged
from service.problems import MEDIA_TYPE as PROBLEM
from service.request_errors import RangeError

EXPOSED: Final = "ETag, Accept-Ranges, Content-Range, Content-Length, Content-Disposition, Repr-Digest"
IMMUTABLE: Final = "public, max-age=31536000, immutable"
_MOST_RANGES = 16
_RANGE = re.compile(r"[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18}")
RANGE_PARAMETER: Final = {
    "name": "Range", "in": "header", "required": False, "description": "Bytes, such as bytes=0-16383",
    "schema": {"type": "string"},
}  # fmt: skip


def file_answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says of the answers with a file."""
    content = {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in media_types}}
    return {
        200: content | {"description": "The whole file"},
        206: content | {"description": "The bytes asked for"},
        304: {"description": "The file that the client holds is current"},
        416: {"description": "The file has none of these bytes", "content": {PROBLEM: {"schema": {"type": "object"}}}},
    }


def etag_of_digest(sha256: str) -> str:
    """Return the strong ETag of a file by its digest."""
    return f'"{sha256[:32]}"'


def ranged_file(request: Request, path: Path, sha256: str, media_type: str, headers: Mapping[str, str]) -> Response:
    """Answer with a file or ranges of its bytes, or with 304.

    Parameters
    ----------
    sha256 : str
        Of the file, hexadecimal.
    headers : mapping of str to str
        Beside those that follow from the file.

    Raises
    ------
    RangeError
        When the file has none of the bytes asked for.
    """
    etag = etag_of_digest(sha256)
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    sent = {
        "ETag": etag, "Access-Control-Expose-Headers": EXPOSED, "Repr-Digest": f"sha-256=:{digest}:", **headers,
    }  # fmt: skip
    if is_unchanged(request, etag):
        return Response(status_code=304, headers=sent)
    _settle_range(request, etag, path.stat().st_size)
    return FileResponse(path, headers=sent, media_type=media_type)


def _settle_range(request: Request, etag: str, size_bytes: int) -> None:
    """Leave a request the ranges that the file has; the framework answers what is left.

    That refuses units it does not know, and all ranges where one of them lies beyond the end, against RFC 9110 (14.2 and
    15.5.17).

    Raises
    ------
    RangeError
        When the file has none of them.
    """
    asked, condition = request.headers.get("range"), request.headers.get("if-range")
    others = [header for header in request.scope["headers"] if header[0] not in {b"range", b"if-range"}]
    request.scope["headers"] = others
    ranges = _read_ranges(asked or "")
    if not ranges or condition not in {None, etag}:
        return
    inside = [part for part in ranges if _is_inside(part, size_bytes)]
    if not inside:
        raise RangeError(size_bytes=size_bytes)
    others.append((b"range", f"bytes={','.join(inside)}".encode()))


def _read_ranges(header: str) -> list[str]:
    """Return the ranges of a well-formed header, none of any other."""
    unit, _, listed = header.partition("=")
    ranges = [part.strip() for part in listed.split(",")]
    is_read = unit.strip().lower() == "bytes" and len(ranges) <= _MOST_RANGES and all(map(_RANGE.fullmatch, ranges))
    return ranges if is_read and not any(map(_is_backwards, ranges)) else []


def _is_backwards(part: str) -> bool:
    first, _, last = part.partition("-")
    return bool(first and last) and int(last) < int(first)


def _is_inside(part: str, size_bytes: int) -> bool:
    first, _, last = part.partition("-")
    return int(first) < size_bytes if first else int(last) > 0
