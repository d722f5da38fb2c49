"""The report on a file: what is in it, what is wrong, what became of it."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from geodata.crs import SourceCrs
from geodata.importing.members import SHAPEFILE_PARTS
from geodata.importing.messages import say
from geodata.importing.repairs import Repairs
from geodata.importing.results import ReadResult
from geodata.text import clean_text

Outcome = Literal["ok", "needs_choice", "refused"]

REPORT_VERSION = 1
MESSAGES_KEPT = 1000
"""Messages written out; the counts by code are always complete."""

LEVELS_BY_WEIGHT = ("error", "warning", "info")
VALUE_SHOWN, NAME_SHOWN = 80, 200
MESSAGE_PARTS = frozenset({"self", "code", "outcome", "row", "column", "value", "place"})
"""What `Report.add` has a parameter for, so that no detail can be called that."""
_PARTS = (
    "version", "outcome", "register", "commune", "file", "layer", "layers", "crs", "encoding", "columns", "rows",
    "repairs", "counts", "messages",
)  # fmt: skip


@dataclass
class Report:
    """Collects what is found while a file is read and checked.

    Messages about private fields never carry the value, so a report may be shown and kept.

    Attributes
    ----------
    preview : dict, optional
        Sample places in the likeliest coordinate systems (see `geodata.importing.crs_choice.preview`); not part of the
        report itself, since only the file's sender may see them.
    rejected_keys : set of str or None
        Keys of rejected rows, whose records must not vanish; None where they are not known or too many.
    file : dict, optional
        See `describe_file`; None for what came from no file.
    columns : mapping of column name to field name
        What the rows are read by; None for a column that is left out.
    matches : sequence of dict, optional
        How that was found, column by column.
    repairs : Repairs
        What was proposed, and what of it was done.
    """

    register: str
    commune: str | None = None
    outcome: Outcome = "ok"
    file: dict[str, Any] | None = None
    layer: str | None = None
    layers: Sequence[dict[str, Any]] = ()
    crs: dict[str, Any] | None = None
    encoding: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str | None] = field(default_factory=dict)
    matches: Sequence[dict[str, Any]] = ()
    read: int = 0
    valid: int = 0
    rejected: int = 0
    repairs: Repairs = field(default_factory=Repairs)
    counts: Counter[str] = field(default_factory=Counter)
    messages: list[dict[str, Any]] = field(default_factory=list)
    preview: dict[str, Any] | None = field(default=None, repr=False)
    rejected_keys: set[str] | None = field(default_factory=set)
    _once: set[tuple[str, Any]] = field(default_factory=set, repr=False)

    def add(
        self,
        code: str,
        *,
        row: int | None = None,
        column: str | None = None,
        value: Any = None,
        place: list[float] | None = None,
        **detail: Any,
    ) -> None:
        """Note one message; the detail fills the catalogue's sentences."""
        self.counts[code] += 1
        if len(self.messages) < MESSAGES_KEPT:
            shown = None if value is None else str(value)[:VALUE_SHOWN]
            message = say(code, {"value": shown, **detail})
            self.messages.append({**message, "row": row, "column": column, "value": shown, "place": place})

    def begin(self, result: ReadResult, crs: SourceCrs) -> None:
        """Be told what is read, before the first row; of use to reports that come back to the rows."""

    def add_first(self, code: str, **detail: Any) -> None:
        """Note what holds for the whole file before all other messages, however many there are."""
        others, self.messages = self.messages, []
        self.add(code, **detail)
        self.messages = [*self.messages, *others][:MESSAGES_KEPT]

    def add_once(self, code: str, value: Any, **detail: Any) -> None:
        """Note a message that is said once for each value, not once a row."""
        if (code, value) not in self._once:
            self._once.add((code, value))
            self.add(code, value=value, **detail)

    def refuse(self, code: str, outcome: Outcome = "refused", **detail: Any) -> None:
        """Note why the file as a whole is not taken."""
        self.outcome = outcome
        self.add(code, **detail)

    def settle(self) -> None:
        """Refuse a file of which no row can be taken."""
        if self.outcome == "ok" and self.valid == 0:
            self.outcome = "refused"

    def as_dict(self) -> dict[str, Any]:
        """Return the report as it is published (see the JSON Schema, `geodata.importing.report_schema`)."""
        return {
            "version": REPORT_VERSION,
            "outcome": self.outcome,
            "register": self.register,
            "commune": self.commune,
            "file": self.file,
            "layer": self.layer,
            "layers": list(self.layers),
            "crs": self.crs,
            "encoding": self.encoding,
            "columns": list(self.matches),
            "rows": {
                "read": self.read,
                "valid": self.valid,
                "repaired": self.repairs.repaired,
                "rejected": self.rejected,
            },
            "repairs": self.repairs.as_list(),
            "counts": dict(sorted(self.counts.items())),
            "messages": sorted(self.messages, key=_place),
        }

    def as_json(self) -> bytes:
        """Return the report in its one form; see `report_json`."""
        return report_json(self.as_dict())


