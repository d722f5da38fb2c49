"""What reading a file comes to: rows, what is known of them, warnings, or a refusal.

The rows are an Arrow IPC file of at most 50,000 rows a batch. Its columns:

``_row`` int64
    1-based record number in the source, counted over all records, deleted and broken ones too.
``_wkb`` binary
    2D geometry in the source's own CRS, axis order as stored; null where there is none.
``_problem`` string
    Null, or what is wrong with this row: ``GEOM_`` ``NULL``, ``EMPTY``, ``RING_NOT_CLOSED`` (given closed),
    ``TOO_FEW_POSITIONS``, ``TOO_MANY_VERTICES``, ``NOT_FINITE``, ``NESTING``, ``COORDINATE_TYPE``, ``COLLECTION``,
    ``TYPE``, ``UNREADABLE``; ``COORDINATE_UNREADABLE``, ``FEATURE_UNREADABLE``, ``FEATURE_PROPERTIES``,
    ``ROW_COLUMNS``, ``TEXT_TOO_LONG``.
every attribute, string
    Under its own name in NFC; numbers as plain text, dates ISO 8601, blank as null.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.errors import GeodataError


class UnreadableFileError(GeodataError):
    """The file as a whole is refused; the sentences say why and what to do.

    Parameters
    ----------
    code : str
        Stable code, for instance ``ZIP_BOMB`` or ``LAYER_CHOICE``.
    vi, en : str
        One or two sentences for the officer.
    **detail
        Facts for machines; JSON values only.
    """

    def __init__(self, code: str, vi: str, en: str, **detail: Any) -> None:
        super().__init__(**detail)
        self.code, self.vi, self.en = code, vi, en
        self.args = (f"{code}: {en}",)


def unknown_format(what: str) -> UnreadableFileError:
    """Refuse a format that is not read; ``what`` is its suffix or name."""
    return UnreadableFileError(
        "UPLOAD_FORMAT",
        "Không đọc được định dạng này. Hãy xuất thành Shapefile (.zip), GeoPackage, GeoJSON, KML hoặc CSV.",
        "This format is not read. Export it as Shapefile (.zip), GeoPackage, GeoJSON, KML or CSV.",
        what=what,
    )


@dataclasses.dataclass(frozen=True)
class LayerInfo:
    """A layer found in the file; ``row_count`` is None where counting would mean reading it."""

    name: str
    geometry_type: str | None
    row_count: int | None
    crs_wkt: str | None = None


@dataclasses.dataclass(frozen=True)
class EncodingChoice:
    """The text encoding used, how it was found, and whether it can be trusted without asking."""

    chosen: str
    how: str
    certain: bool


@dataclasses.dataclass(frozen=True)
class ReadWarning:
    """Something the officer should know that did not stop the reading."""

    code: str
    vi: str
    en: str
    detail: Mapping[str, Any]


class RowBatch(NamedTuple):
    """Rows on their way to the Arrow file; ``columns`` as in the layer, Arrow strings or plain values."""

    rows: NDArray[np.int64]
    wkb: pa.Array
    problem: pa.Array
    columns: Sequence[pa.Array | list[Any]]


@dataclasses.dataclass(frozen=True)
class ReadResult:
    """A file that was read.

    Attributes
    ----------
    arrow_path : Path
        The rows; see the module's description. ``iter_batches`` reads them.
    crs_wkt, crs_hint : str or None
        CRS as the file states it, in WKT; ``EPSG:n``, ``degrees`` or ``metres`` where that is all it says.
    sandbox : str
        ``no-network`` (own user and network namespace) or ``limits-only`` (the host refuses namespaces).
    """

    arrow_path: Path
    layer: str
    layers: tuple[LayerInfo, ...]
    geometry_type: str | None
    crs_wkt: str | None
    crs_hint: str | None
    format: str
    row_count: int
    columns: tuple[str, ...]
    encoding: EncodingChoice
    warnings: tuple[ReadWarning, ...]
    sandbox: str


def iter_batches(result: ReadResult) -> Iterator[pa.RecordBatch]:
    """Yield the rows batch by batch; one batch is in memory at a time.

    Each batch is validated in full: it was written by a process that handled hostile bytes.
    """
    with pa.OSFile(str(result.arrow_path)) as source, pa.ipc.open_file(source) as reader:
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            batch.validate(full=True)
            yield batch
