"""OGC API - Common and Features: landing page, conformance, collections and what is known of their fields."""

from typing import Any

from fastapi import APIRouter, Request, Response

from geodata.exporting.snapshot import VIETNAM
from geodata.features import read_versions
from geodata.register import Register
from geodata.registers import discover
from service.api import documents, reference
from service.api.forms import SCHEMA, VARY_BY_LANGUAGE, json_response, link, pick_form
from service.api.item_schemas import schema_of
from service.api.open_data import describe_for_search
from service.api.parameters import only
from service.auth.policy import public
from service.catalogue import State
from service.deps import CatalogueDep, DatabaseDep, RegisterDep, SettingsDep, base_url
from service.settings import ServiceSettings
from service.web.i18n import pick_language
from service.web.pages import map_page
from service.web.rendering import render

router = APIRouter(tags=["Features"])

NO_CACHE = {"Cache-Control": "no-cache"}


@router.get("/", dependencies=[public], summary="Landing page")
def landing_page(request: Request, settings: SettingsDep) -> Response:
    """Return the landing page: the map for people, links for programs."""
    if pick_form(request) == "html":
        return map_page(request)
    only(request)
    return json_response(_landing(request, settings), headers=NO_CACHE)


@router.get("/api.html", dependencies=[public], include_in_schema=False)
def api_page(request: Request) -> Response:
    """Show people what the OpenAPI document says."""
    only(request)
    base = base_url(request)
    return render(request, "api.html", {"origin": base, "groups": reference.groups(request.app.openapi(), base)})


def _landing(request: Request, settings: ServiceSettings) -> dict[str, Any]:
    is_english = pick_language(request) == "en"
    title = settings.title_en if is_english else settings.title_vi
    description = (
        "Digital addresses, growing areas and rural tourism points as open data."
        if is_english
        else "Địa chỉ số, vùng trồng và điểm du lịch nông thôn dưới dạng dữ liệu mở."
    )
    return documents.landing(base_url(request), title, description)


@router.get("/conformance", dependencies=[public], summary="Conformance classes")
def conformance(request: Request) -> Response:
    """Return the conformance classes that the service declares; each is covered by a test."""
    only(request)
    return json_response({"conformsTo": documents.CONFORMANCE}, headers={"Vary": ""})


@router.get("/collections", dependencies=[public], summary="Collections")
def collections(request: Request, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep) -> Response:
    """Return all collections."""
    only(request)
    with database.read() as connection:
        versions = read_versions(connection)
        states = {register.id: catalogue.state(connection, register, versions) for register in discover().values()}
    found = [describe(request, register, states[register.id], settings.licence) for register in discover().values()]
    if pick_form(request) == "html":
        marked = [{**shown, "sample": states[shown["id"]].version.is_sample} for shown in found]
        return render(request, "collections.html", {"collections": marked})
    base = base_url(request)
    links = [
        link(f"{base}/collections", "self", "application/json"),
        link(f"{base}/collections?f=html", "alternate", "text/html"),
    ]
    return json_response({"links": links, "collections": found}, headers=NO_CACHE)


def describe(request: Request, register: Register, state: State, licence: str) -> dict[str, Any]:
    """Return a collection's description in the language of the request."""
    return documents.collection(
        register, state, base=base_url(request), language=pick_language(request), licence=licence
    )


@router.get("/collections/{collectionId}", dependencies=[public], summary="One collection")
def collection(
    request: Request, register: RegisterDep, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep
) -> Response:
    """Return one collection, exactly as it stands in the list."""
    only(request)
    with database.read() as connection:
        state = catalogue.state(connection, register)
    document = describe(request, register, state, settings.licence)
    if pick_form(request) == "html":
        fields = documents.field_list(documents.reading_order(register)) + documents.list_list(register)
        shown = document | {"sample": state.version.is_sample}
        told = describe_for_search(request, settings, register, VIETNAM)
        return render(request, "collection.html", {"collection": shown, "fields": fields, "dataset": told})
    return json_response(document, headers=NO_CACHE)


@router.get("/collections/{collectionId}/queryables", dependencies=[public], summary="What items can be asked by")
def queryables(request: Request, register: RegisterDep) -> Response:
    """Return the JSON Schema of the fields that items can be asked by."""
    only(request)
    document = schema_of(register, "queryables", base=base_url(request), language=pick_language(request))
    return json_response(document, media_type=SCHEMA, headers={"Vary": VARY_BY_LANGUAGE})


@router.get("/collections/{collectionId}/sortables", dependencies=[public], summary="What items can be sorted by")
def sortable_fields(request: Request, register: RegisterDep) -> Response:
    """Return the JSON Schema of the fields that items can be sorted by."""
    only(request)
    document = schema_of(register, "sortables", base=base_url(request), language=pick_language(request))
    return json_response(document, media_type=SCHEMA, headers={"Vary": VARY_BY_LANGUAGE})


@router.get("/collections/{collectionId}/schema", dependencies=[public], summary="Schema of the items")
def schema(request: Request, register: RegisterDep) -> Response:
    """Return the JSON Schema of what items have when they are read, and may have when they are sent."""
    only(request)
    document = schema_of(register, "schema", base=base_url(request), language=pick_language(request))
    return json_response(document, media_type=SCHEMA, headers={"Vary": VARY_BY_LANGUAGE})
