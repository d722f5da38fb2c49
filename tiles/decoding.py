"""What stands in a finished vector tile: layers, ids, kinds and properties of features; their shapes are left closed."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KINDS = {1: "point", 2: "line", 3: "shape"}
_LAYER, _NAME, _FEATURE, _KEY, _VALUE = 3, 1, 2, 3, 4
_ID, _TAGS, _TYPE = 1, 2, 3
_TEXT, _FLOAT, _DOUBLE, _SIGNED, _ZIGZAG, _TRUTH = 1, 2, 3, 4, 6, 7


@dataclass(frozen=True, slots=True)
class TileFeature:
    """A feature of a tile: its id, ``point``, ``line`` or ``shape``, and its properties."""

    id: int
    kind: str
    properties: dict[str, Any]


def read_tile(raw: bytes) -> dict[str, list[TileFeature]]:
    """Return the features of a tile (Mapbox Vector Tile 2.1, not compressed) by layer."""
    return dict(_layer(value) for number, value in _fields(raw) if number == _LAYER)


def _fields(raw: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each field of a protobuf message; texts and messages as bytes."""
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(raw, at)
            yield number, value
        elif kind == _BYTES:
            length, at = _varint(raw, at)
            yield number, raw[at : at + length]
            at += length
        else:
            length = 8 if kind == _FIXED64 else 4
            yield number, raw[at : at + length]
            at += length


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004  the last byte of a number has no eighth bit
            return value, at


def _layer(raw: bytes) -> tuple[str, list[TileFeature]]:
    fields = list(_fields(raw))
    keys = [value.decode() for number, value in fields if number == _KEY]
    values = [_value(value) for number, value in fields if number == _VALUE]
    name = next(value.decode() for number, value in fields if number == _NAME)
    return name, [_feature(value, keys, values) for number, value in fields if number == _FEATURE]


def _feature(raw: bytes, keys: list[str], values: list[Any]) -> TileFeature:
    found = dict(_fields(raw))
    tags: list[int] = []
    at, packed = 0, found.get(_TAGS, b"")
    while at < len(packed):
        tag, at = _varint(packed, at)
        tags.append(tag)
    pairs = zip(tags[::2], tags[1::2], strict=True)
    properties = {keys[key]: values[value] for key, value in pairs}
    return TileFeature(found.get(_ID, 0), _KINDS.get(found.get(_TYPE, 0), ""), properties)


def _value(raw: bytes) -> Any:
    number, value = next(_fields(raw))
    if number == _TEXT:
        return value.decode()
    if number in {_FLOAT, _DOUBLE}:
        return struct.unpack("<f" if number == _FLOAT else "<d", value)[0]
    if number == _ZIGZAG:
        return (value >> 1) ^ -(value & 1)
    if number == _SIGNED:
        return value - (1 << 64) if value >> 63 else value
    return bool(value) if number == _TRUTH else value
