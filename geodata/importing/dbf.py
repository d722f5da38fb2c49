"""Read DBF tables with numpy and Arrow.

GDAL loses the last character of each value in cp1258 and believes the header's record count; this does not.
Layout of the format: dBASE III header (32 bytes, 32 a field), then records of one fixed width.
"""

import re
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from geodata.importing.column_encodings import choose_encodings
from geodata.importing.context import ReadContext
from geodata.importing.encodings import ColumnEvidence, Verdict
from geodata.importing.results import EncodingChoice, UnreadableFileError
from geodata.importing.text_columns import map_distinct, null_blanks, plain_decimal
from geodata.importing.text_decoding import ColumnDecoder, EvidenceCollector, is_utf8, warn_about_text

_HEADER_BYTES, _FIELD_BYTES, _FIELDS_END = 32, 32, 0x0D
_FIRST_HIGH, _FEW_ROWS = 0x80, 2_000
_BLOCK_BYTES, _MAX_HEADER_BYTES = 32 << 20, 1 << 16
_KINDS = "CNFDL"
_ABSURD_FACTOR, _ABSURD_SLACK = 100, 1_000
_TRUE, _FALSE = frozenset("TtYy"), frozenset("FfNn")
# Language driver ids that name one code page; 0x57, 0x03 and the like are written whatever the text is.
_LANGUAGE_CODECS = {
    0x64: "cp852", 0x65: "cp866", 0x66: "cp865", 0x4D: "gbk", 0x4E: "cp949", 0x4F: "cp950", 0x7A: "gbk",
    0x7B: "cp932", 0x7C: "cp874", 0x7D: "cp1255", 0x7E: "cp1256", 0xC8: "cp1250", 0xC9: "cp1251",
    0xCA: "cp1254", 0xCB: "cp1253", 0xCC: "cp1257",
}  # fmt: skip

ByteBlock = NDArray[np.uint8]


class DbfField(NamedTuple):
    """A column as the header describes it; ``offset`` counts from the record's deletion flag."""

    name: bytes
    kind: str
    offset: int
    width: int


