"""What every format's reader is given: what one file may cost, the officer's encoding, a place for warnings."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from geodata.importing.results import ReadWarning, UnreadableFileError

_MIB, _GIB = 1 << 20, 1 << 30


@dataclasses.dataclass(frozen=True)
class ReaderLimits:
    """What one file may cost. The defaults are those of the web; the command line passes larger ones."""

    max_packed_bytes: int = 100 * _MIB
    max_unpacked_bytes: int = _GIB
    max_ratio: int = 200
    max_entries: int = 200
    max_rows: int = 1_000_000
    max_columns: int = 256
    max_text_bytes: int = 65_536
    max_vertices: int = 100_000
    memory_bytes: int = 2 * _GIB
    batch_rows: int = 50_000


WEB_LIMITS = ReaderLimits()


@dataclasses.dataclass
class ReadContext:
    """What every format's reader needs to know, and where it leaves its warnings.

    ``encoding`` and ``place_columns`` are the officer's choices; the latter is told in `PlaceColumns`.
    """

    limits: ReaderLimits
    encoding: str | None = None
    place_columns: Mapping[str, str | None] | None = None
    warnings: list[ReadWarning] = dataclasses.field(default_factory=list)

    def warn(self, code: str, **detail: Any) -> None:
        """Add a warning; the same code with the same detail is added once."""
        warning = ReadWarning(code, detail)
        if warning not in self.warnings:
            self.warnings.append(warning)

    def warn_flattened(self) -> None:
        """Say that heights or measures were dropped."""
        self.warn("Z_DROPPED")

    def unique_names(self, raw: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
        """Give every column a name of its own: blank ones ``cot_n``, repeated ones a number behind, with a note."""
        used, names = set(taken), list[str]()
        for at, given in enumerate(raw, start=1):
            name = wanted = given or f"cot_{at}"
            number = 2
            while name in used:
                name, number = f"{wanted}_{number}", number + 1
            used.add(name)
            names.append(name)
            if name != wanted:
                self.warn("COLUMN_RENAMED", name=wanted, renamed=name)
        return names

    def check_rows(self, count: int) -> None:
        """Refuse a layer with more rows than the limit."""
        self._check("TOO_MANY_ROWS", count, self.limits.max_rows)

    def check_columns(self, count: int) -> None:
        """Refuse a layer with more columns than the limit."""
        self._check("TOO_MANY_COLUMNS", count, self.limits.max_columns)

    def _check(self, code: str, count: int, limit: int) -> None:
        if count > limit:
            raise UnreadableFileError(code, limit=limit)
