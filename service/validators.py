"""ETags of answers that have none of their own."""

import hashlib

from service.middleware import PRIVATE_PATHS, App, Message, Receive, Scope, Send

_WITHOUT = tuple(path for path in PRIVATE_PATHS if path != "/desk")
"""The pages of the desk hold no data; their scripts ask for it."""


class ContentValidators:
    """Gives public answers that are made whole an ETag of their content, and says 304 to who has that content.

    The ETag is weak: compressed or not, the answer has the same one. What has an ETag already keeps it, and what may
    not be kept gets none.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(_WITHOUT):
            await self.app(scope, receive, send)
            return
        held: Message | None = None

        async def answer(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _lacks_validator(message):
                held = message
                return
            if held is not None:
                start, held = held, None
                if not message.get("more_body"):
                    start, message = _validated(scope, start, message)
                await send(start)
            await send(message)

        await self.app(scope, receive, answer)


def _lacks_validator(start: Message) -> bool:
    headers = dict(start["headers"])
    return start["status"] == 200 and b"etag" not in headers and b"no-store" not in headers.get(b"cache-control", b"")  # noqa: PLR2004


def _validated(scope: Scope, start: Message, body: Message) -> tuple[Message, Message]:
    etag = b'"' + hashlib.sha256(body.get("body", b"")).hexdigest()[:20].encode() + b'"'
    headers = [*start["headers"], (b"etag", b"W/" + etag)]
    held = dict(scope["headers"]).get(b"if-none-match", b"")
    if held.strip() != b"*" and etag not in {part.strip().removeprefix(b"W/") for part in held.split(b",")}:
        return {**start, "headers": headers}, body
    kept = [header for header in headers if header[0] != b"content-length"]
    return {**start, "status": 304, "headers": kept}, {**body, "body": b""}
