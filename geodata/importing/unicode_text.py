"""Text of formats that are Unicode by definition (XLSX, GeoPackage, GeoJSON, KML): what else it may have been before.

Officers type with the fonts of TCVN3 and VNI to this day; a workbook then holds "NghÖ An", which is good Unicode and
shows as "Nghệ An" in that font alone. The same comes of tables that a program read as Windows-1252.
"""

from collections.abc import Sequence

import pyarrow as pa

from geodata.importing.column_encodings import choose_encodings
from geodata.importing.context import ReadContext
from geodata.importing.results import EncodingChoice
from geodata.importing.text_decoding import (
    ColumnDecoder,
    EvidenceCollector,
    has_high_bytes,
    some_values,
    warn_about_text,
)


class UnicodeText:
    """Decides for each column whether its text is what it seems, and turns it into what was meant.

    Parameters
    ----------
    names : sequence of str
        The columns.
    context : ReadContext
        Holds the officer's choice; takes the warnings.
    block_count : int
        In how many blocks the rows will be shown to ``gather``, about.
    """

    def __init__(self, names: Sequence[str], context: ReadContext, block_count: int = 1) -> None:
        self.names, self._context = list(names), context
        self.choices = list[EncodingChoice]()
        self._collectors = [EvidenceCollector(block_count) for _ in names]
        self._decoders = list[ColumnDecoder]()

    def gather(self, columns: Sequence[pa.StringArray]) -> None:
        """Look at a block of rows; a few thousand of them, evenly. No columns are no rows."""
        if not columns:
            return
        for column, collector in zip(columns, self._collectors, strict=True):
            if has_high_bytes(column):
                collector.note(is_utf8=True)
            elif not collector.wants_plain:
                continue
            collector.add(value.encode().strip() for value in some_values(column) if value)

    def decide(self) -> bool:
        """Choose what the text of each column is; say whether any is to be decoded."""
        evidence = [collector.evidence()._replace(is_unicode=True) for collector in self._collectors]
        names = [name.encode("utf-8", "replace") for name in self.names]
        text = choose_encodings(names, evidence, self._context)
        self.names = text.names
        self.choices = [_as_format(choice) for choice in text.choices]
        self._decoders = [ColumnDecoder(verdict, is_proven=True) for verdict in text.verdicts]
        return not all(decoder.is_plain_utf8 for decoder in self._decoders)

    def decode(self, columns: Sequence[pa.StringArray]) -> list[pa.StringArray]:
        """Decode a block; columns that are what they seem come back as they are."""
        return [
            column if decoder.is_plain_utf8 else decoder.decode(column)
            for column, decoder in zip(columns, self._decoders, strict=True)
        ]

    def warn(self) -> None:
        """Warn of text that could not be read whole; call it when all rows are decoded."""
        warn_about_text(self.names, self._decoders, self._context)


def _as_format(choice: EncodingChoice) -> EncodingChoice:
    """Tell what is certain to be what it seems as the format's own, without samples."""
    is_plain = choice.chosen == "utf-8" and choice.certain and choice.how in ("ascii", "bytes")
    return EncodingChoice("utf-8", "format", certain=True) if is_plain else choice
