"""Read DBF tables with numpy and Arrow.

GDAL loses the last character of each value in cp1258 and believes the header's record count; this does not.
Layout of the format: dBASE III header (32 bytes, 32 a field), then records of one fixed width.
"""

import re
import struct
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from geodata.importing.context import ReadContext
from geodata.importing.encodings import MAX_DISTINCT, TextEvidence, choose_encoding, decode_value
from geodata.importing.results import EncodingChoice, UnreadableFileError
from geodata.importing.text_columns import map_distinct, null_blanks, plain_decimal, to_nfc

_HEADER_BYTES, _FIELD_BYTES, _FIELDS_END = 32, 32, 0x0D
_FIRST_HIGH = 0x80
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
        self._decoder = _Decoder("utf-8")

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
            self._context.warn(
                "DBF_FIELD_TYPE",
                f"Bỏ qua cột có kiểu không hỗ trợ: {', '.join(left_out)}.",
                f"Columns of unsupported types are left out: {', '.join(left_out)}.",
                columns=left_out,
            )
        return [field for field in fields if field.kind in _KINDS and field.width > 0]

    def _trusted_count(self, declared: int) -> int:
        present = (self._size - self._header_bytes) // self._record_bytes
        if declared > _ABSURD_FACTOR * present + _ABSURD_SLACK:
            raise _broken("record count", declared=declared, present=present)
        if declared > present:
            self._context.warn(
                "DBF_SHORT",
                f"Bảng .dbf khai {declared} dòng nhưng chỉ có {present}; tệp có thể bị chép thiếu.",
                f"The .dbf declares {declared} records but holds {present}; the copy may be incomplete.",
                declared=declared,
                present=present,
            )
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

    def choose_encoding(self, declared: str | None) -> EncodingChoice:
        """Choose the encoding for the whole table; ``declared`` is the text of the .cpg file."""
        blocks = (
            self.read_block(start, min(self.block_rows, self.record_count - start))
            for start in range(0, self.record_count, self.block_rows)
        )
        evidence = _collect_evidence(blocks, self.fields)
        choice = choose_encoding(
            evidence,
            explicit=self._context.encoding,
            declared=declared,
            hint=self.language_codec,
            context=self._context,
        )
        self._decoder = _Decoder(choice.chosen, is_proven=evidence.is_utf8)
        return choice

    def names(self) -> list[str]:
        """Give the column names, decoded like the text."""
        codec = self._decoder.codec
        return [unicodedata.normalize("NFC", field.name.decode(codec, "replace")) for field in self.fields]

    def columns(self, block: ByteBlock) -> list[pa.Array]:
        """Turn a block into one string array a field; see the module ``results`` for the forms of values."""
        return [self._column(block, field) for field in self.fields]

    def _column(self, block: ByteBlock, field: DbfField) -> pa.Array:
        raw = _fixed_width(_field_bytes(block, field))
        if field.kind == "C":
            return null_blanks(self._decoder.decode(pc.ascii_rtrim(raw, characters=" \0")))
        plain = _ASCII_ONLY.decode(pc.ascii_trim(raw, characters=" \0"))
        convert = {"D": _iso_date, "L": _truth}.get(field.kind, _plain_number)
        if field.kind in "NF" and not np.isin(np.frombuffer(plain.buffers()[2] or b"", np.uint8), _ODD_DIGITS).any():
            return null_blanks(plain)
        return null_blanks(map_distinct(plain, convert))

    def warn_about_text(self) -> None:
        """Warn of values that were cut inside a letter or held bytes the encoding does not know."""
        self._decoder.warn(self._context)


def _collect_evidence(blocks: Iterator[ByteBlock], fields: list[DbfField]) -> TextEvidence:
    is_ascii, is_utf8, values = True, True, set[bytes]()
    for block in blocks:
        highest = block.max(axis=0, initial=0)
        for field in fields:
            if field.kind != "C" or highest[field.offset : field.offset + field.width].max() < _FIRST_HIGH:
                continue
            column = _field_bytes(block, field)
            if column.max() < _FIRST_HIGH:
                continue
            is_ascii = False
            whole = _is_utf8(_fixed_width(column))
            is_utf8 = is_utf8 and whole
            if len(values) < (MAX_DISTINCT if not whole else 1):
                values.update(_distinct_high(column))
    return TextEvidence(is_ascii, is_utf8, sorted(values)[:MAX_DISTINCT])


