"""A client that finds everything by links and by the OpenAPI document, as OGC's test suites do."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import httpx2

JSON, GEOJSON, HTML, PROBLEM = "application/json", "application/geo+json", "text/html", "application/problem+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
Json = dict[str, Any]
_HYPHENS = {name.replace("-", "_"): name for name in ("bbox-crs", "filter-crs", "filter-lang", "as-of")}
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


class Api:
    """What a service says of itself.

    Parameters
    ----------
    address : str
        Of the landing page.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx2.Client(base_url=address, timeout=30, headers={"Accept": JSON})

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, path: str, accept: str = JSON, **asked: Any) -> httpx2.Response:
        """Send GET; ``bbox_crs`` and its like stand for the parameters with a hyphen."""
        parameters = {_HYPHENS.get(name, name): value for name, value in asked.items()} or None
        return self._client.get(path, params=parameters, headers={"Accept": accept})

    def read(self, path: str, accept: str = JSON, **asked: Any) -> Json:
        """Return the JSON document at an address that has to be there."""
        answer = self.ask(path, accept, **asked)
        assert answer.status_code == 200, (str(answer.url), answer.text[:500])
        found: Json = answer.json()
        return found

    def items(self, collection: str, **asked: Any) -> Json:
        """Return a page of items."""
        return self.read(f"/collections/{collection}/items", GEOJSON, **asked)

    def all_items(self, collection: str, **asked: Any) -> list[Json]:
        """Return the items of every page along the links to the next."""
        page = self.items(collection, limit=1000, **asked)
        found: list[Json] = page["features"]
        while following := links(page, "next"):
            page = self.read(following[0]["href"], GEOJSON)
            found += page["features"]
        return found

    def refuse(self, path: str, **asked: Any) -> None:
        """Ask for what has to be refused with 400."""
        answer = self.ask(path, **asked)
        assert answer.status_code == 400, (str(answer.url), answer.status_code)
        assert answer.headers["content-type"] == PROBLEM

    @cached_property
    def declared(self) -> frozenset[str]:
        """Conformance classes."""
        return frozenset(self.read("/conformance")["conformsTo"])

    @cached_property
    def landing(self) -> Json:
        """The landing page."""
        return self.read("/")

    @cached_property
    def definition(self) -> Json:
        """The OpenAPI document that the landing page leads to."""
        return self.read(links(self.landing, "service-desc")[0]["href"], OPENAPI)

    @cached_property
    def collections(self) -> list[Json]:
        """All collections."""
        found: list[Json] = self.read("/collections")["collections"]
        return found

    def collection(self, name: str) -> Json:
        """Return the description of one collection."""
        return self.read(f"/collections/{name}")

    def parameter(self, path: str, name: str) -> Json:
        """Return how the OpenAPI document describes a query parameter of GET."""
        asked = self.definition["paths"][path]["get"]["parameters"]
        found: list[Json] = [item for item in asked if item["name"] == name and item["in"] == "query"]
        assert len(found) == 1, (path, name)
        return found[0]

    def operations(self) -> Iterator[tuple[str, str, Json]]:
        """Return path, method and description of every operation."""
        for path, methods in self.definition["paths"].items():
            for method in METHODS & methods.keys():
                yield path, method, methods[method]


def links(document: Mapping[str, Any], relation: str, media_type: str | None = None) -> list[Json]:
    """Return the links of one relation, and of one media type where one is given."""
    found = [link for link in document["links"] if link["rel"] == relation]
    return [link for link in found if media_type is None or link.get("type") == media_type]


def media_type_of(answer: httpx2.Response) -> str:
    """Return an answer's media type without its parameters."""
    return re.split(r"\s*;", answer.headers["content-type"])[0]


def ids(features: list[Json]) -> set[str]:
    """Return the ids of features."""
    return {feature["id"] for feature in features}
