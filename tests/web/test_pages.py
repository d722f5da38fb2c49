"""The pages themselves: languages, escaping, cookies, assets. They need no database."""

import asyncio
import gzip
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI, Request, Response

from geodata.registers import get_register
from service.problems import STATUSES, add_problem_handlers
from service.settings import ServiceSettings
from service.web import pages, rendering
from service.web.assets import Assets
from service.web.i18n import LANGUAGES, translator
from service.web.values import safe_href, show

WEB = Path(pages.__file__).parent
HOSTILE = '"><script>window.__xss=1</script>'
UPLOAD_PAGE = "/desk/uploads/01930000-0000-7000-8000-000000000001"
HTML_PAGES = (
    "/", "/embed", "/desk", UPLOAD_PAGE, "/desk/revisions/addresses", "/kiem-tra", "/about", "/accessibility",
)  # fmt: skip
FIELDS = [
    {"name": "name", "title": {"vi": "Tên", "en": "Name"}},
    {"name": "website", "title": {"vi": "Trang web", "en": "Website"}},
    {"name": "kind", "title": "Kind", "choices": [{"value": "a", "label": {"vi": "Loại A", "en": "Kind A"}}]},
]
COLLECTION: dict[str, Any] = {
    "id": "addresses",
    "title": HOSTILE,
    "description": HOSTILE,
    "sample": True,
    "links": [{"href": "javascript:alert(1)", "rel": "self", "title": HOSTILE}],
}
ITEM: dict[str, Any] = {
    "type": "Feature",
    "id": "0190",
    "geometry": None,
    "properties": {"name": HOSTILE, "website": "javascript:alert(1)", "kind": "a"},
}
ITEMS = {"type": "FeatureCollection", "features": [ITEM], "numberMatched": 12345}
PROBLEM = {"title": HOSTILE, "status": 404, "detail": HOSTILE, "instance": HOSTILE}
LINKS = [{"href": "javascript:alert(1)", "rel": "self", "title": HOSTILE}]
LEVEL = {"id": "0", "matrixWidth": 1, "matrixHeight": 1, "cellSize": 1.5, "scaleDenominator": 5000.5}
TILESET: dict[str, Any] = {
    "title": HOSTILE, "description": HOSTILE, "tileMatrixSetId": "WebMercatorQuad", "crs": HOSTILE,
    "links": [*LINKS, {"href": HOSTILE, "rel": "item", "templated": True}],
    "layers": [{"id": "addresses", "title": HOSTILE, "minTileMatrix": "0", "maxTileMatrix": "14",
                "propertiesSchema": {"properties": {HOSTILE: {}}}}],
}  # fmt: skip
CONTEXTS: dict[str, dict[str, Any]] = {
    "collections.html": {"collections": [COLLECTION]},
    "collection.html": {"collection": COLLECTION, "fields": FIELDS, "dataset": {"name": HOSTILE}},
    "items.html": {"collection": COLLECTION, "items": ITEMS, "columns": FIELDS, "links": [], "outline": HOSTILE},
    "item.html": {
        "collection": COLLECTION,
        "item": {**ITEM, "revision": 7},
        "fields": FIELDS,
        "technical": FIELDS,
        "outline": HOSTILE,
    },
    "tilesets.html": {"heading": HOSTILE, "entries": [{**TILESET, "links": LINKS}], "links": LINKS},
    "tileset.html": {"tileset": TILESET},
    "matrixSet.html": {
        "matrix_set": {"id": "x", "title": HOSTILE, "crs": HOSTILE, "tileMatrices": [LEVEL]},
        "links": LINKS,
    },
    "api.html": {"origin": HOSTILE, "groups": []},
    "problem.html": {"problem": PROBLEM},
}


