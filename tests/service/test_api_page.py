"""The page about the interface: all of it, in the reader's language, with commands that work."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from service.api.reference import groups
from service.web.i18n import translator

ORIGIN = "http://127.0.0.1:8123"


@pytest.fixture(scope="module")
def operations(client: TestClient) -> list[dict[str, Any]]:
    """All operations of the document, as the page gets them."""
    document = client.get("/api").json()
    return [operation for group in groups(document, ORIGIN) for operation in group["operations"]]


def read_page(client: TestClient, language: str = "vi") -> str:
    answer = client.get(f"/api.html?lang={language}", headers={"host": urlsplit(ORIGIN).netloc})
    assert answer.status_code == 200
    return unescape(answer.text)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_page_holds_every_operation_under_an_anchor_of_its_own(
    client: TestClient, operations: list[dict[str, Any]], language: str
) -> None:
    text = read_page(client, language)
    anchors = [operation["anchor"] for operation in operations]
    assert len(set(anchors)) == len(anchors)
    for operation in operations:
        assert f'<h3 id="{operation["anchor"]}"><a href="#{operation["anchor"]}">' in text
        assert f"<strong>{operation['method']}</strong> <code>{operation['path']}</code>" in text


def test_commands_ask_the_address_that_the_page_was_read_at(
    client: TestClient, operations: list[dict[str, Any]]
) -> None:
    commands = re.findall(r'<pre class="command"[^>]*><code>(.*?)</code></pre>', read_page(client))
    assert commands == [operation["command"] for operation in operations]
    assert all(command.startswith(f'curl "{ORIGIN}/') for command in commands)


def test_commands_that_need_no_key_give_something(client: TestClient, operations: list[dict[str, Any]]) -> None:
    for operation in operations:
        # No file that a worker makes has a name that an example could know, and news of tiles come without end.
        is_made = operation["path"].startswith(("/archives/{name}", "/downloads/{collectionId}/{area}"))
        is_left_out = is_made or operation["path"].endswith("/events")
        if operation["method"] == "GET" and "BANDOSO_KEY" not in operation["command"] and not is_left_out:
            address = operation["command"].split('"')[1].removeprefix(ORIGIN)
            assert client.get(address).status_code in {200, 204}, operation["command"]


def test_the_command_that_sends_a_file_has_key_register_and_file(operations: list[dict[str, Any]]) -> None:
    (command,) = (one["command"] for one in operations if (one["method"], one["path"]) == ("POST", "/uploads"))
    assert command == (
        f'curl "{ORIGIN}/uploads" -H "Authorization: Bearer $BANDOSO_KEY" -F register=addresses -F file=@dia-chi.zip'
    )


def test_everything_the_document_says_has_a_vietnamese_text(
    client: TestClient, operations: list[dict[str, Any]]
) -> None:
    titles = {group["title"] for group in groups(client.get("/api").json(), ORIGIN)}
    parameters = {item["description"] for operation in operations for item in operation["parameters"]}
    said = titles | parameters - {""} | {operation["summary"] for operation in operations}
    assert {text for text in said if translator("vi")(text) == text} == {"TileJSON"}
