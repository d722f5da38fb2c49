"""Two API processes behind nginx as the operator's guide sets it up: what it keeps, and that nothing kept is stale."""

import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import httpx2
import mapbox_vector_tile
import pytest

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file
from geodata.registers import get_register
from tests.conftest import Server, serving, settings_for
from tests.service.nginx_server import behind_nginx

X, Y = 13026, 7245
"""The tile of zoom 14 that holds the first address of the sample."""

NOTICED_WITHIN_S = 1.0
CHROME, SAFARI = "gzip, deflate, br, zstd", "gzip, deflate, br"


@dataclass(frozen=True)
class Site:
    """The service as the world sees it, and the database under it."""

    web: httpx2.Client
    database: Database

    def template(self, layers: str = "addresses") -> str:
        """Return the address of tiles that TileJSON gives now."""
        template: str = self.web.get(f"/tiles/{layers}.json").json()["tiles"][0]
        return template

    def tile(self, url: str, coding: str = CHROME, **headers: str) -> tuple[httpx2.Response, bytes]:
        """Return an answer and its bytes as they came over the wire."""
        with self.web.stream("GET", url, headers={"accept-encoding": coding, **headers}) as answer:
            return answer, b"".join(answer.iter_raw())


@pytest.fixture(scope="module")
def site(server: Server, worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"nginx_{worker_name}"
    settings = settings_for(server.create(name, "template_sample"))
    database = Database(settings)
    folder = tmp_path_factory.mktemp("nginx") / "nginx"
    other = settings.model_copy(update={"var_dir": settings.var_dir / "other"})
    with (
        serving(settings) as one,
        serving(other) as two,
        behind_nginx([one, two], folder) as address,
        httpx2.Client(base_url=address) as web,
    ):
        yield Site(web, database)
    database.dispose()
    server.drop(name)


def publish(site: Site, folder: Path, code: str) -> None:
    """Publish one address in the tile."""
    lon, lat = site.web.get("/collections/addresses/items/1").json()["geometry"]["coordinates"]
    file = folder / "new.csv"
    file.write_text(f"ma_dia_chi,loai,kinh_do,vi_do\n{code},ho gia dinh,{lon + 1e-5},{lat + 1e-5}\n", encoding="utf-8")
    published = import_file(site.database, ImportRequest(file, file.name, get_register("addresses"), SYSTEM))
    assert published.counts.added == 1, published.report.as_dict()


def decoded(answer: httpx2.Response, raw: bytes) -> bytes:
    return gzip.decompress(raw) if answer.headers.get("content-encoding") == "gzip" else raw


def count(content: bytes) -> int:
    return len(mapbox_vector_tile.decode(content)["addresses"]["features"])


def test_whoever_walks_over_the_map_again_is_answered_by_nginx_alone(site: Site) -> None:
    walk = [
        (z, (X >> (14 - z)) + east, (Y >> (14 - z)) + south)
        for z in (10, 12, 14)
        for east in (0, 1)
        for south in (0, 1)
    ]
    template = site.template("communes,addresses")
    statuses = []
    for browser in (CHROME, SAFARI, "gzip", CHROME):
        answers = [site.tile(template.format(z=z, x=x, y=y), browser) for z, x, y in walk]
        assert {answer.status_code for answer, _ in answers} <= {200, 204}
        statuses.append([answer.headers["x-cache-status"] for answer, _ in answers])
        assert all("immutable" in answer.headers["cache-control"] for answer, _ in answers)
        assert all("surrogate-key" not in answer.headers for answer, _ in answers)
    assert statuses == [["MISS"] * len(walk)] + [["HIT"] * len(walk)] * 3


def test_the_ogc_address_of_a_tile_is_kept_too(site: Site) -> None:
    version = site.template().partition("v=")[2]
    url = f"/collections/addresses/tiles/WebMercatorQuad/14/{Y}/{X}?v={version}"
    assert [site.tile(url)[0].headers["x-cache-status"] for _ in range(3)] == ["MISS", "HIT", "HIT"]


def test_a_client_that_holds_a_tile_gets_304_from_nginx(site: Site) -> None:
    url = site.template().format(z=13, x=X >> 1, y=Y >> 1)
    first, _ = site.tile(url)
    again, content = site.tile(url, **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, content, again.headers["x-cache-status"]) == (304, b"", "HIT")


READABLE = {
    CHROME: "gzip", "br": None, "identity": None, "zstd, br": None, "gzip;q=0, br": None, "gzip, *;q=0": "gzip",
    "identity;q=0.5, gzip;q=0.1": None, "*": "gzip", "notgzip": None, "br,gzip": "gzip",
}  # fmt: skip
LAYERS = ("addresses", "villages", "communes,addresses", "addresses,communes", "villages,communes", "communes")


@pytest.mark.parametrize(("layers", "order"), list(zip(LAYERS, permutations((CHROME, "br", "identity")), strict=True)))
def test_each_client_gets_what_it_can_read_in_any_order(site: Site, layers: str, order: tuple[str, ...]) -> None:
    """Each order begins with a tile that nginx has not seen."""
    contents = set()
    url = site.template(layers).format(z=13, x=X >> 1, y=Y >> 1) + "&f=mvt"
    for coding in [*order, *order, *READABLE]:
        answer, raw = site.tile(url, coding)
        assert (answer.status_code, answer.headers.get("content-encoding")) == (200, READABLE[coding])
        assert "Accept-Encoding" in answer.headers["vary"]
        contents.add(decoded(answer, raw))
    assert len(contents) == 1
    assert [site.tile(url, coding)[0].headers["x-cache-status"] for coding in (CHROME, SAFARI, "br")] == ["HIT"] * 3


@pytest.mark.parametrize("coding", ["identity;q=0", "br, *;q=0"])
def test_a_client_that_can_read_nothing_is_refused_whatever_is_kept(site: Site, coding: str) -> None:
    url = site.template().format(z=14, x=X, y=Y)
    site.tile(url)
    assert [site.tile(url, coding)[0].status_code for _ in range(2)] == [406, 406]
    assert site.tile(url)[0].status_code == 200


def test_an_edit_shows_at_the_new_addresses_within_a_second_and_stays(site: Site, tmp_path: Path) -> None:
    old = site.template().format(z=14, x=X, y=Y)
    before = count(decoded(*site.tile(old)))
    publish(site, tmp_path, "0799798001")
    deadline = time.monotonic() + NOTICED_WITHIN_S
    new = site.template().format(z=14, x=X, y=Y)
    assert new != old
    while count(decoded(*site.tile(new))) == before:
        assert time.monotonic() < deadline
    for coding in (CHROME, "br", SAFARI, "identity") * 3:
        assert count(decoded(*site.tile(new, coding))) == before + 1
    while site.tile(new)[0].headers["x-cache-status"] != "HIT":
        assert time.monotonic() < deadline
    assert count(decoded(*site.tile(new))) == before + 1


def test_an_address_without_a_version_is_answered_by_the_service_each_time(site: Site, tmp_path: Path) -> None:
    url = f"/tiles/addresses/14/{X}/{Y}.mvt"
    first, raw = site.tile(url)
    before, etag = count(decoded(first, raw)), first.headers["etag"]
    for _ in range(4):
        answer, content = site.tile(url, **{"if-none-match": etag})
        assert (answer.status_code, content, answer.headers["etag"]) == (304, b"", etag)
        assert answer.headers.get("x-cache-status", "") == ""
    publish(site, tmp_path, "0799798002")
    deadline = time.monotonic() + NOTICED_WITHIN_S
    # Each of the two processes is asked in turn.
    in_a_row = 0
    while in_a_row < 4:
        assert time.monotonic() < deadline
        answer, raw = site.tile(url, **{"if-none-match": etag})
        in_a_row = in_a_row + 1 if answer.status_code == 200 and count(decoded(answer, raw)) == before + 1 else 0
    newer = answer.headers["etag"]
    assert [site.tile(url, **{"if-none-match": newer})[0].status_code for _ in range(4)] == [304] * 4


@pytest.mark.parametrize(("path", "status"), [("/tiles/nothing/14/1/1.mvt", 404), ("/tiles/addresses/15/1/1.mvt", 400)])
def test_a_refusal_is_never_kept(site: Site, path: str, status: int) -> None:
    version = site.template().partition("v=")[2]
    for _ in range(3):
        answer, _ = site.tile(f"{path}?v={version}")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.headers.get("x-cache-status", "MISS") == "MISS"


def test_an_address_with_an_older_version_is_not_kept(site: Site) -> None:
    for _ in range(3):
        answer, _ = site.tile(f"/tiles/addresses/14/{X}/{Y}.mvt?v=0c2")
        assert (answer.status_code, answer.headers["x-cache-status"]) == (200, "MISS")


def test_tilejson_names_the_site_and_is_asked_for_each_time(site: Site) -> None:
    assert site.template().startswith(str(site.web.base_url))
    answers = [site.web.get("/tiles/addresses.json") for _ in range(2)]
    held = {"if-none-match": answers[0].headers["etag"]}
    assert site.web.get("/tiles/addresses.json", headers=held).status_code == 304
    assert all("x-cache-status" not in answer.headers for answer in answers)


def test_a_part_of_a_large_file_passes_through(site: Site) -> None:
    path = "/collections/tourism_points/export.gpkg"
    whole = site.web.get(path)
    part = site.web.get(path, headers={"range": "bytes=100-199", "if-range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"


def test_the_figures_do_not_get_out(site: Site) -> None:
    assert site.web.get("/metrics").status_code == 404
