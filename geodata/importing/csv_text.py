"""Decide and decode the text of CSV tables, column by column."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geodata.importing.column_encodings import TableText, choose_encodings
from geodata.importing.context import ReadContext
from geodata.importing.results import EncodingChoice
from geodata.importing.text_decoding import ColumnDecoder, EvidenceCollector, warn_about_text

_FIRST_HIGH, _FEW_ROWS = 0x80, 5_000


class CsvBytes(NamedTuple):
    """What the bytes of a whole text file are.

    Attributes
    ----------
    mark : str or None
        The codec that its byte order mark names.
    """

    is_ascii: bool
    is_utf8: bool
    mark: str | None


class CsvText:
    """Turns the cells of a CSV table into text.

    Parameters
    ----------
    header : list of str
        Column names as they stand in the file that is read.
    found : CsvBytes
    context : ReadContext
    block_count : int
        Of how many blocks of rows the file is, about.

    Notes
    -----
    Delimiters, quotes and line ends are ASCII in every encoding that is tried, so the structure can be read before the
    text: where the file is not UTF-8 as a whole, each byte is read as a letter of Latin-1 and goes back to a byte here.
    """

    def __init__(self, header: list[str], found: CsvBytes, context: ReadContext, block_count: int) -> None:
        self._found, self._context = found, context
        self.is_bytewise = is_bytewise(found, context)
        self._header = [self._raw(name) for name in header]
        self._collectors = [EvidenceCollector(block_count) for _ in header]
        self._text: TableText | None = None
        self._decoders = list[ColumnDecoder]()

    def _raw(self, text: str) -> bytes:
        return text.encode("latin-1" if self.is_bytewise else "utf-8", "replace")

    def gather(self, columns: Sequence[pa.StringArray]) -> None:
        """Look at some rows; before the first ones are decoded."""
        for column, collector in zip(columns, self._collectors, strict=True):
            few = column if self.is_bytewise else column.slice(0, _FEW_ROWS)
            values = [self._raw(value).strip() for value in pc.unique(few).to_pylist() if value]
            if np.frombuffer(column.buffers()[2] or b"", np.uint8).max(initial=0) >= _FIRST_HIGH:
                collector.note(is_utf8=not self.is_bytewise or all(map(_is_utf8, values)))
            collector.add(values)

    def decide(self) -> TableText:
        """Choose the encodings from what was gathered; once only."""
        if self._text is None:
            evidence = [collector.evidence() for collector in self._collectors]
            self._text = choose_encodings(self._header, evidence, self._context)
            self._decoders = [ColumnDecoder(verdict) for verdict in self._text.verdicts]
        return self._text

    def names(self) -> list[str]:
        """Return the column names; those of UTF-8 are known before any row is."""
        if self.is_bytewise:
            return self.decide().names
        return [name.decode() for name in self._header]

    def choices(self) -> list[EncodingChoice]:
        """Return what was chosen; call it when all rows are read."""
        mark = self._found.mark
        return [
            replace(choice, chosen=mark, how="byte order mark") if mark and choice.chosen == "utf-8" else choice
            for choice in self.decide().choices
        ]

    def decode(self, columns: Sequence[pa.StringArray]) -> list[pa.StringArray]:
        """Decode a batch; columns of plain UTF-8 come back as they are."""
        if self._text is None:
            self.gather(columns)
            self.decide()
        return [self._decoded(column, decoder) for column, decoder in zip(columns, self._decoders, strict=True)]

    def _decoded(self, column: pa.StringArray, decoder: ColumnDecoder) -> pa.StringArray:
        if self.is_bytewise:
            return decoder.decode_letters(column)
        return column if decoder.is_plain_utf8 else decoder.decode(column)

    def warn(self) -> None:
        """Warn of text that could not be read whole."""
        if self._decoders:
            warn_about_text(self.decide().names, self._decoders, self._context)


def is_bytewise(found: CsvBytes, context: ReadContext) -> bool:
    """Tell whether a file has to be read byte by byte: it is not UTF-8, or the officer says so."""
    if found.is_ascii or found.mark == "utf-16":
        return False
    return not found.is_utf8 or context.encoding is not None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
