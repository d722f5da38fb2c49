"""Who may use which route: every route says so, and what a stranger gets from each."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.testclient import TestClient

from service import app as app_module
from service.app import create_app
from service.auth.policy import UndeclaredPolicyError, public, require_policies
from service.settings import ServiceSettings
from tests.conftest import settings_for

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
ADDRESSES = "/collections/addresses"
# Route of the application: an address of it, and what a stranger gets there.
STRANGER: dict[tuple[str, str], tuple[str, int]] = {
    ("GET", "/"): ("/", 200),
    ("GET", "/api"): ("/api", 200),
    ("GET", "/api.html"): ("/api.html", 200),
    ("GET", "/conformance"): ("/conformance", 200),
    ("GET", "/collections"): ("/collections", 200),
    ("GET", "/collections/{collectionId}"): (ADDRESSES, 200),
    ("GET", "/collections/{collectionId}/queryables"): (f"{ADDRESSES}/queryables", 200),
    ("GET", "/collections/{collectionId}/schema"): (f"{ADDRESSES}/schema", 200),
    ("GET", "/collections/{collectionId}/items"): (f"{ADDRESSES}/items", 200),
    ("GET", "/collections/{collectionId}/sortables"): (f"{ADDRESSES}/sortables", 200),
    ("GET", "/collections/{collectionId}/items.{ending}"): (f"{ADDRESSES}/items.csv", 200),
    ("GET", "/collections/{collectionId}/items/{featureId}"): (f"{ADDRESSES}/items/1", 200),
    ("OPTIONS", "/collections/{collectionId}/items"): (f"{ADDRESSES}/items", 200),
    ("OPTIONS", "/collections/{collectionId}/items/{featureId}"): (f"{ADDRESSES}/items/1", 200),
    ("POST", "/collections/{collectionId}/items"): (f"{ADDRESSES}/items", 401),
    ("PUT", "/collections/{collectionId}/items/{featureId}"): (f"{ADDRESSES}/items/1", 401),
    ("PATCH", "/collections/{collectionId}/items/{featureId}"): (f"{ADDRESSES}/items/1", 401),
    ("DELETE", "/collections/{collectionId}/items/{featureId}"): (f"{ADDRESSES}/items/1", 401),
    ("GET", "/collections/{collectionId}/revisions"): (f"{ADDRESSES}/revisions", 200),
    ("GET", "/collections/{collectionId}/revisions/{number}"): (f"{ADDRESSES}/revisions/1", 200),
    ("POST", "/collections/{collectionId}/revisions/{number}/rollback"): (f"{ADDRESSES}/revisions/1/rollback", 401),
    ("GET", "/collections/{collectionId}/rollbacks/{rollbackId}"): (f"{ADDRESSES}/rollbacks/1", 401),
    ("GET", "/collections/{collectionId}/export.gpkg"): (f"{ADDRESSES}/export.gpkg", 200),
    ("GET", "/collections/{collectionId}/export.xlsx"): (f"{ADDRESSES}/export.xlsx", 200),
    ("GET", "/collections/{collectionId}/tiles"): (f"{ADDRESSES}/tiles", 200),
    ("GET", "/collections/{collectionId}/tiles/{tileMatrixSetId}"): (f"{ADDRESSES}/tiles/WebMercatorQuad", 200),
    ("GET", "/tiles"): ("/tiles", 200),
    ("GET", "/tiles/{tileMatrixSetId}"): ("/tiles/WebMercatorQuad", 200),
    ("GET", "/tiles/{layers}.json"): ("/tiles/addresses,villages.json", 200),
    ("GET", "/styles"): ("/styles", 200),
    ("GET", "/styles/map.json"): ("/styles/map.json", 200),
    ("GET", "/styles/{styleId}.json"): ("/styles/addresses.json", 200),
    ("GET", "/basemap.geojson"): ("/basemap.geojson", 200),
    ("GET", "/basemap-provinces.geojson"): ("/basemap-provinces.geojson", 200),
    ("GET", "/tileMatrixSets"): ("/tileMatrixSets", 200),
    ("GET", "/tileMatrixSets/{tileMatrixSetId}"): ("/tileMatrixSets/WebMercatorQuad", 200),
    ("GET", "/archives"): ("/archives", 200),
    ("GET", "/archives/{name}.pmtiles"): ("/archives/vietnam.1.pmtiles", 404),
    ("GET", "/downloads"): ("/downloads", 200),
    ("GET", "/downloads/{collectionId}"): ("/downloads/addresses", 200),
    ("GET", "/downloads/{collectionId}/{area}"): ("/downloads/addresses/commune-00000", 404),
    ("GET", "/downloads/{collectionId}/{area}/{version}/{file}"): ("/downloads/addresses/vietnam/1/addresses.csv", 404),
    ("GET", "/catalog"): ("/catalog", 200),
    ("GET", "/catalog.ttl"): ("/catalog.ttl", 200),
    ("GET", "/catalog.jsonld"): ("/catalog.jsonld", 200),
    ("GET", "/catalog/datasets"): ("/catalog/datasets?q=thon", 200),
    ("GET", "/data.json"): ("/data.json", 200),
    ("GET", "/search"): ("/search?q=thon", 200),
    ("GET", "/changes"): ("/changes?limit=1", 200),
    ("GET", "/changes/snapshot"): ("/changes/snapshot?register=provinces", 200),
    ("GET", "/changes.atom"): ("/changes.atom?unit=20194", 200),
    ("GET", "/registers"): ("/registers", 200),
    ("POST", "/uploads"): ("/uploads", 401),
    ("GET", "/uploads"): ("/uploads", 401),
    ("GET", "/uploads/{uploadId}"): ("/uploads/00000000-0000-0000-0000-000000000000", 401),
    ("GET", "/uploads/{uploadId}/file"): ("/uploads/00000000-0000-0000-0000-000000000000/file", 401),
    ("GET", "/uploads/{uploadId}/report.{format}"): ("/uploads/00000000-0000-0000-0000-000000000000/report.json", 401),
    ("POST", "/validate"): ("/validate", 400),
    ("GET", "/schemas/report-1.json"): ("/schemas/report-1.json", 200),
    ("POST", "/uploads/{uploadId}/choices"): ("/uploads/00000000-0000-0000-0000-000000000000/choices", 401),
    ("POST", "/uploads/{uploadId}/publish"): ("/uploads/00000000-0000-0000-0000-000000000000/publish", 401),
    ("POST", "/uploads/{uploadId}/approve"): ("/uploads/00000000-0000-0000-0000-000000000000/approve", 401),
    ("POST", "/uploads/{uploadId}/cancel"): ("/uploads/00000000-0000-0000-0000-000000000000/cancel", 401),
    ("GET", "/uploads/{uploadId}/diff"): ("/uploads/00000000-0000-0000-0000-000000000000/diff", 401),
    ("GET", "/uploads/{uploadId}/diff.geojson"): ("/uploads/00000000-0000-0000-0000-000000000000/diff.geojson", 401),
    ("GET", "/uploads/{uploadId}/preview"): ("/uploads/00000000-0000-0000-0000-000000000000/preview", 401),
    ("GET", "/uploads/{uploadId}/repaired.gpkg"): ("/uploads/00000000-0000-0000-0000-000000000000/repaired.gpkg", 401),
    ("GET", "/uploads/{uploadId}/events"): ("/uploads/00000000-0000-0000-0000-000000000000/events", 401),
    ("POST", "/auth/login"): ("/auth/login", 400),
    ("POST", "/auth/logout"): ("/auth/logout", 401),
    ("GET", "/auth/me"): ("/auth/me", 401),
    ("GET", "/healthz"): ("/healthz", 200),
    ("GET", "/readyz"): ("/readyz", 200),
    ("GET", "/metrics"): ("/metrics", 404),
    ("GET", "/embed"): ("/embed", 200),
    ("GET", "/desk"): ("/desk", 200),
    ("GET", "/desk/uploads/{uploadId}"): ("/desk/uploads/00000000-0000-0000-0000-000000000000", 200),
    ("GET", "/desk/revisions/{collectionId}"): ("/desk/revisions/addresses", 200),
    ("GET", "/desk/fields/{collectionId}"): ("/desk/fields/addresses", 200),
    ("GET", "/desk/tiles/{collectionId}"): ("/desk/tiles/addresses", 200),
    ("GET", "/desk/tiles/{collectionId}/zooms/{z}"): ("/desk/tiles/addresses/zooms/9", 401),
    ("GET", "/desk/tiles/{collectionId}/missing"): ("/desk/tiles/addresses/missing", 401),
    ("GET", "/desk/tiles/{collectionId}/why"): ("/desk/tiles/addresses/why", 401),
    ("GET", "/kiem-tra"): ("/kiem-tra", 200),
    ("GET", "/about"): ("/about", 200),
    ("GET", "/accessibility"): ("/accessibility", 200),
    ("GET", "/licenses"): ("/licenses", 200),
    ("GET", "/widget.js"): ("/widget.js", 200),
    ("GET", "/favicon.ico"): ("/favicon.ico", 200),
    ("GET", "/assets/{name}"): ("/assets/none.js", 404),
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
OFFICERS = ("/uploads", "/auth", "/desk", "/metrics")
SENT_TO = {"/validate", f"{ADDRESSES}/revisions/1/rollback"}
"""What cannot be read; scripts of other sites are let read only."""


def declared_routes() -> set[tuple[str, str]]:
    """Return method and path of every route that the application is put together from."""
    routes: list[Any] = [route for router in (*app_module.routers, app_module.description) for route in router.routes]
    return {(method, route.path) for route in routes for method in route.methods}


@pytest.fixture
def stranger(client: TestClient) -> TestClient:
    """A client from the internet, without cookies, on the running application."""
    return TestClient(client.app, client=("8.8.8.8", 40000))


def test_the_table_here_has_every_route() -> None:
    assert set(STRANGER) == declared_routes()


@pytest.mark.parametrize(("method", "path"), list(STRANGER))
def test_a_stranger_gets_what_is_public_and_nothing_else(stranger: TestClient, method: str, path: str) -> None:
    address, status = STRANGER[method, path]
    answer = stranger.request(method, address)
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", sorted({path for _, path in STRANGER}))
def test_no_route_takes_a_method_that_is_not_in_the_table(stranger: TestClient, path: str) -> None:
    address = next(found for (_, known), (found, _) in STRANGER.items() if known == path)
    for method in METHODS:
        if (method, path) not in STRANGER:
            assert stranger.request(method, address).status_code == 405


@pytest.mark.parametrize(
    ("path", "opened"),
    [("/collections", True), ("/search?q=a", True), (ADDRESSES, True), ("/auth/me", False), ("/uploads", False), ("/desk", False), ("/about", False)],
)  # fmt: skip
def test_only_public_data_may_be_read_by_other_sites(stranger: TestClient, path: str, opened: bool) -> None:
    headers = stranger.get(path, headers={"origin": "https://elsewhere.example"}).headers
    assert (headers.get("access-control-allow-origin") == "*") is opened
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("address", sorted({address for address, _ in STRANGER.values()} | {"/tiles/addresses/0/0/0.mvt", "/tiles/addresses/events", "/collections/addresses/tiles/WebMercatorQuad/0/0/0"}))  # fmt: skip
def test_scripts_of_other_sites_may_send_headers_to_what_is_public_only(stranger: TestClient, address: str) -> None:
    asked = {"origin": "https://xa.example", "access-control-request-method": "GET", "access-control-request-headers": "if-none-match"}  # fmt: skip
    answer = stranger.options(address, headers=asked)
    opened = {name: value for name, value in answer.headers.items() if name.startswith("access-control-allow-")}
    if address.startswith(OFFICERS):
        assert (answer.status_code, opened) == (405, {})
        return
    edited = address in {f"{ADDRESSES}/items", f"{ADDRESSES}/items/1"}
    if address in SENT_TO and not edited:
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert "access-control-allow-methods" not in opened
        return
    assert (answer.status_code, answer.content) == (200 if edited else 204, b"")
    assert opened == {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, HEAD",
        "access-control-allow-headers": "*",
    }
    assert (answer.headers["allow"] == "GET, HEAD") is not edited


def test_there_are_no_options_of_what_is_not_there(stranger: TestClient) -> None:
    assert stranger.options("/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/", "/collections", "/desk", "/auth/me", "/nothing"])
def test_every_answer_has_the_security_headers(stranger: TestClient, path: str) -> None:
    headers = stranger.get(path, headers={"accept": "text/html"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    if headers["content-type"].startswith("text/html"):
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy


def test_only_the_embedded_page_may_be_framed(stranger: TestClient) -> None:
    assert "frame-ancestors *" in stranger.get("/embed").headers["content-security-policy"]


def test_a_production_service_insists_on_https(sample_url: str) -> None:
    settings = settings_for(
        sample_url, env="production", publication_policy="code_point", allowed_hosts="testserver", licence="CC BY 4.0"
    )
    with TestClient(create_app(settings)) as client:
        assert "max-age=31536000" in client.get("/").headers["strict-transport-security"]


def test_a_foreign_host_name_is_refused(stranger: TestClient) -> None:
    assert stranger.get("/collections", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_needs_no_host_name(stranger: TestClient, path: str) -> None:
    assert stranger.get(path, headers={"host": "10.0.0.7:8000"}).status_code == 200


def nothing() -> None:
    """Do nothing."""


def add_plain(router: APIRouter) -> None:
    router.add_api_route("/rogue", nothing, methods=["GET"])


def add_with_other_dependency(router: APIRouter) -> None:
    router.add_api_route("/rogue", nothing, methods=["GET"], dependencies=[Depends(nothing)])


def add_mount(router: APIRouter) -> None:
    router.mount("/rogue", FastAPI())


@pytest.mark.parametrize("add", [add_plain, add_with_other_dependency, add_mount])
def test_an_application_with_a_route_without_a_policy_does_not_start(
    monkeypatch: pytest.MonkeyPatch, add: Callable[[APIRouter], None]
) -> None:
    rogue = APIRouter()
    add(rogue)
    monkeypatch.setattr(app_module, "routers", [*app_module.routers, rogue])
    with pytest.raises(UndeclaredPolicyError, match="/rogue"):
        create_app(settings_for(NOWHERE))


def test_the_shipped_application_starts(sample_settings: ServiceSettings) -> None:
    create_app(sample_settings)


def test_a_policy_in_a_dependency_of_a_dependency_counts() -> None:
    router = APIRouter()

    def inner(_: None = public) -> None: ...

    router.add_api_route("/fine", nothing, dependencies=[Depends(inner)])
    require_policies([router])
