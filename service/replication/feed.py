"""Asking an installation for its changes and states."""

import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import orjson

from geodata.errors import GeodataError

TIMEOUT_S, TRIES = 60.0, 6
_BAD_REQUEST = 400
_AGAIN = frozenset({429, 500, 502, 503, 504})


class FeedError(GeodataError):
    """The installation does not answer as one."""

    vi_template = "Không đọc được {address}: {why}."
    en_template = "{address} cannot be read: {why}."


class CursorRefusedError(FeedError):
    """The installation does not know its cursor any more."""


class Feed:
    """An installation's changes.

    Parameters
    ----------
    address : str
        Its address, with http or https.
    unit : str, optional
        Code of a commune or province: its records alone.
    """

    def __init__(self, address: str, unit: str | None = None) -> None:
        self.address = address.rstrip("/")
        self._unit = {} if unit is None else {"unit": unit}
        if urlsplit(address).scheme not in {"http", "https"}:
            raise FeedError(address=address, why="http, https")

    def page(self, registers: list[str], since: int, cursor: str | None) -> dict[str, Any]:
        """Return the events after a transaction, or where a cursor goes on."""
        place = {"cursor": cursor} if cursor else {"since": since}
        with self._open("/changes", {"register": ",".join(registers), "limit": 1000, **place}) as answer:
            found: dict[str, Any] = orjson.loads(answer.read())
        return found

    def snapshot(self, register: str, number: int) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Yield the lines of a register as of a transaction: what each says, and its bytes.

        Raises
        ------
        FeedError
            When it ends before it is whole.
        """
        line: dict[str, Any] = {}
        with self._open("/changes/snapshot", {"register": register, "number": number}) as answer:
            for text in answer:
                line = orjson.loads(text)
                yield line, text
        if "count" not in line:
            raise FeedError(address=self.address, why="snapshot")

    def _open(self, path: str, asked: dict[str, Any]) -> Any:
        """Ask, and ask again for a while where the installation is busy or away."""
        request = Request(f"{self.address}{path}?{urlencode({**asked, **self._unit})}")  # noqa: S310  http alone
        for turn in range(TRIES):
            try:
                return urlopen(request, timeout=TIMEOUT_S)  # noqa: S310  http alone
            except HTTPError as error:
                if error.code == _BAD_REQUEST and "cursor" in asked:
                    raise CursorRefusedError(address=self.address, why=error) from error
                if error.code not in _AGAIN or turn == TRIES - 1:
                    raise FeedError(address=self.address, why=error) from error
            except (URLError, HTTPException, OSError) as error:
                if turn == TRIES - 1:
                    raise FeedError(address=self.address, why=error) from error
            time.sleep(0.2 * 2**turn)
        raise AssertionError
