"""Every public answer can be asked for again without being sent again."""

import pytest
from starlette.testclient import TestClient

DOCUMENTS = [
    "/?f=json", "/api", "/conformance", "/collections", "/collections/addresses", "/collections/addresses/queryables",
    "/collections/addresses/schema", "/collections/addresses/items", "/search?q=xuan", "/registers", "/tileMatrixSets",
    "/collections/addresses/tiles", "/tiles/addresses.json", "/styles/map.json", "/basemap.geojson",
]  # fmt: skip
PAGES = ["/", "/about", "/api.html", "/embed", "/collections?f=html", "/collections/addresses/items?f=html"]


@pytest.mark.parametrize("path", [*DOCUMENTS, *PAGES])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_what_a_client_has_already_is_not_sent_again(client: TestClient, path: str, encoding: str) -> None:
    first = client.get(path, headers={"accept-encoding": encoding})
    assert first.status_code == 200
    again = client.get(path, headers={"accept-encoding": encoding, "if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers.get("content-security-policy") == first.headers.get("content-security-policy")
    other = client.get(path, headers={"accept-encoding": encoding, "if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("path", ["/collections", "/about"])
def test_another_language_is_another_answer(client: TestClient, path: str) -> None:
    vietnamese, english = (client.get(path, headers={"accept-language": name}) for name in ("vi", "en"))
    assert vietnamese.headers["etag"] != english.headers["etag"]
    held = {"accept-language": "en", "if-none-match": vietnamese.headers["etag"]}
    assert client.get(path, headers=held).text == english.text


@pytest.mark.parametrize("path", ["/auth/me", "/uploads", "/nothing", "/collections/nothing"])
def test_private_answers_and_refusals_have_no_etag(client: TestClient, path: str) -> None:
    assert "etag" not in client.get(path).headers
