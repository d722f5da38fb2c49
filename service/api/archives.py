"""Archives of tiles: their list, and their bytes in ranges."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse

from service.api.byte_ranges import IMMUTABLE, RANGE_PARAMETER, file_answers, ranged_file
from service.api.forms import json_response, own_links, pick_form
from service.api.parameters import only
from service.archives import SUFFIX, Archive, ArchiveFolder
from service.auth.policy import public
from service.deps import SettingsDep, base_url
from service.file_errors import ArchiveNotFoundError
from service.settings import ServiceSettings
from service.web.rendering import render

router = APIRouter(tags=["Tiles"])

MEDIA_TYPE = "application/vnd.pmtiles"


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
    response_class=FileResponse, responses=file_answers(MEDIA_TYPE), openapi_extra={"parameters": [RANGE_PARAMETER]},
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
    return ranged_file(request, path, archive.sha256, MEDIA_TYPE, {"Cache-Control": IMMUTABLE})


def _folder(settings: ServiceSettings) -> ArchiveFolder:
    return ArchiveFolder(settings.archive_dir)


def _is_public(archive: Archive, settings: ServiceSettings) -> bool:
    """Whether it was packed under the policy of today: another one may show what must not be seen any more."""
    return archive.policy == settings.effective_policy