def _distinct_high(column: ByteBlock) -> set[bytes]:
    rows = column[(column >= _FIRST_HIGH).any(axis=1)]
    return {value.rstrip() for value in rows.view(f"S{column.shape[1]}").ravel().tolist()}


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


def _is_utf8(array: pa.StringArray) -> bool:
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


class _Decoder:
    """Turns raw bytes in Arrow string arrays into UTF-8 in NFC, counting what could not be read."""

    def __init__(self, codec: str, *, is_proven: bool = False) -> None:
        self.codec, self._is_proven = codec, is_proven
        self._widths = _bytewise_widths(codec)
        self._counts = {"cut": 0, "broken": 0}
        self._samples: list[str] = []

    def decode(self, array: pa.StringArray) -> pa.StringArray:
        data = np.frombuffer(array.buffers()[2] or b"", np.uint8)
        if data.size == 0 or data.max() < _FIRST_HIGH:
            return array
        if self.codec == "utf-8" and (self._is_proven or _is_utf8(array)):
            return to_nfc(array)
        if self._widths is not None:
            return self._decode_bytewise(array, data, self._widths)
        encoded = array.cast(pa.binary()).dictionary_encode()
        repaired = [decode_value(value, self.codec) for value in encoded.dictionary.to_pylist()]
        for text, state in repaired:
            if state in self._counts:
                self._counts[state] += 1
                self._samples.append(text)
        values = pa.array([unicodedata.normalize("NFC", text) for text, _ in repaired], pa.string())
        return values.take(encoded.indices)

    def _decode_bytewise(self, array: pa.StringArray, data: ByteBlock, widths: NDArray[np.int32]) -> pa.Array:
        """Decode all values at once: each byte is one letter, so the offsets follow from a table."""
        text = data.tobytes().decode(self.codec, "replace")
        self._counts["broken"] += text.count("\ufffd")
        ends = np.concatenate(([0], np.cumsum(widths[data], dtype=np.int32)))
        offsets = ends[np.frombuffer(array.buffers()[1], np.int32)[: len(array) + 1]].astype(np.int32)
        decoded = pa.StringArray.from_buffers(len(array), pa.py_buffer(offsets), pa.py_buffer(text.encode()))
        return to_nfc(decoded)

    def warn(self, context: ReadContext) -> None:
        samples = self._samples[:5]
        if self._counts["cut"]:
            context.warn(
                "TEXT_CUT",
                f"{self._counts['cut']} giá trị bị cắt giữa một chữ vì cột quá hẹp; phần chữ hỏng đã bỏ.",
                f"{self._counts['cut']} values were cut inside a letter by a narrow column; the rest stays.",
                samples=samples,
            )
        if self._counts["broken"]:
            context.warn(
                "TEXT_BROKEN",
                f"{self._counts['broken']} giá trị có ký tự không đọc được theo {self.codec}.",
                f"{self._counts['broken']} values hold characters that {self.codec} does not know.",
                samples=samples,
            )


def _bytewise_widths(codec: str) -> NDArray[np.int32] | None:
    """Give each byte's length in UTF-8, or None where a letter may take several bytes."""
    letters = [bytes([byte]).decode(codec, "replace") for byte in range(256)]
    if codec == "utf-8" or bytes(range(256)).decode(codec, "replace") != "".join(letters):
        return None
    return np.array([len(letter.encode()) for letter in letters], np.int32)


_ASCII_ONLY = _Decoder("ascii")
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


def _broken(what: str, **detail: int) -> UnreadableFileError:
    return UnreadableFileError(
        "DBF_BROKEN",
        "Phần đầu của tệp .dbf bị hỏng. Hãy lưu lại lớp dữ liệu bằng QGIS rồi gửi lại.",
        "The .dbf file's header is damaged. Save the layer anew in QGIS and send that.",
        what=what,
        **detail,
    )
