"""Styles for MapLibre: the whole map and each collection by itself, listed as OGC API - Styles does."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from geodata.registers import discover, get_register
from service.api.forms import VARY_BY_LANGUAGE, json_response, link, own_links, pick_form
from service.api.parameters import only, read_layers
from service.api.tilesets import STATIC
from service.auth.policy import public
from service.deps import base_url
from service.web.i18n import pick_language
from service.web.rendering import render
from tiles.style import map_style

router = APIRouter(tags=["Tiles"])

WHOLE = "map"
MAPLIBRE = "application/vnd.mapbox.style+json"


@router.get("/styles", dependencies=[public], summary="All styles")
def styles(request: Request) -> Response:
    """Return the list of styles: the whole map, and one for each collection."""
    only(request)
    at, language = f"{base_url(request)}/styles", pick_language(request)
    titles = {WHOLE: "All layers" if language == "en" else "Tất cả các lớp"}
    titles |= {register.id: register.title.in_language(language) for register in discover().values()}
    entries: list[dict[str, Any]] = [
        {"id": name, "title": title, "links": [link(f"{at}/{name}.json", "stylesheet", MAPLIBRE)]}
        for name, title in titles.items()
    ]
    document = {"default": WHOLE, "styles": entries, "links": own_links(at)}
    if pick_form(request) == "html":
        return render(request, "styles.html", document)
    return json_response(document, headers=STATIC)


@router.get("/styles/map.json", dependencies=[public], summary="MapLibre style")
def style(request: Request) -> Response:
    """Return a MapLibre style: the base map, and the layers asked for (all by default)."""
    asked = only(request, {"layers"}).get("layers")
    registers = read_layers(asked) if asked else list(discover().values())
    document = map_style(registers, base_url=base_url(request), language=pick_language(request))
    return json_response(document, media_type=MAPLIBRE, headers={**STATIC, "Vary": VARY_BY_LANGUAGE})


@router.get("/styles/{styleId}.json", dependencies=[public], summary="MapLibre style of a collection")
def collection_style(
    request: Request, style_id: Annotated[str, Path(alias="styleId", description="Id of a collection")]
) -> Response:
    """Return a MapLibre style: the base map and one layer."""
    only(request)
    document = map_style([get_register(style_id)], base_url=base_url(request), language=pick_language(request))
    return json_response(document, media_type=MAPLIBRE, headers={**STATIC, "Vary": VARY_BY_LANGUAGE})
