"""Cursors: the place where a page ends, signed, so that nobody reads meaning into it or makes one up."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import orjson

from geodata.errors import ParameterError
from geodata.register import Register

_SIGNATURE = 9


def write_cursor(last_id: int, register: Register, key: bytes, sortby: str = "", values: Sequence[Any] = ()) -> str:
    """Write the place after which the next page starts.

    Parameters
    ----------
    sortby : str
        What the list is sorted by, as it was asked for.
    values : sequence
        Of the sorted fields, of the last record: numbers, texts, days or None.
    """
    body = orjson.dumps([register.id, last_id, *([sortby, list(values)] if sortby else ())], default=float)
    return base64.urlsafe_b64encode(_sign(body, key) + body).decode().rstrip("=")


def read_cursor(text: str, register: Register, key: bytes, sortby: str = "") -> tuple[int, list[Any]]:
    """Read a cursor of ours: the last record's id, and its values as JSON has them.

    Raises
    ------
    ParameterError
        When it is not one, or one of another register or another order.
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raw = b""
    body = raw[_SIGNATURE:]
    if body and hmac.compare_digest(_sign(body, key), raw[:_SIGNATURE]):
        register_id, last_id, *order = orjson.loads(body)
        if register_id == register.id and (order[0] if order else "") == sortby:
            return last_id, order[1] if order else []
    raise ParameterError(
        name="cursor", why_vi="không phải con trỏ của danh sách này.", why_en="it is no cursor of this list."
    )


def write_place(numbers: Sequence[int], kind: str, key: bytes) -> str:
    """Write a place in a list of its own kind as numbers."""
    body = orjson.dumps([kind, *numbers])
    return base64.urlsafe_b64encode(_sign(body, key) + body).decode().rstrip("=")


def read_place(text: str, kind: str, key: bytes) -> list[int]:
    """Read what `write_place` wrote.

    Raises
    ------
    ParameterError
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raw = b""
    body = raw[_SIGNATURE:]
    if body and hmac.compare_digest(_sign(body, key), raw[:_SIGNATURE]):
        found, *numbers = orjson.loads(body)
        if found == kind:
            return [int(number) for number in numbers]
    raise ParameterError(
        name="cursor", why_vi="không phải con trỏ của danh sách này.", why_en="it is no cursor of this list."
    )


def _sign(body: bytes, key: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_SIGNATURE]
