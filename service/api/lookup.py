"""Finding things: search by name or code, and the list of registers that widgets build themselves from."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from geodata.errors import ParameterError
from geodata.features import Version, read_versions
from geodata.register import Field, Register
from geodata.registers import discover
from geodata.search import MAX_QUERY, SearchQuery, find, looks_like_code
from service.api.documents import field_list, list_list, reading_order
from service.api.forms import GEOJSON, json_response
from service.api.parameters import only, read_whole
from service.auth.policy import public
from service.catalogue import Catalogue
from service.deps import CatalogueDep, DatabaseDep, SettingsDep
from tiles.style import legend_field

router = APIRouter(tags=["Search"])

MAX_RESULTS = 50


@router.get("/search", dependencies=[public], summary="Search by name or code")
def search(request: Request, database: DatabaseDep, catalogue: CatalogueDep) -> Response:
    """Return what the words may mean, best first; accents and case do not matter.

    Where households are shown by their exact code only, a client may look up a limited number of codes a day.
    """
    given = only(request, {"q", "limit"})
    words, limit = given.get("q", ""), read_whole(given.get("limit", "10"), "limit", least=1, most=MAX_RESULTS)
    if not words.strip() or len(words) > MAX_QUERY:
        raise ParameterError(
            name="q", why_vi=f"cần từ 1 đến {MAX_QUERY} ký tự.", why_en=f"it takes 1 to {MAX_QUERY} characters."
        )
    with database.read() as connection:
        if looks_like_code(words) and catalogue.policy(connection) != "code_point":
            request.app.state.lookups.spend(request.client.host if request.client else "")
        found = find(connection, SearchQuery(words, limit))
    body = b'{"type":"FeatureCollection","features":[' + ",".join(found).encode() + b"]}"
    return Response(body, media_type=GEOJSON, headers={"Cache-Control": "no-cache"})


@router.get("/registers", dependencies=[public], summary="Registers, their fields and legends")
def registers(request: Request, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep) -> Response:
    """Return every register with what a map or form needs to show it: titles, fields, legend, bounds."""
    only(request)
    with database.read() as connection:
        versions = read_versions(connection)
        found = [_describe(connection, register, catalogue, versions) for register in discover().values()]
    return json_response(
        {"registers": found, "attribution": settings.attribution, "licence": settings.licence},
        headers={"Cache-Control": "no-cache", "Vary": ""},
    )


def _describe(
    connection: Connection, register: Register, catalogue: Catalogue, versions: dict[str, Version]
) -> dict[str, Any]:
    state = catalogue.state(connection, register, versions)
    legend = legend_field(register)
    return {
        "id": register.id,
        "title": {"vi": register.title.vi, "en": register.title.en},
        "description": {"vi": register.description.vi, "en": register.description.en},
        "geometry": register.geometry_kind,
        "label": register.label,
        "sample": state.version.is_sample,
        "count": state.count,
        "revision": state.version.revision,
        "tile": {"minzoom": register.tile.min_zoom, "maxzoom": 14, "counts_below": register.tile.counts_below},
        "visible": register.tile.is_shown_first,
        "by_day": register.is_drawn_by_day,
        "legend_field": legend.name if legend else None,
        "legend": _legend(register, legend) if legend else [],
        "fields": field_list(reading_order(register)) + list_list(register),
        "bounds": list(state.extent) if state.extent else None,
    }


def _legend(register: Register, field: Field) -> list[dict[str, Any]]:
    """Return the values that a map may show, with their colours."""
    hidden = register.hidden.values if register.hidden and register.hidden.field == field.name else ()
    return [choice for choice in field_list([field])[0]["choices"] if choice["value"] not in hidden]
