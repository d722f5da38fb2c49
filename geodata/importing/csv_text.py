"""Decide and decode the text of CSV tables, column by column."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from geodata.importing.column_encodings import TableText, choose_encodings
from geodata.importing.context import ReadContext
from geodata.importing.results import EncodingChoice
from geodata.importing.text_decoding import (
    ColumnDecoder,
    EvidenceCollector,
    has_high_bytes,
    some_values,
    warn_about_text,
)


class CsvBytes(NamedTuple):
    """What the bytes of a whole text file are.

    Attributes
    ----------
    mark : str or None
        The codec that its byte order mark names.
    line_count : int
        Line ends; those inside quoted cells count too, those of UTF-16 do not.
    """

    is_ascii: bool
    is_utf8: bool
    mark: str | None
    line_count: int = 0


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
        """Look at a block of rows, before the first ones are decoded; of what is UTF-8 some rows are enough, evenly."""
        for column, collector in zip(columns, self._collectors, strict=True):
            is_high = has_high_bytes(column)
            if not (is_high or collector.wants_plain):
                continue
            texts = pc.unique(column).to_pylist() if self.is_bytewise else some_values(column)
            values = [self._raw(value).strip() for value in texts if value]
            if is_high:
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
        """Return the column names; those of ASCII are known before any row is."""
        return [name.decode() for name in self._header] if self._found.is_ascii else self.decide().names

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
