"""The pages for people, and the scripts and styles they load."""

import re
from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response

from geodata.errors import ParameterError
from geodata.features import count_matches
from geodata.matching import ItemsQuery
from geodata.registers import get_register
from service.api.forms import json_response
from service.api.parameters import only, read_layers
from service.auth.policy import public
from service.deps import SettingsDep
from service.web.assets import FOR_EVER, FOR_MINUTES
from service.web.i18n import as_language
from service.web.rendering import ASSETS, render

router = APIRouter(include_in_schema=False)

COMMUNE_CODE: Final = re.compile(r"[0-9]{5}")
MAX_TITLE: Final = 120
_EMBED_HEADERS: Final = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Encoding"}


def map_page(request: Request) -> Response:
    """Show the map of all public registers, or of those that ``layers`` names."""
    layers = only(request, {"layers"}).get("layers")
    if layers:
        read_layers(layers)
    return render(request, "map.html", status_code=_status())


@router.get("/embed", dependencies=[public])
def embed_page(request: Request) -> Response:
    """Show the map for other sites' frames: public data only, and no cookie is set or read.

    ``commune`` (code), ``layers`` (ids, comma separated), ``lang`` and ``title`` come from the query. The
    language does not depend on the reader, so that one address is one page for every cache. For an unknown commune
    the status is 404 and the page, which readers see in its frame all the same, says so on the whole map.
    """
    query = only(request, {"commune", "layers", "title"})
    commune, layers = query.get("commune", ""), query.get("layers")
    if layers:
        read_layers(layers)
    status = _status() if not commune or _is_commune(request, commune) else HTTPStatus.NOT_FOUND
    context = {"commune": commune, "heading": query.get("title", "")[:MAX_TITLE], "layers": layers}
    language = as_language(query.get("lang")) or "vi"
    response = render(request, "embed.html", context, status_code=status, lang=language)
    response.headers.update(_EMBED_HEADERS)
    return response


def _is_commune(request: Request, code: str) -> bool:
    if not COMMUNE_CODE.fullmatch(code):
        raise ParameterError(
            name="commune", why_vi="cần mã xã gồm 5 chữ số.", why_en="it takes a commune's five digits."
        )
    with request.app.state.database.read() as connection:
        return bool(count_matches(connection, get_register("communes"), ItemsQuery(equals={"code": code})))


@router.get("/desk", dependencies=[public])
def desk_page(request: Request, settings: SettingsDep) -> Response:
    """Show the officers' desk. The page holds no data; what it asks for needs a session."""
    only(request)
    return render(request, "desk.html", {"max_mb": settings.upload_max_mb}, status_code=_status())


@router.get("/desk/uploads/{uploadId}", dependencies=[public])
def upload_page(request: Request) -> Response:
    """Show the page of one upload. Whether there is such an upload is told to its officer only."""
    only(request)
    try:
        upload_id = UUID(request.path_params["uploadId"])
    except ValueError:
        raise HTTPException(HTTPStatus.NOT_FOUND) from None
    return render(request, "deskUpload.html", {"upload": str(upload_id)}, status_code=_status())


@router.get("/desk/revisions/{collectionId}", dependencies=[public])
def revisions_page(request: Request) -> Response:
    """Show the page that lists the revisions of a register and undoes them."""
    only(request)
    register = get_register(request.path_params["collectionId"])
    return render(request, "deskRevisions.html", {"register": register.id}, status_code=_status())


@router.get("/desk/tiles/{collectionId}", dependencies=[public])
def tiles_page(request: Request) -> Response:
    """Show the page that says why a layer is slow on the map, or what is missing there."""
    only(request)
    register = get_register(request.path_params["collectionId"])
    return render(request, "deskTiles.html", {"register": register.id}, status_code=_status())


@router.get("/desk/fields/{collectionId}", dependencies=[public])
def column_fields(request: Request) -> Response:
    """Say which fields a column of a file may be: names and titles, as the officers' guide lists them."""
    only(request)
    register = get_register(request.path_params["collectionId"])
    fields = [
        {"name": item.name, "title": {"vi": item.title.vi, "en": item.title.en}, "private": not item.public}
        for item in register.fields
        if item.name not in register.derived
    ]
    return json_response({"fields": fields}, headers={"Cache-Control": "no-cache", "Vary": ""})


@router.get("/kiem-tra", dependencies=[public])
def check_page(request: Request, settings: SettingsDep) -> Response:
    """Show the page that checks files for anybody."""
    only(request)
    return render(request, "check.html", {"max_mb": settings.validate_max_mb}, status_code=_status())


@router.get("/about", dependencies=[public])
def about_page(request: Request) -> Response:
    """Say what the service is and where its data comes from."""
    only(request)
    return render(request, "about.html")


@router.get("/accessibility", dependencies=[public])
def accessibility_page(request: Request) -> Response:
    """Say how the pages can be used without a mouse or without seeing the map."""
    only(request)
    return render(request, "accessibility.html")


@router.get("/assets/{name}", dependencies=[public])
def asset(request: Request, name: str) -> Response:
    """Send a built script, style or picture. Names carry a hash of the content, so they never go stale."""
    only(request)
    return _found(ASSETS.response(request, name, FOR_EVER))


@router.get("/widget.js", dependencies=[public])
def widget(request: Request) -> Response:
    """Send the script of ``<ban-do-so>`` under the name that other sites write into their pages."""
    only(request)
    return _found(ASSETS.response(request, ASSETS.name("src/widget.ts"), FOR_MINUTES))


@router.get("/favicon.ico", dependencies=[public])
def favicon(request: Request) -> Response:
    """Send the icon of the pages to browsers that ask for it without being told."""
    only(request)
    return _found(ASSETS.response(request, ASSETS.name("src/icon.svg"), FOR_MINUTES))


@router.get("/licenses", dependencies=[public])
def licenses(request: Request) -> Response:
    """Send the licences of the libraries inside our scripts."""
    only(request)
    return _found(ASSETS.response(request, "licenses.md", FOR_MINUTES))


def _found(response: Response | None) -> Response:
    if response is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return response


def _status() -> int:
    return HTTPStatus.OK if ASSETS.is_built else HTTPStatus.SERVICE_UNAVAILABLE
