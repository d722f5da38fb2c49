"""What a query may say: every address refuses what it does not know, and what it knows but cannot read."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.registers import discover
from service import app as app_module
from service import setup
from service.app import create_app
from service.auth.policy import SAFE_METHODS, public
from tests.conftest import PASSWORD, settings_for
from tests.service.people import add_officer, address_csv, sign_in, upload_parts

PROBLEM = "application/problem+json"
ADDRESSES, COMMUNES = "/collections/addresses/items", "/collections/communes/items"
TILES = ("/tiles/{layers}/0/0/0.mvt", "/collections/{collectionId}/tiles/WebMercatorQuad/0/0/0")
PLACES = {
    "area": "vietnam",
    "collectionId": "addresses",
    "featureId": "1",
    "ending": "json",
    "file": "addresses.csv",
    "layers": "addresses",
    "name": "none.js",
    "number": "1",
    "styleId": "addresses",
    "tileMatrixSetId": "WebMercatorQuad",
    "rollbackId": "00000000-0000-0000-0000-000000000000",
    "uploadId": "00000000-0000-0000-0000-000000000000",
    "version": "latest",
}


def routes() -> list[Any]:
    """Return every route; a new one is among them by itself."""
    return [route for router in (*app_module.routers, app_module.description) for route in router.routes]


def public_paths() -> Iterator[str]:
    """Return an address of every route that everybody may read."""
    for path in [
        *TILES,
        *(route.path for route in routes() if "GET" in route.methods and public in route.dependencies),
    ]:
        yield path.format_map(PLACES)


@pytest.fixture
def inside(client: TestClient) -> TestClient:
    """A client on this machine, which may see the figures too."""
    return TestClient(client.app, client=("127.0.0.1", 1))


def refused(client: TestClient, path: str, **asked: str) -> str:
    """Ask for what is malformed; return the problem's sentence."""
    answer = client.get(path, params=asked or None)
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM), (path, asked, answer.text[:200])
    return str(answer.json()["detail"])


@pytest.mark.parametrize("path", sorted(set(public_paths())))
@pytest.mark.parametrize("asked", [{"no_such": "1"}, {"lang": "xx"}, {"lang": ""}, {"f": "xml"}], ids=str)
def test_every_public_address_refuses_what_it_does_not_know(
    inside: TestClient, path: str, asked: dict[str, str]
) -> None:
    assert next(iter(asked)) in refused(inside, path, **asked)


@pytest.mark.parametrize("asked", ["no_such=1", "lang=xx"])
def test_every_address_that_changes_something_refuses_it_too_and_changes_nothing(scratch_url: str, asked: str) -> None:
    settings = settings_for(scratch_url)
    app, username = create_app(settings), add_officer(settings)
    kept = (
        "SELECT (SELECT count(*) FROM ops.sign_in), (SELECT count(*) FROM ops.upload), (SELECT count(*) FROM ops.audit)"
    )
    bodies: dict[str, Any] = {
        "/auth/login": {"json": {"username": username, "password": PASSWORD}},
        "/auth/logout": {},
        "/uploads": upload_parts(address_csv("0790012345")),
        "/validate": upload_parts(address_csv("0790012345")),
    }
    with TestClient(app):  # type: ignore[arg-type]
        officer = sign_in(app, username)
        with setup.owner(settings) as connection:
            before = connection.execute(text(kept)).one()
        for route in routes():
            for method in route.methods - SAFE_METHODS:
                answer = officer.request(
                    method, f"{route.path.format_map(PLACES)}?{asked}", **bodies.get(route.path, {"json": {}})
                )
                assert answer.status_code == 400, (method, route.path, answer.text)
                assert asked.partition("=")[0] in answer.json()["detail"]
        with setup.owner(settings) as connection:
            assert connection.execute(text(kept)).one() == before
    assert not list((settings.var_dir / "uploads").glob("*"))