class DbfFile:
    """A DBF table, read in blocks of records.

    Parameters
    ----------
    path : Path
    context : ReadContext
        Takes warnings: fewer records than declared, field types left out, text cut or broken.

    Raises
    ------
    UnreadableFileError
        ``DBF_BROKEN`` where the header lies, ``TOO_MANY_ROWS``, ``TOO_MANY_COLUMNS``.
    """

    def __init__(self, path: Path, context: ReadContext) -> None:
        self._context = context
        self._path, self._size = path, path.stat().st_size
        with path.open("rb") as file:
            head, described = file.read(_HEADER_BYTES), file.read(_MAX_HEADER_BYTES)
        if len(head) < _HEADER_BYTES:
            raise _broken("header")
        declared, self._header_bytes, self._record_bytes = struct.unpack_from("<IHH", head, 4)
        self.language_codec = _LANGUAGE_CODECS.get(head[29])
        if declared == 0:
            self._record_bytes = max(1, self._record_bytes)
        if self._record_bytes == 0 or not _HEADER_BYTES <= self._header_bytes <= self._size:
            raise _broken("record length or header length")
        self.fields = self._read_fields(described[: self._header_bytes - _HEADER_BYTES])
        self.record_count = self._trusted_count(declared)
        self._names = list[str]()
        self._decoders = list[ColumnDecoder]()

    def _read_fields(self, raw: bytes) -> list[DbfField]:
        fields, offset = [], 1
        for start in range(0, len(raw) - _FIELD_BYTES + 1, _FIELD_BYTES):
            if raw[start] == _FIELDS_END:
                break
            name, kind, width = raw[start : start + 11].split(b"\0")[0], chr(raw[start + 11]), raw[start + 16]
            fields.append(DbfField(name.strip(), kind, offset, width))
            offset += width
        if offset > self._record_bytes:
            raise _broken("field widths")
        self._context.check_columns(len(fields))
        left_out = [field.name.decode("ascii", "replace") for field in fields if field.kind not in _KINDS]
        if left_out:
            self._context.warn("DBF_FIELD_TYPE", columns=left_out)
        return [field for field in fields if field.kind in _KINDS and field.width > 0]

    def _trusted_count(self, declared: int) -> int:
        present = (self._size - self._header_bytes) // self._record_bytes
        if declared > _ABSURD_FACTOR * present + _ABSURD_SLACK:
            raise _broken("record count", declared=declared, present=present)
        if declared > present:
            self._context.warn("DBF_SHORT", declared=declared, present=present)
        count: int = min(declared, present)
        self._context.check_rows(count)
        return count

    @property
    def block_rows(self) -> int:
        """Rows to read at a time, so that a block stays below 32 MiB and the batch limit."""
        in_block: int = _BLOCK_BYTES // self._record_bytes
        return max(1, min(self._context.limits.batch_rows, in_block))

    def read_block(self, start: int, count: int) -> ByteBlock:
        """Read ``count`` records from ``start`` on; uint8, shape (count, record bytes)."""
        block = np.empty((count, self._record_bytes), np.uint8)
        with self._path.open("rb") as file:
            file.seek(self._header_bytes + start * self._record_bytes)
            file.readinto(block.reshape(-1).data)
        return block

    def choose_encodings(self, declared: str | None) -> list[EncodingChoice]:
        """Choose the encoding of each field; ``declared`` is the text of the .cpg file."""
        evidence = self._collect_evidence()
        names = [field.name for field in self.fields]
        text = choose_encodings(names, evidence, self._context, declared=declared, hint=self.language_codec)
        self._names = text.names
        self._decoders = [
            ColumnDecoder(verdict, is_proven=item.is_utf8)
            for verdict, item in zip(text.verdicts, evidence, strict=True)
        ]
        return text.choices

    def _collect_evidence(self) -> list[ColumnEvidence]:
        """Look at the bytes of all text fields; the others are ASCII."""
        step = self.block_rows
        block_count = -(-self.record_count // step)
        collectors = [EvidenceCollector(block_count, field.width) for field in self.fields]
        for start in range(0, self.record_count, step):
            block = self.read_block(start, min(step, self.record_count - start))
            highest = block.max(axis=0, initial=0)
            for field, collector in zip(self.fields, collectors, strict=True):
                if field.kind == "C":
                    _collect(block, field, highest[field.offset : field.offset + field.width].max(), collector)
        return [collector.evidence() for collector in collectors]

    def names(self) -> list[str]:
        """Give the column names; known once the encodings are chosen."""
        return self._names

    def columns(self, block: ByteBlock) -> list[pa.Array]:
        """Turn a block into one string array a field; see the module ``results`` for the forms of values."""
        return [self._column(block, field, decoder) for field, decoder in zip(self.fields, self._decoders, strict=True)]

    def _column(self, block: ByteBlock, field: DbfField, decoder: ColumnDecoder) -> pa.Array:
        raw = _fixed_width(_field_bytes(block, field))
        if field.kind == "C":
            return null_blanks(decoder.decode(pc.ascii_rtrim(raw, characters=" \0")))
        plain = _ASCII_ONLY.decode(pc.ascii_trim(raw, characters=" \0"))
        convert = {"D": _iso_date, "L": _truth}.get(field.kind, _plain_number)
        if field.kind in "NF" and not np.isin(np.frombuffer(plain.buffers()[2] or b"", np.uint8), _ODD_DIGITS).any():
            return null_blanks(plain)
        return null_blanks(map_distinct(plain, convert))

    def warn_about_text(self) -> None:
        """Warn of values that were cut inside a letter or held bytes the encoding does not know."""
        warn_about_text(self._names, self._decoders, self._context)


def _collect(block: ByteBlock, field: DbfField, highest: int, collector: EvidenceCollector) -> None:
    """Add one field of a block; of what is UTF-8 some rows are enough."""
    if highest < _FIRST_HIGH or (column := _field_bytes(block, field)).max() < _FIRST_HIGH:
        if collector.wants_plain:
            collector.add(_values(_field_bytes(block[:_FEW_ROWS], field)))
        return
    whole = is_utf8(_fixed_width(column))
    collector.note(is_utf8=whole)
    rows = column[:: max(1, len(column) // _FEW_ROWS)] if whole else column
    high = (rows >= _FIRST_HIGH).any(axis=1)
    collector.add(_values(rows[high][:: max(1, int(high.sum()) // _FEW_ROWS)]))
    if collector.wants_plain:
        collector.add(_values(rows[~high][:_FEW_ROWS]))


def _values(rows: ByteBlock) -> dict[bytes, None]:
    """List the distinct values of some rows in their order."""
    if not len(rows):
        return {}
    values = np.ascontiguousarray(rows).view(f"S{rows.shape[1]}").ravel().tolist()
    return dict.fromkeys(value.rstrip(b" \0") for value in values)


def _field_bytes(block: ByteBlock, field: DbfField) -> ByteBlock:
    """Copy one field out of a block; what follows a NUL in a value becomes blanks."""
    column = block[:, field.offset : field.offset + field.width].copy()
    ended = column == 0
    if ended.any():
        column[np.maximum.accumulate(ended, axis=1)] = ord(" ")
    return column


def _fixed_width(column: ByteBlock) -> pa.StringArray:
    """View a block as Arrow strings that are not yet known to be UTF-8."""
    count, width = column.shape
    offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(column))


_ASCII_ONLY = ColumnDecoder(Verdict("ascii", "format", certain=True))
_ODD_DIGITS = np.frombuffer(b"*.eE", np.uint8)


def _plain_number(text: str) -> str | None:
    if "*" in text:
        return None
    return plain_decimal(text)


def _iso_date(text: str) -> str | None:
    if text.strip("0") == "":
        return None
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if re.fullmatch(r"\d{8}", text) else text


def _truth(text: str) -> str | None:
    if text in _TRUE:
        return "true"
    return "false" if text in _FALSE else None


def _broken(what: str, **detail: Any) -> UnreadableFileError:
    return UnreadableFileError("DBF_BROKEN", what=what, **detail)
