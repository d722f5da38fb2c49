"""Content codings: the one that the client likes best, whole and piece by piece."""

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import brotli
import pytest
import zstandard
from starlette.testclient import TestClient

from service.compression import LEAST_BYTES, THREAD_BYTES, Compression, pick_coding

OPEN: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda raw: zstandard.ZstdDecompressor().decompressobj().decompress(raw),
}


def sent(parts: list[bytes], accepts: str, media: str = "application/json") -> tuple[dict[str, str], list[bytes]]:
    """Return headers and pieces of an answer that is given in parts."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        length = [(b"content-length", str(sum(map(len, parts))).encode())]
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", media.encode()), *length]}
        )
        for at, part in enumerate(parts):
            await send({"type": "http.response.body", "body": part, "more_body": at < len(parts) - 1})

    messages: list[Any] = []

    async def take(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "path": "/x", "headers": [(b"accept-encoding", accepts.encode())]}
    asyncio.run(Compression(app, ["image/*"])(scope, None, take))  # type: ignore[arg-type]
    headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return headers, [message["body"] for message in messages[1:]]


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"), ("gzip, deflate, br", "br"), ("gzip", "gzip"), ("", None), ("identity", None),
        ("zstd;q=0.5, br;q=0.9, gzip;q=0.1", "br"), ("*", "zstd"), ("*;q=0, gzip", "gzip"), ("gzip;q=0", None),
        ("identity, gzip;q=0.5", None), ("deflate", None), ("GZIP", "gzip"), ("br;q=x", None),
    ],
)  # fmt: skip
def test_the_best_liked_coding_is_taken(header: str, coding: str | None) -> None:
    assert pick_coding(header) == coding


@pytest.mark.parametrize("coding", OPEN)
@pytest.mark.parametrize("size", [LEAST_BYTES, 3 * THREAD_BYTES])
def test_an_answer_comes_out_as_it_went_in(coding: str, size: int) -> None:
    body = (b"commune " * size)[:size]
    headers, pieces = sent([body], coding)
    assert OPEN[coding](b"".join(pieces)) == body
    assert headers["content-encoding"] == coding
    assert int(headers["content-length"]) == len(b"".join(pieces)) < size
    assert headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("coding", OPEN)
def test_what_comes_piece_by_piece_goes_out_so(coding: str) -> None:
    parts = [b"a" * 3000, b"b" * 5, b"c" * 3000, b""]
    headers, pieces = sent(parts, coding)
    assert "content-length" not in headers
    assert OPEN[coding](b"".join(pieces)) == b"".join(parts)
    assert all(pieces[:-1])


@pytest.mark.parametrize(
    ("parts", "media"), [([b"x" * (LEAST_BYTES - 1)], "application/json"), ([b"x" * 5000], "image/png")]
)
def test_small_and_packed_answers_stay_as_they_are(parts: list[bytes], media: str) -> None:
    headers, pieces = sent(parts, "gzip, br, zstd", media)
    assert pieces == parts
    assert "content-encoding" not in headers
    assert ("vary" in headers) is not media.startswith("image/")


@pytest.mark.parametrize("coding", OPEN)
def test_documents_are_the_same_in_every_coding(client: TestClient, coding: str) -> None:
    with client.stream("GET", "/collections/addresses/items?limit=50", headers={"accept-encoding": coding}) as answer:
        assert answer.headers["content-encoding"] == coding
        read = OPEN[coding](b"".join(answer.iter_raw()))
    plain = client.get("/collections/addresses/items?limit=50", headers={"accept-encoding": "identity"})
    assert read == plain.content
    assert answer.headers["etag"] == plain.headers["etag"]
