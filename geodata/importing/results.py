"""What reading a file comes to: rows, what is known of them, warnings, or a refusal.

The rows are an Arrow IPC stream of at most 50,000 rows a batch, which can be followed while it is written. Its columns:

``_row`` int64
    1-based record number in the source, counted over all records, deleted and broken ones too; of a worksheet the
    number that the spreadsheet program shows.
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
import io
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.errors import GeodataError
from geodata.importing.messages import say

_NAME_SHOWN, _LAYERS_SHOWN = 80, 20

POLL_S = 0.005
"""Seconds between two looks at what the reader has written."""


class UnreadableFileError(GeodataError):
    """The file as a whole is refused; the sentences say why and what to do.

    Parameters
    ----------
    code : str
        Stable code, for instance ``ZIP_BOMB`` or ``LAYER_CHOICE``; one of `geodata.importing.messages.KINDS`.
    **detail
        Facts for machines and for the catalogue's sentences; JSON values only.
    """

    def __init__(self, code: str, **detail: Any) -> None:
        super().__init__(**detail)
        self.code = code
        message = say(code, {"value": None, **detail})
        self.vi, self.en = (f"{message[part]} {message['remedy'][part]}" for part in ("vi", "en"))
        self.args = (f"{code}: {self.en}",)


def unknown_format(what: str) -> UnreadableFileError:
    """Refuse a format that is not read; ``what`` is its suffix or name."""
    return UnreadableFileError("UPLOAD_FORMAT", what=what or "?")


def no_such_layer(wanted: str, layers: Sequence["LayerInfo"]) -> UnreadableFileError:
    """Refuse a choice of a layer that the file does not have."""
    listed = ", ".join(f"“{info.name[:_NAME_SHOWN]}”" for info in layers[:_LAYERS_SHOWN])
    told = [dataclasses.asdict(info) for info in layers]
    return UnreadableFileError("LAYER_UNKNOWN", name=wanted[:_NAME_SHOWN], listed=listed, layers=told)


@dataclasses.dataclass(frozen=True)
class LayerInfo:
    """A layer found in the file; ``row_count`` is None where counting would mean reading it.

    ``columns`` and ``sample`` (at most 5 rows as text) are given where the officer has to choose, and of the layer read.
    """

    name: str
    geometry_type: str | None
    row_count: int | None
    crs_wkt: str | None = None
    columns: Sequence[str] = ()
    sample: Sequence[Mapping[str, str | None]] = ()


@dataclasses.dataclass(frozen=True)
class TextSample:
    """A value as its bytes look in Windows-1252, and as it was read."""

    before: str
    after: str


@dataclasses.dataclass(frozen=True)
class EncodingChoice:
    """The encoding in which one column's text was read.

    Attributes
    ----------
    chosen : str
        As `geodata.importing.encodings.find_codec` gives it; the officer may give the same back.
    how : str
        ``ascii``, ``bytes`` (only UTF-8 has such), ``letters`` (its words), ``other columns``, ``cpg``, ``language
        byte``, ``byte order mark``, ``format``, ``chosen`` by the officer, or ``guess``.
    certain : bool
        Whether it can be trusted without asking.
    samples : tuple of TextSample
        At most five distinct values, those with accents first. They may be of a private column.
    """

    chosen: str
    how: str
    certain: bool
    samples: tuple[TextSample, ...] = ()


@dataclasses.dataclass(frozen=True)
class ReadWarning:
    """Something the officer should know that did not stop the reading."""

    code: str
    detail: Mapping[str, Any]


class RowBatch(NamedTuple):
    """Rows on their way to the Arrow file; ``columns`` as in the layer, Arrow strings or plain values."""

    rows: NDArray[np.int64]
    wkb: pa.Array
    problem: pa.Array
    columns: Sequence[pa.Array | list[Any]]


@dataclasses.dataclass(frozen=True)
class ReadResult:
    """A file that was read, or is being read.

    Attributes
    ----------
    arrow_path : Path
        The rows; see the module's description. ``iter_batches`` reads them.
    row_count : int
        While the file is being read: as it says itself, 0 where it does not.
    geometry_type : str or None
        None while the file is being read.
    warnings : tuple of ReadWarning
        Empty while the file is being read.
    crs_wkt, crs_hint : str or None
        CRS as the file states it, in WKT; ``EPSG:n``, ``degrees`` or ``metres`` where that is all it says.
    place_columns : tuple of str
        Columns of a table that its places come from.
    encoding : mapping of str to EncodingChoice
        By column.
    sandbox : str
        ``no-network`` (own user and network namespace) or ``limits-only`` (the host refuses namespaces).
    is_over : callable
        Whether the reader has ended: until then more rows may come.
    """

    arrow_path: Path
    layer: str
    layers: tuple[LayerInfo, ...]
    crs_wkt: str | None
    crs_hint: str | None
    format: str
    row_count: int
    columns: tuple[str, ...]
    place_columns: tuple[str, ...]
    encoding: Mapping[str, EncodingChoice]
    sandbox: str
    geometry_type: str | None = None
    warnings: tuple[ReadWarning, ...] = ()
    is_over: Callable[[], bool] = lambda: True

    @property
    def has_places(self) -> bool:
        """Whether the layer that was read has geometry at all."""
        return any(info.geometry_type is not None for info in self.layers if info.name == self.layer)


class RowsBrokenError(Exception):
    """The rows end in the middle or are not what they must be; `geodata.importing.sandbox` says why."""


def iter_batches(result: ReadResult) -> Generator[pa.RecordBatch]:
    """Yield the rows batch by batch, waiting for those that are still being read; one batch is in memory at a time.

    Each batch is validated in full: it was written by a process that handled hostile bytes.

    Raises
    ------
    RowsBrokenError
        If the reader died, or wrote what is no Arrow.
    """
    with result.arrow_path.open("rb", buffering=0) as file:
        source = pa.PythonFile(_Followed(file, result.is_over), mode="r")
        try:
            for batch in pa.ipc.open_stream(source):
                batch.validate(full=True)
                yield batch
        except (pa.ArrowException, OSError) as error:
            raise RowsBrokenError from error


class _Followed(io.RawIOBase):
    """A file that is read while it grows: its end is where it ends once its writer has ended."""

    def __init__(self, file: io.FileIO, is_over: Callable[[], bool]) -> None:
        self._file, self._is_over = file, is_over

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts = []
        while size:
            was_over = self._is_over()
            part = self._file.read(size)
            if part:
                parts.append(part)
                size -= len(part)
            elif was_over:
                break
            else:
                time.sleep(POLL_S)
        return b"".join(parts)
