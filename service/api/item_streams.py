"""Forms of items that are written as they are read, some thousand records at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from geodata.exporting.listed_csv import write_csv
from geodata.exporting.listed_fgb import write_listed_fgb
from geodata.feature_json import geojson_features
from geodata.register import Register
from service.api.item_parameters import ItemsRequest

Batches = Iterable[Sequence[Row[Any]]]

_RECORD_SEPARATOR = "\x1e"


def _sequence(batches: Batches, _register: Register, asked: ItemsRequest) -> Iterator[bytes]:
    """Yield GeoJSON text sequences (RFC 8142): each feature between a record separator and a line feed."""
    for rows in batches:
        yield "".join(f"{_RECORD_SEPARATOR}{feature}\n" for feature in geojson_features(rows, asked.system)).encode()


def _csv(batches: Batches, register: Register, asked: ItemsRequest) -> Iterator[bytes]:
    return write_csv(batches, register, asked.query.names, asked.system, has_mark=asked.has_mark)


def _fgb(batches: Batches, register: Register, asked: ItemsRequest) -> Iterator[bytes]:
    return write_listed_fgb(batches, register, asked.query.names, asked.system)


STREAMS: Mapping[str, Callable[[Batches, Register, ItemsRequest], Iterator[bytes]]] = {
    "geojsonseq": _sequence,
    "csv": _csv,
    "fgb": _fgb,
}
"""Writers by the name of their form."""
