"""Turn columns of bytes into text, whole columns at a time, and gather what their bytes look like."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geodata.importing.context import ReadContext
from geodata.importing.encodings import DOUBLE_UTF8, MAX_DISTINCT, ColumnEvidence, Verdict, read_value
from geodata.importing.text_columns import to_nfc

_FIRST_HIGH = 0x80
_PLAIN_SAMPLES = 5
# As much text as a thousand names have; long remarks say no more, and hostile files could have many.
_MAX_BYTES, _LEAST_BYTES = 1 << 15, 1 << 10
_COLUMNS_NAMED, _FEW_ROWS = 5, 2_000
# The letters Ã to Æ before another that is not ASCII, and áº, á»: what cp1252 makes of Vietnamese in UTF-8.
_DOUBLED = re.compile(rb"\xc3[\x83-\x86][\xc2-\xe2]|\xc3\xa1\xc2[\xba\xbb]")
_DOUBLED_KEPT = 5


class EvidenceCollector:
    """Gathers what the bytes of one column look like, block by block.

    Parameters
    ----------
    block_count : int
        Of how many blocks the column is expected to be; each may add its part of the values.
    width : int or None
        Bytes a value can have at most.
    """

    def __init__(self, block_count: int = 1, width: int | None = None) -> None:
        self._quota = max(20, MAX_DISTINCT // max(1, block_count))
        self._byte_quota = max(_LEAST_BYTES, _MAX_BYTES // max(1, block_count))
        self._width = width
        self._is_utf8 = True
        self._is_ascii = True
        self._values = dict[bytes, None]()
        self._plain = dict[bytes, None]()

    @property
    def is_utf8(self) -> bool:
        """Whether all bytes so far are UTF-8."""
        return self._is_utf8

    @property
    def wants_plain(self) -> bool:
        """Whether there are too few values without accents to show some."""
        return len(self._plain) < _PLAIN_SAMPLES

    def note(self, *, is_utf8: bool) -> None:
        """Note that a block has bytes above 127, and whether they are UTF-8."""
        self._is_ascii = False
        self._is_utf8 = self._is_utf8 and is_utf8

    def add(self, values: Iterable[bytes]) -> None:
        """Take distinct values of one block, evenly over it, and some that look like doubled UTF-8: few may be so."""
        room, byte_room = min(len(self._values) + self._quota, MAX_DISTINCT), self._byte_quota
        high = list[bytes]()
        for value in values:
            if not value.isascii():
                high.append(value)
            elif value and self.wants_plain:
                self._plain[value[:_LEAST_BYTES]] = None
        for value in islice(filter(_DOUBLED.search, high), _DOUBLED_KEPT):
            self._values[value[:_MAX_BYTES]] = None
        for value in high[:: -(-len(high) // self._quota) or 1]:
            if len(self._values) < room and byte_room > 0:
                self._values[value[:_MAX_BYTES]] = None
                byte_room -= len(value)

    def evidence(self) -> ColumnEvidence:
        """Return what was gathered."""
        return ColumnEvidence(self._is_ascii, self._is_utf8, list(self._values), list(self._plain), self._width)


class ColumnDecoder:
    """Turns one column's raw bytes into text in NFC, counting what could not be read.

    Parameters
    ----------
    verdict : Verdict
    is_proven : bool
        Whether all of the column is known to be UTF-8.
    """

    def __init__(self, verdict: Verdict, *, is_proven: bool = False) -> None:
        self._verdict = verdict
        self.is_plain_utf8 = verdict.codec == "utf-8" and not verdict.wrapped
        self._is_proven = is_proven
        self.codec = "utf-8" if verdict.codec == DOUBLE_UTF8 else verdict.codec
        self.states = Counter[str]()

    def decode(self, array: pa.StringArray) -> pa.StringArray:
        """Decode strings that hold the file's bytes."""
        if not has_high_bytes(array):
            return array
        if self.is_plain_utf8 and (self._is_proven or is_utf8(array)):
            return to_nfc(array)
        return self._by_distinct(array.cast(pa.binary()))

    def decode_letters(self, array: pa.StringArray) -> pa.StringArray:
        """Decode strings in which each byte of the file is the letter of Latin-1."""
        if not has_high_bytes(array):
            return array
        encoded = array.dictionary_encode()
        raw = [value.encode("latin-1") for value in encoded.dictionary.to_pylist()]
        return self._decoded(raw).take(encoded.indices)

    def _by_distinct(self, array: pa.BinaryArray) -> pa.StringArray:
        encoded = array.dictionary_encode()
        return self._decoded(encoded.dictionary.to_pylist()).take(encoded.indices)

    def _decoded(self, values: Sequence[bytes]) -> pa.StringArray:
        read = [read_value(value, self._verdict) for value in values]
        self.states.update(state for _, state in read)
        return pa.array([text for text, _ in read], pa.string())


def warn_about_text(names: Sequence[str], decoders: Sequence[ColumnDecoder], context: ReadContext) -> None:
    """Warn of values that were cut inside a letter or held bytes the encoding does not know."""
    columns = list(zip(names, decoders, strict=True))
    cut = [name for name, decoder in columns if decoder.states["cut"]]
    broken = [(name, decoder.codec) for name, decoder in columns if decoder.states["broken"]]
    if cut:
        count = sum(decoder.states["cut"] for decoder in decoders)
        context.warn("TEXT_CUT", count=count, columns=cut[:_COLUMNS_NAMED])
    if broken:
        count = sum(decoder.states["broken"] for decoder in decoders)
        codecs = ", ".join(sorted({codec for _, codec in broken}))
        context.warn("TEXT_BROKEN", count=count, codecs=codecs, columns=[name for name, _ in broken[:_COLUMNS_NAMED]])


def is_utf8(array: pa.StringArray) -> bool:
    """Tell whether the bytes of an array are UTF-8."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def has_high_bytes(array: pa.StringArray) -> bool:
    """Tell whether any text of an array is not ASCII; of a slice, whether any of the whole is."""
    data = np.frombuffer(array.buffers()[2] or b"", np.uint8)
    return bool(data.max(initial=0) >= _FIRST_HIGH)


def some_values(column: pa.StringArray) -> list[str | None]:
    """List distinct values of a block in UTF-8: of a few thousand rows beyond ASCII, evenly, and of its first rows."""
    high = column.filter(pc.invert(pc.string_is_ascii(column)))
    high = high.take(np.arange(0, len(high), max(1, len(high) // _FEW_ROWS)))
    values: list[str | None] = pc.unique(pa.concat_arrays([high, column.slice(0, _FEW_ROWS)])).to_pylist()
    return values
