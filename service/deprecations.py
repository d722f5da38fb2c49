"""Operations that will end: told in each of their answers and in the OpenAPI document (RFC 9745, RFC 8594).

The promise to programs stands in docs/api.md: an operation goes a year after it was said at the earliest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Final

from service.middleware import App, Headers, Message, Receive, Scope, Send

NOTICE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Since when an operation should not be used, and when it goes.

    Attributes
    ----------
    successor : str, optional
        Path of what takes its place.

    Raises
    ------
    ValueError
        When programs have less than a year.
    """

    since: date
    sunset: date
    successor: str | None = None

    def __post_init__(self) -> None:
        if self.sunset - self.since < NOTICE:
            raise ValueError(f"{self.sunset} is less than a year after {self.since}")

    def headers(self) -> Headers:
        """Return what every answer tells."""
        since = int(datetime.combine(self.since, time(), UTC).timestamp())
        sunset = format_datetime(datetime.combine(self.sunset, time(), UTC), usegmt=True)
        found = [(b"deprecation", f"@{since}".encode()), (b"sunset", sunset.encode())]
        return [
            *found,
            *([(b"link", f'<{self.successor}>; rel="successor-version"'.encode())] if self.successor else []),
        ]


DEPRECATED: Final[Mapping[str, Deprecation]] = {}
"""By the path of the route. There are none yet."""


class DeprecationHeaders:
    """Adds to the answers of operations that will end what there is to tell of that."""

    def __init__(self, app: App, deprecated: Mapping[str, Deprecation]) -> None:
        self.app, self.deprecated = app, deprecated

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""

        async def answer(message: Message) -> None:
            found = self.deprecated.get(getattr(scope.get("route"), "path", ""))
            if message["type"] == "http.response.start" and found is not None:
                message = {**message, "headers": [*message["headers"], *found.headers()]}
            await send(message)

        await self.app(scope, receive, answer)
