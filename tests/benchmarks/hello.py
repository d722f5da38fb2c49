"""The least that an ASGI server can answer: the floor under every figure of a cache."""

from typing import Any


async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Say hello."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})