@pytest.mark.parametrize("path", ["/", "/embed", "/collections/addresses", ADDRESSES])
def test_marks_of_shared_links_are_ignored_for_people_and_refused_to_programs(client: TestClient, path: str) -> None:
    query = "?fbclid=IwAR0&utm_source=zalo&lang=en&zarsrc=30"
    page = client.get(path + query, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.status_code == 200
    assert "fbclid" not in page.text
    assert "fbclid" in refused(client, path + query)


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("path", ["/", "/embed", "/about", "/collections", ADDRESSES, "/tiles/addresses.json", "/api"])
def test_the_two_languages_are_taken(inside: TestClient, path: str, lang: str) -> None:
    assert inside.get(path, params={"lang": lang}).status_code == 200


@pytest.mark.parametrize("query", ["v=1&v=1", "f=mvt&f=mvt"])
def test_a_tile_takes_each_parameter_once(client: TestClient, query: str) -> None:
    assert refused(client, f"/tiles/addresses/14/0/0.mvt?{query}")
    assert client.get("/tiles/addresses/14/0/0.mvt?v=1&f=mvt").status_code == 204


@pytest.mark.parametrize("path", ["/tiles/addresses/00/0/0.mvt", "/tiles/addresses/1/01/0.mvt", "/tiles/addresses/1/0/ 1.mvt"])  # fmt: skip
def test_a_tile_has_one_address_only(client: TestClient, path: str) -> None:
    assert refused(client, path)


@pytest.mark.parametrize("crs", ["bogus", "", "http://www.opengis.net/def/crs/EPSG/0/32648", "EPSG:32648"])
@pytest.mark.parametrize("path", [ADDRESSES, f"{ADDRESSES}/1"])
def test_items_come_in_the_systems_of_their_collection_only(client: TestClient, path: str, crs: str) -> None:
    assert "crs" in refused(client, path, crs=crs)
    for known in client.get("/collections/addresses").json()["crs"]:
        answer = client.get(path, params={"crs": known, "limit": 1} if path == ADDRESSES else {"crs": known})
        assert (answer.status_code, answer.headers["content-crs"]) == (200, f"<{known}>")


@pytest.mark.parametrize(
    "asked",
    [
        "20250701", "2025-W01-1", "2025-182", "2025-07-01T05", "2025-07-01T05:00Z", "2025-07-01T05:00:00",
        "2025-07-01T05:00:00+0700", "2025-07-01T05:00:00+07", "2025-07-01 05:00:00Z", "2025-07-01T24:00:00Z",
        "2025-07-01T05:00:00,5Z", "2025-02-30T05:00:00Z", " 2025-07-01", "２０２５-07-01", "2025-07-01/20260101", "0",
    ],
)  # fmt: skip
def test_times_are_those_of_rfc_3339(client: TestClient, asked: str) -> None:
    assert "datetime" in refused(client, COMMUNES, datetime=asked)


@pytest.mark.parametrize(
    "asked", ["2025-07-01T05:00:00.123456789z", "2025-07-01t23:59:60Z", "2025-07-01T00:00:00-00:00", "2025-07-01/2025-07-01T05:00:00+07:00"]
)  # fmt: skip
def test_every_writing_of_rfc_3339_is_taken(client: TestClient, asked: str) -> None:
    page = client.get(COMMUNES, params={"datetime": asked, "code": "99001"}).json()
    assert page["numberMatched"] == 1


@pytest.mark.parametrize("asked", ["0", "1751328000", "20250701", "2025-07-01T00:00:00Z", " 2025-07-01", "2025-13-01"])
def test_a_day_to_compare_with_is_a_full_date(client: TestClient, asked: str) -> None:
    assert "valid_from" in refused(client, COMMUNES, valid_from=asked)
    assert client.get(COMMUNES, params={"valid_from": "2025-07-01", "code": "99001"}).json()["numberMatched"] == 1


WORDS_THAT_PYTHON_READS = ["1_0", " 1", "1 ", "+1", "01", "１", "٣", "nan", "inf", "-Infinity", "1.", "0x1", ""]


@pytest.mark.parametrize("number", [*WORDS_THAT_PYTHON_READS, ".5"])
@pytest.mark.parametrize("place", range(4))
def test_the_numbers_of_a_box_are_plain(client: TestClient, place: int, number: str) -> None:
    numbers = ["1", "1", "2", "2"]
    assert "bbox" in refused(client, ADDRESSES, bbox=",".join([*numbers[:place], number, *numbers[place + 1 :]]))


@pytest.mark.parametrize("asked", ["1e2,-1.5E1,107,2.05e+1", "0,-0,0,0", "-180,-90,180,90"])
def test_every_writing_of_a_plain_number_is_taken(client: TestClient, asked: str) -> None:
    assert client.get(ADDRESSES, params={"bbox": asked}).status_code == 200


@pytest.mark.parametrize("number", [*WORDS_THAT_PYTHON_READS, "1.0", "1e1"])
@pytest.mark.parametrize(
    ("path", "name"),
    [(ADDRESSES, "limit"), (ADDRESSES, "offset"), ("/search?q=a", "limit"), ("/collections/villages/items", "household_count")],
)  # fmt: skip
def test_whole_numbers_are_plain(client: TestClient, path: str, name: str, number: str) -> None:
    address, _, rest = path.partition("?")
    assert name in refused(client, address, **dict([rest.split("=")] if rest else []), **{name: number})


@pytest.mark.parametrize("limit", ["1001", "1" + "0" * 17, "1" + "0" * 22, "9" * 1000])
def test_a_limit_of_any_length_is_cut_to_the_largest(client: TestClient, limit: str) -> None:
    answer = client.get(ADDRESSES, params={"limit": limit})
    assert (answer.status_code, answer.json()["numberReturned"]) == (200, 1000)


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ("1,50,3,2", "nam (50) lớn hơn bắc (2)"),
        ("1,-91,3,2", "vĩ độ từ -90 đến 90"),
        ("1,1,181,2", "kinh độ từ -180 đến 180"),
        ("1,2,3", "cần bốn số"),
    ],
)
def test_a_box_is_refused_for_what_is_wrong_with_it(client: TestClient, box: str, why: str) -> None:
    assert why in refused(client, ADDRESSES, bbox=box)


