"""The catalogue as JSON: ``/data.json`` (DCAT-US 1.1), records of the search, and schema.org for search engines."""

from collections.abc import Sequence
from typing import Any

from service.dcat.datasets import Dataset
from service.dcat.distributions import Distribution
from service.dcat.publisher import FREQUENCIES, Publisher

_DCAT_US = "https://project-open-data.cio.gov/v1.1/"
_WORLD_OF_VIETNAM = (102.1, 6.5, 117.9, 23.5)

Files = Sequence[Distribution]


def data_json(listed: Sequence[tuple[Dataset, Files]], base: str, publisher: Publisher) -> dict[str, Any]:
    """Return the document that catalogues of the DCAT-US kind harvest."""
    return {
        "@context": f"{_DCAT_US}schema/catalog.jsonld",
        "@id": f"{base}/data.json",
        "@type": "dcat:Catalog",
        "conformsTo": f"{_DCAT_US}schema",
        "describedBy": f"{_DCAT_US}schema/catalog.json",
        "dataset": [_dataset(dataset, files, base, publisher) for dataset, files in listed],
    }


def _dataset(dataset: Dataset, files: Files, base: str, publisher: Publisher) -> dict[str, Any]:
    at, register = f"{base}/downloads/{dataset.id}", dataset.register
    contact = {"@type": "vcard:Contact", "fn": publisher.name, "hasEmail": publisher.contact_address}
    told = {
        "@type": "dcat:Dataset",
        "identifier": at,
        "title": dataset.title.vi,
        "description": f"{register.description.vi} / {register.description.en}",
        "keyword": [register.title.vi, register.title.en],
        "modified": dataset.dated.changed_at if dataset.dated else None,
        "publisher": {"@type": "org:Organization", "name": publisher.name},
        "contactPoint": contact if (publisher.contact_address or "").startswith("mailto:") else None,
        "accessLevel": "public",
        "license": publisher.licence_address,
        "spatial": ",".join(map(str, dataset.box or _WORLD_OF_VIETNAM)),
        "temporal": _days(dataset),
        "accrualPeriodicity": FREQUENCIES[publisher.frequency][1],
        "landingPage": f"{at}?f=html",
        "language": ["vi", "en"],
        "distribution": [_us_file(file) for file in files] + [_us_access(dataset, base)],
    }
    return {name: value for name, value in told.items() if value is not None}


def _us_file(file: Distribution) -> dict[str, Any]:
    return {
        "@type": "dcat:Distribution",
        "title": file.title.vi,
        "format": file.suffix,
        "mediaType": file.media_type,
        "downloadURL": file.href,
    }


def _us_access(dataset: Dataset, base: str) -> dict[str, Any]:
    items = f"{base}/collections/{dataset.register.id}/items"
    return {"@type": "dcat:Distribution", "title": "OGC API - Features", "format": "API", "accessURL": items}


def record(dataset: Dataset, files: Files, base: str, publisher: Publisher) -> dict[str, Any]:
    """Return a dataset as a record (OGC API - Records, 20-004r1: a GeoJSON feature)."""
    at, register = f"{base}/downloads/{dataset.id}", dataset.register
    links = [{"href": f"{at}?f=html", "rel": "alternate", "type": "text/html"}]
    links += [{"href": f"{base}/collections/{register.id}", "rel": "collection", "type": "application/json"}]
    links += [
        {"href": file.href, "rel": "enclosure", "type": file.media_type, "title": file.title.vi} for file in files
    ]
    properties = {
        "type": "dataset",
        "title": dataset.title.vi,
        "title_en": dataset.title.en,
        "description": register.description.vi,
        "description_en": register.description.en,
        "keywords": [register.title.vi, register.title.en],
        "language": {"code": "vi"},
        "updated": dataset.dated.changed_at if dataset.dated else None,
        "license": publisher.licence or None,
        "contacts": [{"name": publisher.name, "roles": ["publisher"]}],
        "register": register.id,
        "area": dataset.area.id if dataset.area else None,
        "count": dataset.area.count if dataset.area else None,
    }
    return {
        "id": dataset.id,
        "type": "Feature",
        "geometry": _polygon(dataset),
        "time": dataset.period and {"interval": list(dataset.period)},
        "properties": {name: value for name, value in properties.items() if value is not None},
        "links": links,
    }


def _polygon(dataset: Dataset) -> dict[str, Any] | None:
    if dataset.box is None:
        return None
    west, south, east, north = dataset.box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def schema_org(dataset: Dataset, files: Files, at: str, publisher: Publisher) -> dict[str, Any]:
    """Return a dataset as search engines read it in the page at an address."""
    register = dataset.register
    told = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "@id": at,
        "url": at,
        "name": dataset.title.vi,
        "alternateName": dataset.title.en,
        "description": f"{register.description.vi} / {register.description.en}",
        "inLanguage": ["vi", "en"],
        "isAccessibleForFree": True,
        "creator": {"@type": "Organization", "name": publisher.name},
        "publisher": {"@type": "Organization", "name": publisher.name},
        "license": publisher.licence_address or publisher.licence or None,
        "dateModified": dataset.dated.changed_at if dataset.dated else None,
        "spatialCoverage": _covered(dataset),
        "temporalCoverage": _days(dataset),
        "distribution": [
            {"@type": "DataDownload", "contentUrl": file.href, "encodingFormat": file.media_type} for file in files
        ]
        or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _days(dataset: Dataset) -> str | None:
    """Return the days of which it tells as ISO 8601 has them."""
    return dataset.period and "/".join(dataset.period)


def _covered(dataset: Dataset) -> dict[str, Any]:
    west, south, east, north = dataset.box or _WORLD_OF_VIETNAM
    name = dataset.area.name if dataset.area is not None else None
    # schema.org writes latitude first.
    shape = {"@type": "GeoShape", "box": f"{south} {west} {north} {east}"}
    return {"@type": "Place", "name": name or "Việt Nam", "geo": shape}
