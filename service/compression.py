"""Content codings: answers are compressed in the way that the client likes best, and say that they depend on it."""

import mimetypes
import zlib
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Protocol

import brotli
import zstandard
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders

from service.middleware import App, Message, Receive, Scope, Send
from service.web.accept import weights

LEAST_BYTES = 1000
THREAD_BYTES = 128 << 10
"""From here on the event loop does not wait for the compression."""
GZIP_LEVEL, BROTLI_QUALITY, ZSTD_LEVEL = 4, 4, 3


class Compressor(Protocol):
    """Compresses a body piece by piece."""

    def write(self, part: bytes, *, is_last: bool) -> bytes:
        """Return what can be sent of all that came so far; a part is never kept back for the next."""


class _Zstd:
    def __init__(self) -> None:
        self._object = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()

    def write(self, part: bytes, *, is_last: bool) -> bytes:
        end = zstandard.COMPRESSOBJ_FLUSH_FINISH if is_last else zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return self._object.compress(part) + self._object.flush(end)


class _Brotli:
    def __init__(self) -> None:
        self._object = brotli.Compressor(quality=BROTLI_QUALITY)

    def write(self, part: bytes, *, is_last: bool) -> bytes:
        found: bytes = self._object.process(part) + (self._object.finish() if is_last else self._object.flush())
        return found


class _Gzip:
    def __init__(self) -> None:
        self._object = zlib.compressobj(GZIP_LEVEL, wbits=31)

    def write(self, part: bytes, *, is_last: bool) -> bytes:
        return self._object.compress(part) + self._object.flush(zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH)


CODINGS: dict[str, Callable[[], Compressor]] = {"zstd": _Zstd, "br": _Brotli, "gzip": _Gzip}
"""Those that there are; of what a client likes equally the first is taken. Zstandard takes a third of gzip's time."""


@lru_cache(maxsize=256)
def pick_coding(header: str) -> str | None:
    """Return the coding that an ``Accept-Encoding`` likes best; None for an answer as it is.

    Examples
    --------
    >>> pick_coding("gzip, deflate, br, zstd"), pick_coding("gzip;q=0.8, br"), pick_coding("gzip;q=0, identity")
    ('zstd', 'br', None)
    """
    liked = weights(header)
    others = liked.get("*", 0.0)
    rated = {name: liked.get(name, others) for name in CODINGS}
    best = max(rated.values())
    if best <= 0 or best < liked.get("identity", 0.0):
        return None
    return next(name for name, weight in rated.items() if weight == best)


class Compression:
    """Compresses answers, but for those that are compressed already.

    Parameters
    ----------
    packed : collection of str
        Media types that are; ``image/*`` stands for a whole kind.
    """

    def __init__(self, app: App, packed: Collection[str]) -> None:
        self.app = app
        self.packed = frozenset(packed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        coding = pick_coding(Headers(raw=scope["headers"]).get("accept-encoding", ""))
        held: Message | None = None
        compressor: Compressor | None = None

        async def answer(message: Message) -> None:
            nonlocal held, compressor
            if message["type"] == "http.response.start" and self._may_be_smaller(scope["path"], message):
                _name_the_coding(MutableHeaders(raw=message["headers"]))
                if coding is not None and message["status"] != 304:  # noqa: PLR2004
                    held = message
                    return
            elif held is not None:
                start, held = held, None
                if message.get("more_body") or len(message.get("body", b"")) >= LEAST_BYTES:
                    assert coding is not None
                    compressor = CODINGS[coding]()
                    await _begin(start, message, compressor, coding, send)
                    return
                await send(start)
            elif compressor is not None and message["type"] == "http.response.body":
                message = await _compressed(message, compressor)
            await send(message)

        await self.app(scope, receive, answer)

    def _may_be_smaller(self, path: str, start: Message) -> bool:
        """Whether another coding is another answer; of 304, which has no media type, the address says it."""
        headers = Headers(raw=start["headers"])
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        if start["status"] == 304:  # noqa: PLR2004
            media = media or mimetypes.guess_type(path)[0] or "text/plain"
        if not media or start["status"] == 206 or "content-encoding" in headers:  # noqa: PLR2004
            return False
        return self.packed.isdisjoint({media, media.partition("/")[0] + "/*"})


def _name_the_coding(headers: MutableHeaders) -> None:
    if headers.get("vary"):
        headers.add_vary_header("Accept-Encoding")
    else:
        headers["vary"] = "Accept-Encoding"


async def _begin(start: Message, body: Message, compressor: Compressor, coding: str, send: Send) -> None:
    body = await _compressed(body, compressor)
    headers = MutableHeaders(raw=start["headers"])
    headers["content-encoding"] = coding
    del headers["content-length"]
    if not body.get("more_body"):
        headers["content-length"] = str(len(body["body"]))
    await send(start)
    await send(body)


async def compress(coding: str, body: bytes) -> bytes:
    """Return a whole body in a coding."""
    return await _write(CODINGS[coding](), body, is_last=True)


async def _compressed(message: Message, compressor: Compressor) -> Message:
    part, is_last = message.get("body", b""), not message.get("more_body")
    return {**message, "body": await _write(compressor, part, is_last=is_last)}


async def _write(compressor: Compressor, part: bytes, *, is_last: bool) -> bytes:
    if len(part) >= THREAD_BYTES:
        return await run_in_threadpool(compressor.write, part, is_last=is_last)
    return compressor.write(part, is_last=is_last)
