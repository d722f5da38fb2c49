"""Files of open data: what there is, and the files in ranges."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse

from geodata.exporting.datapackage import FILE as DATAPACKAGE
from geodata.exporting.datapackage import SHAPEFILE
from geodata.exporting.formats import BY_SUFFIX
from geodata.register import Register
from geodata.registers import discover
from service.api.byte_ranges import IMMUTABLE, RANGE_PARAMETER, file_answers, ranged_file
from service.api.file_desk import FileDesk
from service.api.forms import json_response, link, own_links, pick_form
from service.api.open_data import JSON_LD, TURTLE, describe_for_search, search_called
from service.api.parameters import only
from service.auth.policy import public
from service.bulk_building import README
from service.bulk_files import LATEST, SUMS
from service.deps import DatabaseDep, RegisterDep, SettingsDep, base_url
from service.file_errors import DownloadNotFoundError
from service.web.rendering import render

router = APIRouter(tags=["Files"])

_PLAIN = "text/plain; charset=utf-8"
_MEDIA_TYPES = {SUMS: _PLAIN, README: _PLAIN, DATAPACKAGE: "application/json"}
_CURRENT = {"Cache-Control": "no-cache"}
AreaPath = Annotated[str, Path(description="vietnam, province-NN or commune-NNNNN")]


@router.get("/downloads", dependencies=[public], summary="Files of open data")
def downloads(request: Request, settings: SettingsDep, database: DatabaseDep) -> Response:
    """Return which registers can be had as files; of these and of their areas those that are called as ``q`` says."""
    given = only(request, {"q"})
    desk = FileDesk(settings, database, base_url(request))
    document: dict[str, Any] = {
        "collections": [desk.register(register) for register in discover().values()],
        "links": [*own_links(f"{desk.base}/downloads"), *_catalogues(desk.base)],
    }
    if "q" in given:
        found = search_called(settings, given["q"])
        document["found"] = [
            {"title": {"vi": one.title.vi, "en": one.title.en}, "href": f"{desk.base}/downloads/{one.id}",
             "count": one.area.count if one.area else None} for one in found
        ]  # fmt: skip
    if pick_form(request) == "html":
        return _page(request, "downloads.html", {"found": None, "q": given.get("q", ""), **document})
    return json_response(document, headers=_CURRENT)


@router.get("/downloads/{collectionId}", dependencies=[public], summary="Files of a collection, by area")
def collection_downloads(
    request: Request, register: RegisterDep, settings: SettingsDep, database: DatabaseDep
) -> Response:
    """Return the areas for which a collection can be had as files."""
    only(request)
    desk = FileDesk(settings, database, base_url(request))
    at = f"{desk.base}/downloads/{register.id}"
    document = {**desk.register(register), "areas": desk.areas(register, None), "links": own_links(at)}
    if pick_form(request) == "html":
        return _page(request, "downloads_of_collection.html", document)
    return json_response(document, headers=_CURRENT)


@router.get("/downloads/{collectionId}/{area}", dependencies=[public], summary="Files of a collection in an area")
def area_downloads(
    request: Request, register: RegisterDep, area: AreaPath, settings: SettingsDep, database: DatabaseDep
) -> Response:
    """Return the files of an area in every format, and the versions that are kept."""
    only(request)
    desk = FileDesk(settings, database, base_url(request))
    document = desk.area(register, area)
    if pick_form(request) == "html":
        told = describe_for_search(request, settings, register, area)
        return _page(request, "downloads_of_area.html", {**document, "dataset": told})
    return json_response(document, headers=_CURRENT)


@router.get(
    "/downloads/{collectionId}/{area}/{version}/{file}", dependencies=[public], response_class=FileResponse,
    summary="A file of open data, whole or in ranges",
    responses=file_answers(*sorted({one.media_type.partition(";")[0] for one in BY_SUFFIX.values()})),
    openapi_extra={"parameters": [RANGE_PARAMETER]},
)  # fmt: skip
def download(  # noqa: PLR0913  one for each part of the address
    request: Request,
    register: RegisterDep,
    area: AreaPath,
    version: Annotated[str, Path(description="latest, or a version from the list")],
    file: Annotated[str, Path(description="Name of a file, from the list")],
    settings: SettingsDep,
    database: DatabaseDep,
) -> Response:
    """Return a file or ranges of its bytes; those of a dated version never change."""
    only(request)
    desk = FileDesk(settings, database, base_url(request))
    dated = desk.get(register, version)
    try:
        path, sha256 = desk.file(dated, desk.part(dated, area), file)
    except FileNotFoundError as error:
        # It has just made room for others, or its version is kept no longer.
        raise DownloadNotFoundError from error
    headers = {
        "Cache-Control": "no-cache" if version == LATEST else IMMUTABLE,
        "Content-Disposition": f'attachment; filename="{file}"',
        # The digest and the ranges are of the bytes as they lie there.
        "Content-Encoding": "identity",
        "Content-Location": f"{desk.base}/downloads/{register.id}/{area}/{dated.name}/{file}",
    }
    return ranged_file(request, path, sha256, _media_type(file, register), headers)


def _media_type(file: str, register: Register) -> str:
    known = BY_SUFFIX.get(file.removeprefix(f"{register.id}."))
    return _MEDIA_TYPES.get(file) or (BY_SUFFIX[SHAPEFILE] if known is None else known).media_type


def _catalogues(base: str) -> list[dict[str, str]]:
    return [
        link(f"{base}/catalog.ttl", "alternate", TURTLE, "DCAT-AP 3 (Turtle)"),
        link(f"{base}/catalog.jsonld", "alternate", JSON_LD, "DCAT-AP 3 (JSON-LD)"),
        link(f"{base}/data.json", "alternate", "application/json", "DCAT-US (data.json)"),
    ]


def _page(request: Request, template: str, document: dict[str, Any]) -> Response:
    # Every page has the attribution already.
    return render(request, template, {name: value for name, value in document.items() if name != "attribution"})