def _place(message: Mapping[str, Any]) -> tuple[int, int]:
    """Return where a message stands: what holds for the whole file first, the worst before the rest, then row by row."""
    row = message["row"] or 0
    return row, 0 if row else LEVELS_BY_WEIGHT.index(message["level"])


def amend(stored: Mapping[str, Any], fresh: Report) -> dict[str, Any]:
    """Add what was found later to a report that was written before; the file as such is not described anew."""
    later = fresh.as_dict()
    rows = {**stored["rows"], "valid": fresh.valid, "rejected": stored["rows"]["read"] - fresh.valid}
    counts = Counter(stored["counts"]) + Counter(later["counts"])
    messages = sorted([*later["messages"], *stored["messages"]], key=_place)
    return {
        **stored,
        "outcome": later["outcome"],
        "rows": rows,
        "counts": dict(sorted(counts.items())),
        "messages": messages[:MESSAGES_KEPT],
    }


def tell(
    stored: Mapping[str, Any] | None, register: str, commune: str | None, code: str, **detail: Any
) -> dict[str, Any]:
    """Put one message before all others of a report that was written before; in a new one where there was none."""
    told = Report(register, commune)
    told.refuse(code, **detail)
    if stored is None:
        return told.as_dict()
    counts = Counter(stored["counts"]) + told.counts
    messages = [*told.messages, *stored["messages"]][:MESSAGES_KEPT]
    return {**stored, "counts": dict(sorted(counts.items())), "messages": messages}


def report_json(report: Mapping[str, Any]) -> bytes:
    """Write a report the one way that API, shell and pages share: keys sorted, two blanks, UTF-8, a line's end.

    Parameters
    ----------
    report : mapping
        As `Report.as_dict` gives it and as the database kept it; what is no part of a report is left out.
    """
    told = {name: report[name] for name in _PARTS}
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def file_name(given: str) -> str:
    r"""Return the name of a file as reports carry it, never a path.

    Examples
    --------
    >>> file_name("C:\\thư mục\\địa chỉ.csv")
    'địa chỉ.csv'
    """
    plain = given.encode("utf-8", "replace").decode("utf-8")
    return clean_text(plain.replace("\\", "/").rpartition("/")[2])[:NAME_SHOWN] or "upload"


def describe_file(path: Path, name: str, names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Describe a file by its name, size in bytes and SHA-256; its format is not known yet.

    Of a shapefile in loose parts these are of the parts one after the other, ordered by suffix; of files sent together
    (``names`` in the folder ``path``) likewise, ordered by the names they were given.
    """
    digest, size = hashlib.sha256(), 0
    together = [path / stored for stored in sorted(names or (), key=(names or {}).__getitem__)]
    for part in together or _parts(path):
        size += part.stat().st_size
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return {"name": file_name(name), "format": None, "size_bytes": size, "sha256": digest.hexdigest()}


def _parts(path: Path) -> Iterator[Path]:
    if path.suffix.lower() != ".shp":
        yield path
        return
    beside = (item for item in path.parent.iterdir() if item.stem.casefold() == path.stem.casefold())
    parts = {item.suffix.lower(): item for item in beside if item.suffix.lower() in SHAPEFILE_PARTS} | {".shp": path}
    yield from (parts[suffix] for suffix in sorted(parts))