@pytest.mark.parametrize("number", WORDS_THAT_PYTHON_READS)
def test_numbers_to_compare_with_are_plain(client: TestClient, number: str) -> None:
    assert "area_ha" in refused(client, "/collections/growing_areas/items", area_ha=number)


@pytest.mark.parametrize("limit", ["0000000015", "0000000010000"])
def test_no_number_of_zeros_lifts_the_bound_of_search(client: TestClient, limit: str) -> None:
    assert refused(client, "/search", q="a", limit=limit)


@pytest.mark.parametrize("path", ["/embed", "/", "/styles/map.json"])
@pytest.mark.parametrize("layers", ["nope", "addresses,nope", "addresses,addresses", "addresses,"])
def test_layers_that_do_not_exist_are_refused_with_those_that_do(client: TestClient, path: str, layers: str) -> None:
    asked = {"layers": layers} | ({"f": "html"} if path == "/" else {})
    sentence = refused(client, path, **asked)
    assert all(name in sentence for name in discover())
    assert client.get(path, params={**asked, "layers": "addresses,villages"}).status_code == 200


@pytest.mark.parametrize("code", ["abc", "9900", "990011", "９９００１", " 99001"])
def test_an_embedded_map_takes_the_five_digits_of_a_commune(client: TestClient, code: str) -> None:
    assert "commune" in refused(client, "/embed", commune=code)


@pytest.mark.parametrize(("code", "status"), [("99001", 200), ("00004", 200), ("12345", 404)])
def test_an_embedded_map_of_no_commune_is_not_there_and_still_a_map(client: TestClient, code: str, status: int) -> None:
    answer = client.get("/embed", params={"commune": code})
    assert answer.status_code == status
    assert f'commune="{code}"' in answer.text


@pytest.mark.parametrize("path", ["/collections/addresses/items", "/collections/addresses/revisions", "/collections/addresses/revisions/1", "/search?q=a"])  # fmt: skip
def test_an_empty_limit_is_no_limit_at_all(client: TestClient, path: str) -> None:
    answer = client.get(f"{path}{'&' if '?' in path else '?'}limit=")
    assert answer.status_code == 400
    assert answer.json()["type"] == "urn:bandoso:problem:parameter"
