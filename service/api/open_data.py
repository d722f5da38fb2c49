"""The catalogue of open data: DCAT-AP and ``/data.json`` for other catalogues, and a search over datasets."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from geodata.reference_systems import CRS84, find_system
from geodata.register import Label, Register
from service.api.boxes import read_bbox
from service.api.changes import read_registers
from service.api.forms import GEOJSON, etag_of, is_unchanged, json_response, link, unchanged
from service.api.items_page import with_query
from service.api.parameters import only, read_interval, read_whole
from service.auth.policy import public
from service.bulk_files import FileFolder
from service.dcat.datasets import Dataset, list_datasets
from service.dcat.distributions import Distribution, distributions
from service.dcat.documents import data_json, record, schema_org
from service.dcat.publisher import Publisher
from service.deps import SettingsDep, base_url
from service.settings import ServiceSettings
from service.web.accept import weights

router = APIRouter(tags=["Files"])

PAGE, MAX_OFFSET = 50, 100_000
DEFAULT_LIMIT, MAX_LIMIT = 10, 100
TURTLE, JSON_LD = "text/turtle", "application/ld+json"
Form = Literal["turtle", "json-ld"]
_MEDIA: Mapping[Form, str] = {"turtle": f"{TURTLE}; charset=utf-8", "json-ld": JSON_LD}
_NAMED: Mapping[str, Form] = {"json": "json-ld", "ttl": "turtle", "jsonld": "json-ld"}
_FORMS = ("json",)
"""What ``f`` may say where the address says it already."""

Listed = list[tuple[Dataset, list[Distribution]]]


@router.get("/catalog", dependencies=[public], summary="Catalogue of datasets (DCAT-AP)")
def catalogue(request: Request, settings: SettingsDep) -> Response:
    """Return a page of the catalogue, as Turtle or JSON-LD."""
    given = only(request, {"page"}, tuple(_NAMED))
    liked = weights(request.headers.get("accept", ""))
    is_turtle = liked.get(TURTLE, 0.0) > max(liked.get(JSON_LD, 0.0), liked.get("application/json", 0.0))
    form = _NAMED[given["f"]] if "f" in given else ("turtle" if is_turtle else "json-ld")
    return _page(request, settings, given, form, "" if "f" in given else "Accept")


@router.get("/catalog.ttl", dependencies=[public], summary="Catalogue of datasets as Turtle")
def catalogue_turtle(request: Request, settings: SettingsDep) -> Response:
    """Return a page of the catalogue as Turtle."""
    return _page(request, settings, only(request, {"page"}, _FORMS), "turtle", "")


@router.get("/catalog.jsonld", dependencies=[public], summary="Catalogue of datasets as JSON-LD")
def catalogue_json_ld(request: Request, settings: SettingsDep) -> Response:
    """Return a page of the catalogue as JSON-LD."""
    return _page(request, settings, only(request, {"page"}, _FORMS), "json-ld", "")


def _page(request: Request, settings: ServiceSettings, given: Mapping[str, str], form: Form, vary: str) -> Response:
    # RDF is loaded where it is asked for: no other answer needs it.
    from service.dcat.graph import CatalogueGraph, Page  # noqa: PLC0415

    every = _datasets(settings)
    last = max(1, math.ceil(len(every) / PAGE))
    number = read_whole(given.get("page", "1"), "page", least=1, most=last)
    base, publisher = base_url(request), Publisher.of(settings)
    listed = _with_files(settings, every[(number - 1) * PAGE : number * PAGE], base)
    etag = etag_of(*map(_state, listed), base, publisher, settings.title_vi, settings.title_en, number, last, form)
    if is_unchanged(request, etag):
        return unchanged(etag, vary)
    graph = CatalogueGraph(base, Label(settings.title_vi, settings.title_en), publisher)
    body = graph.write(Page(listed, number, last, len(every)), form)
    following = f"{base}/catalog?page={number + 1}"
    headers = {"ETag": etag, "Cache-Control": "no-cache", **({"Vary": vary} if vary else {})}
    if number < last:
        headers["Link"] = f'<{following}>; rel="next"; type="{_MEDIA[form].partition(";")[0]}"'
    return Response(body, media_type=_MEDIA[form], headers=headers)


@router.get("/data.json", dependencies=[public], summary="Catalogue of datasets (DCAT-US)")
def data_json_document(request: Request, settings: SettingsDep) -> Response:
    """Return the datasets of the country and the provinces; those of communes are in the catalogue."""
    only(request, forms=_FORMS)
    large = [one for one in _datasets(settings) if one.area is None or not one.area.id.startswith("commune-")]
    base = base_url(request)
    document = data_json(_with_files(settings, large, base), base, Publisher.of(settings))
    return json_response(document, headers={"Cache-Control": "no-cache", "Vary": ""})


@router.get("/catalog/datasets", dependencies=[public], summary="Search for datasets")
def search_datasets(request: Request, settings: SettingsDep) -> Response:
    """Return the datasets that match, as records: by words in whatever accents, by place, day and collection."""
    given = only(request, {"q", "bbox", "datetime", "register", "type", "limit", "offset"}, ("json", "geojson"))
    limit = read_whole(given.get("limit", str(DEFAULT_LIMIT)), "limit", least=1, most=MAX_LIMIT)
    offset = read_whole(given.get("offset", "0"), "offset", least=0, most=MAX_OFFSET)
    found = _found(settings, given)
    base, publisher = base_url(request), Publisher.of(settings)
    listed = _with_files(settings, found[offset : offset + limit], base)
    at = f"{base}/catalog/datasets"
    links = [link(with_query(at, request.query_params), "self", GEOJSON)]
    if offset + limit < len(found):
        following = {**request.query_params, "limit": str(limit), "offset": str(offset + limit)}
        links.append(link(with_query(at, following), "next", GEOJSON))
    document = {
        "type": "FeatureCollection",
        "numberMatched": len(found),
        "numberReturned": len(listed),
        "links": [*links, link(f"{base}/catalog", "collection", JSON_LD)],
        "features": [record(dataset, files, base, publisher) for dataset, files in listed],
    }
    return json_response(document, media_type=GEOJSON, headers={"Cache-Control": "no-cache", "Vary": ""})


def _state(listed: tuple[Dataset, list[Distribution]]) -> str:
    dataset, files = listed
    return f"{dataset.id} {dataset.dated and dataset.dated.state} {[(file.suffix, file.sha256) for file in files]}"


def _found(settings: ServiceSettings, given: Mapping[str, str]) -> list[Dataset]:
    registers = {register.id for register in read_registers(given)}
    found = [dataset for dataset in _datasets(settings) if dataset.register.id in registers]
    if given.get("type", "dataset") != "dataset":
        return []
    if "bbox" in given:
        system = find_system(CRS84)
        assert system is not None
        boxes, _ = read_bbox(given["bbox"], system)
        found = [dataset for dataset in found if any(dataset.meets(box) for box in boxes)]
    if "datetime" in given:
        interval = read_interval(given["datetime"])
        found = [dataset for dataset in found if dataset.tells_of(interval)]
    return [dataset for dataset in found if dataset.is_called(given.get("q", ""))]


def _datasets(settings: ServiceSettings) -> list[Dataset]:
    return list_datasets(FileFolder(settings.files_dir), settings.effective_policy)


def _with_files(settings: ServiceSettings, datasets: list[Dataset], base: str) -> Listed:
    folder = FileFolder(settings.files_dir)
    return [(dataset, distributions(folder, dataset, base)) for dataset in datasets]


def describe_for_search(request: Request, settings: ServiceSettings, register: Register, area: str) -> dict[str, Any]:
    """Return what a page tells search engines of a register in an area."""
    wanted = f"{register.id}/{area}"
    datasets = (one for one in _datasets(settings) if one.id == wanted)
    dataset, base = next(datasets, Dataset(register, None, None)), base_url(request)
    files = distributions(FileFolder(settings.files_dir), dataset, base)
    return schema_org(dataset, files, f"{base}/downloads/{wanted}", Publisher.of(settings))


def search_called(settings: ServiceSettings, words: str) -> list[Dataset]:
    """Return the first datasets that are called so."""
    return [one for one in _datasets(settings) if one.is_called(words)][:MAX_LIMIT]
