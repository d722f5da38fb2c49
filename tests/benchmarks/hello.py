"""The least that an ASGI server can answer: the floor under every figure of a cache.

``/bytes/N`` is answered with N bytes, anything else with five.
"""

from typing import Any


async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer."""
    if scope["type"] == "http":
        _, _, size = scope["path"].partition("/bytes/")
        body = bytes(int(size)) if size else b"hello"
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