class Client:
    """Ask an application without a server or a network between."""

    def __init__(self, app: FastAPI, root_path: str = "") -> None:
        self._transport = httpx.ASGITransport(app=app, root_path=root_path)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to one request."""

        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://map.test") as client:
                return await client.get(path, **options)

        return asyncio.run(ask())


@pytest.fixture
def app() -> FastAPI:
    """Return an application of the pages alone, with one route for the templates of the API."""
    app = FastAPI()
    app.state.settings = ServiceSettings()
    add_problem_handlers(app)
    app.include_router(pages.router)
    app.get("/")(pages.map_page)

    @app.get("/view/{template}")
    def view(request: Request, template: str) -> Response:
        return rendering.render(request, template, CONTEXTS[template])

    return app


@pytest.fixture
def client(app: FastAPI) -> Client:
    """Return a client of that application."""
    return Client(app)


def used_keys() -> set[str]:
    """Return every text key that templates and modules ask for."""
    sources = [*WEB.glob("templates/*.html"), *WEB.glob("*.py")]
    pattern = re.compile(r"""\b(?:t|translator\(language\))\((?:"([^"]+)"|'([^']+)')\)""")
    return {
        double or single for source in sources for double, single in pattern.findall(source.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_templates_is_in_the_catalogue(language: str) -> None:
    catalogue = (WEB / "locale" / language / "LC_MESSAGES" / "messages.po").read_text(encoding="utf-8")
    missing = {key for key in used_keys() if f'msgid "{key}"' not in catalogue}
    assert not missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_translated_twice(language: str) -> None:
    catalogue = (WEB / "locale" / language / "LC_MESSAGES" / "messages.po").read_text(encoding="utf-8")
    keys = re.findall(r'^msgid "(.+)"$', catalogue, re.MULTILINE)
    assert len(keys) == len(set(keys))


def test_a_text_without_translation_is_its_own_key() -> None:
    assert translator("vi")("No such text") == "No such text"


@pytest.mark.parametrize(
    ("query", "cookie", "accepted", "expected"),
    [
        ("", None, None, "vi"),
        ("", None, "en-US,en;q=0.9", "en"),
        ("", None, "en-US,en;q=0.9,vi;q=0.8", "vi"),
        ("", None, "en;q=0,fr", "vi"),
        ("", None, "en;q=broken", "vi"),
        ("", "en", "vi", "en"),
        ("?lang=vi", "en", "en", "vi"),
        ("", "yy", None, "vi"),
    ],
)
def test_language_comes_from_query_then_cookie_then_header(
    client: Client, query: str, cookie: str | None, accepted: str | None, expected: str
) -> None:
    headers = {"accept-language": accepted or "", **({"cookie": f"lang={cookie}"} if cookie else {})}
    answer = client.get(f"/about{query}", headers=headers)
    assert f'<html lang="{expected}"' in answer.text
    assert answer.headers["content-language"] == expected


def test_a_chosen_language_is_remembered(client: Client) -> None:
    assert "lang=en" in client.get("/about?lang=en").headers["set-cookie"]
    assert "set-cookie" not in client.get("/about?lang=xx").headers
    # An embedded map sets no cookie, nor does the page that stands in its place where its address is wrong.
    assert "set-cookie" not in client.get("/embed?layers=khongco&lang=vi", headers={"Accept": "text/html"}).headers


def test_the_embedded_page_sets_and_reads_no_cookie(client: Client) -> None:
    answer = client.get("/embed?lang=en", headers={"cookie": "lang=vi"})
    assert "set-cookie" not in answer.headers
    assert '<html lang="en"' in answer.text
    assert "Cookie" not in answer.headers["vary"]


@pytest.mark.parametrize("page", HTML_PAGES)
def test_pages_hold_no_inline_script_or_style(client: Client, page: str) -> None:
    text = client.get(page).text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text)


@pytest.mark.parametrize("page", HTML_PAGES)
def test_pages_have_one_main_heading_and_one_main(client: Client, page: str) -> None:
    text = client.get(page).text
    assert (text.count("<h1"), text.count("<main")) == (1, 1)


@pytest.mark.parametrize(
    "path", ["/desk/uploads/1", "/desk/uploads/%22%3E%3Cscript%3E", "/desk/revisions/nothing", "/desk/fields/nothing"]
)
def test_a_page_about_nothing_is_not_found(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "<script>" not in answer.text


def test_columns_may_be_private_fields_too_and_never_derived_ones(client: Client) -> None:
    fields = {field["name"]: field for field in client.get("/desk/fields/addresses").json()["fields"]}
    assert fields["code"]["title"]["vi"] == "Mã địa chỉ"
    assert (fields["code"]["private"], fields["head_name"]["private"]) == (False, True)
    assert not set(fields) & get_register("addresses").derived


@pytest.mark.skipif(not rendering.ASSETS.is_built, reason="the pages are not built: run .ci/npm run build")
def test_public_pages_load_nothing_of_the_desk(client: Client) -> None:
    def loaded(page: str) -> set[str]:
        return set(re.findall(r'/assets/([^"]+)', client.get(page).text))

    desk = loaded("/desk") | loaded(UPLOAD_PAGE) | loaded("/kiem-tra")
    assert any("deskApi" in name for name in desk)
    assert not {name for name in loaded("/") | loaded("/embed") | loaded("/about") if re.search("desk|upload", name)}
    assert not {name for name in loaded("/desk") if "maplibre" in name}


@pytest.mark.parametrize("page", HTML_PAGES)
@pytest.mark.parametrize("name", ["lang", "commune", "layers", "title", "other"])
def test_no_page_reflects_a_parameter_as_markup(client: Client, page: str, name: str) -> None:
    text = client.get(page, params={name: HOSTILE}).text
    assert "<script>" not in text
    assert HOSTILE not in text


@pytest.mark.parametrize("template", sorted(CONTEXTS))
@pytest.mark.parametrize("language", LANGUAGES)
def test_api_pages_show_hostile_data_as_text(client: Client, template: str, language: str) -> None:
    text = client.get(f"/view/{template}?lang={language}").text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert 'href="javascript:' not in text


@pytest.mark.parametrize("status", sorted(set(STATUSES.values()) - {HTTPStatus.REQUEST_ENTITY_TOO_LARGE}))
def test_every_error_that_a_page_can_meet_has_a_vietnamese_title(status: HTTPStatus) -> None:
    assert translator("vi")(status.phrase) != status.phrase


def test_items_page_gives_codes_their_labels_and_numbers_their_separators(client: Client) -> None:
    text = client.get("/view/items.html?lang=vi").text
    assert "Loại A" in text
    assert "12.345" in text


def test_links_keep_the_path_the_service_is_mounted_under(app: FastAPI) -> None:
    text = Client(app, root_path="/ban-do").get("/ban-do/about").text
    assert 'href="/ban-do/collections"' in text
    assert 'data-base="/ban-do"' in text


def test_a_service_without_built_scripts_says_how_to_build_them(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rendering, "ASSETS", Assets(tmp_path))
    monkeypatch.setattr(pages, "ASSETS", Assets(tmp_path))
    answer = client.get("/")
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "make web" in answer.text
    assert client.get("/widget.js").status_code == HTTPStatus.NOT_FOUND


@pytest.fixture
def built(tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client of pages whose build holds one script, compressed once."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "secret.js").write_text("secret", encoding="utf-8")
    (tmp_path / "assets" / "widget-1.js").write_text("plain", encoding="utf-8")
    (tmp_path / "assets" / "widget-1.js.gz").write_bytes(gzip.compress(b"plain"))
    manifest = '{"src/widget.ts": {"file": "assets/widget-1.js"}}'
    (tmp_path / "manifest.json").write_text(manifest, encoding="utf-8")
    monkeypatch.setattr(pages, "ASSETS", Assets(tmp_path))
    return client


def test_assets_are_immutable_and_open_to_every_origin(built: Client) -> None:
    answer = built.get("/assets/widget-1.js", headers={"accept-encoding": "identity"})
    assert answer.text == "plain"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("gzip;q=0", None), ("br", None), ("", None)],
)
def test_assets_are_sent_compressed_where_the_client_takes_it(
    built: Client, accepted: str, encoding: str | None
) -> None:
    answer = built.get("/assets/widget-1.js", headers={"accept-encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.text == "plain"


@pytest.mark.parametrize("name", ["../secret.js", "..%2Fsecret.js", "%2e%2e%2fsecret.js", "widget-1.js.gz", "none.js"])
def test_nothing_but_built_files_is_sent(built: Client, name: str) -> None:
    assert built.get(f"/assets/{name}").status_code == HTTPStatus.NOT_FOUND


def test_browsers_find_the_icon_where_they_look_for_it(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.headers["content-type"]) == (HTTPStatus.OK, "image/svg+xml")
    assert "<svg" in answer.text


def test_the_widget_has_one_lasting_address_and_a_validator(built: Client) -> None:
    answer = built.get("/widget.js", headers={"accept-encoding": "identity"})
    assert answer.text == "plain"
    again = built.get("/widget.js", headers={"accept-encoding": "identity", "if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.text) == (HTTPStatus.NOT_MODIFIED, "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (True, "Có"),
        (2026, "2026"),
        (12345.5, "12.345,5"),
        (["a", 1], "a, 1"),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_values_read_as_people_read_them(value: object, expected: str) -> None:
    assert show(value, {}, "vi") == expected


def test_dates_are_written_out_and_broken_ones_left_alone() -> None:
    assert show("2026-03-02", {"type": "date"}, "en") == "Mar 2, 2026"
    assert show("soon", {"type": "date"}, "en") == "soon"


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "JAVASCRIPT:x", "data:x", "//a.vn", "https://a b", "http://[", 7]
)
def test_only_safe_links_are_offered(value: object) -> None:
    assert safe_href(value) is None


def test_an_error_in_a_frame_is_not_a_site_in_a_site(client: Client) -> None:
    answers = [client.get(f"{path}?layers=khongco", headers={"Accept": "text/html"}) for path in ("/embed", "/")]
    framed, whole = (answer.text for answer in answers)
    assert [answer.status_code for answer in answers] == [400, 400]
    for part in ("site-header", "site-footer"):
        assert part in whole
        assert part not in framed
    assert 'target="_blank"' in framed
