"""Archives of tiles: their list, and their bytes in ranges."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse

from service.api.forms import is_unchanged, json_response, own_links, pick_form
from service.api.parameters import only
from service.archives import SUFFIX, Archive, ArchiveFolder
from service.auth.policy import public
from service.deps import SettingsDep, base_url
from service.problems import MEDIA_TYPE as PROBLEM
from service.problems import ArchiveNotFoundError
from service.request_errors import RangeError
from service.settings import ServiceSettings
from service.web.rendering import render

router = APIRouter(tags=["Tiles"])

MEDIA_TYPE = "application/vnd.pmtiles"
_EXPOSED = "ETag, Accept-Ranges, Content-Range, Content-Length"
_MOST_RANGES = 16
_RANGE = re.compile(r"[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18}")
_BYTES = {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: _BYTES | {"description": "The whole file"},
    206: _BYTES | {"description": "The bytes asked for"},
    304: {"description": "The file that the client holds is current"},
    416: {"description": "The file has none of these bytes", "content": {PROBLEM: {"schema": {"type": "object"}}}},
}
_RANGE_PARAMETER = {
    "name": "Range", "in": "header", "required": False, "description": "Bytes, such as bytes=0-16383",
    "schema": {"type": "string"},
}  # fmt: skip


@router.get("/archives", dependencies=[public], summary="Archives of tiles")
def archives(request: Request, settings: SettingsDep) -> Response:
    """Return the archives of tiles, the latest first."""
    only(request)
    base = base_url(request)
    found = [_describe(archive, base) for archive in _folder(settings).all() if _is_public(archive, settings)]
    document = {"archives": found, "links": own_links(f"{base}/archives")}
    if pick_form(request) == "html":
        return render(request, "archives.html", document)
    return json_response(document, headers={"Cache-Control": "no-cache"})


def _describe(archive: Archive, base: str) -> dict[str, Any]:
    return {
        "name": archive.name,
        "href": f"{base}/archives/{archive.name}{SUFFIX}",
        "province": archive.province,
        "layers": archive.layers,
        "version": archive.version,
        "tiles": archive.tile_count,
        "size": archive.size_bytes,
        "sha256": archive.sha256,
        "created": archive.created_at.isoformat(timespec="seconds"),
    }


@router.get(
    "/archives/{name}.pmtiles", dependencies=[public], summary="An archive of tiles, whole or in ranges",
    response_class=FileResponse, responses=_ANSWERS, openapi_extra={"parameters": [_RANGE_PARAMETER]},
)  # fmt: skip
def archive_file(
    request: Request, name: Annotated[str, Path(description="Name of an archive, from the list")], settings: SettingsDep
) -> Response:
    """Return an archive (PMTiles 3, vector tiles, gzip) or ranges of its bytes; another state has another address."""
    only(request)
    folder = _folder(settings)
    archive, path = folder.find(name), folder.path(name)
    if archive is None or not _is_public(archive, settings):
        raise ArchiveNotFoundError
    headers = {
        "ETag": archive.etag,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Access-Control-Expose-Headers": _EXPOSED,
    }
    if is_unchanged(request, archive.etag):
        return Response(status_code=304, headers=headers)
    _settle_range(request, archive)
    return FileResponse(path, headers=headers, media_type=MEDIA_TYPE)


def _folder(settings: ServiceSettings) -> ArchiveFolder:
    return ArchiveFolder(settings.archive_dir)


def _is_public(archive: Archive, settings: ServiceSettings) -> bool:
    """Whether it was packed under the policy of today: another one may show what must not be seen any more."""
    return archive.policy == settings.effective_policy


def _settle_range(request: Request, archive: Archive) -> None:
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
    if not ranges or condition not in {None, archive.etag}:
        return
    inside = [part for part in ranges if _is_inside(part, archive.size_bytes)]
    if not inside:
        raise RangeError(size_bytes=archive.size_bytes)
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
