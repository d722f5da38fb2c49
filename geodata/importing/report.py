"""The report on a file: what is in it, what is wrong, what became of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from geodata.importing.messages import KINDS, say

Outcome = Literal["ok", "needs_choice", "refused"]

REPORT_VERSION = 1
MESSAGES_KEPT = 1000
"""Messages written out; the counts by code are always complete."""

VALUE_SHOWN = 80


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
    """

    register: str
    commune: str | None = None
    outcome: Outcome = "ok"
    layers: Sequence[dict[str, Any]] = ()
    crs: dict[str, Any] | None = None
    encoding: dict[str, Any] | None = None
    columns: dict[str, str | None] = field(default_factory=dict)
    read: int = 0
    valid: int = 0
    rejected: int = 0
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
        """Note one message."""
        self.counts[code] += 1
        if len(self.messages) < MESSAGES_KEPT:
            shown = None if value is None else str(value)[:VALUE_SHOWN]
            said = say(code, {"value": shown, **detail})
            self.messages.append({**said, "row": row, "column": column, "value": shown, "place": place})

    def add_first(self, code: str, *, value: Any, **detail: Any) -> None:
        """Note what holds for the whole file before all other messages, however many there are."""
        others, self.messages = self.messages, []
        self.add(code, value=value, **detail)
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
        """Return the report as it is published (see the JSON Schema in the docs)."""
        return {
            "version": REPORT_VERSION,
            "outcome": self.outcome,
            "register": self.register,
            "commune": self.commune,
            "layers": list(self.layers),
            "crs": self.crs,
            "encoding": self.encoding,
            "columns": self.columns,
            "rows": {"read": self.read, "valid": self.valid, "repaired": 0, "rejected": self.rejected},
            "counts": {
                code: {"count": count, "level": KINDS[code].level} for code, count in sorted(self.counts.items())
            },
            # What holds for the whole file first, then row by row.
            "messages": sorted(self.messages, key=lambda message: message["row"] or 0),
        }


def amend(stored: Mapping[str, Any], fresh: Report) -> dict[str, Any]:
    """Add what was found later to a report that was written before; the file as such is not described anew."""
    later = fresh.as_dict()
    rows = {**stored["rows"], "valid": fresh.valid, "rejected": stored["rows"]["read"] - fresh.valid}
    counts = dict(stored["counts"])
    for code, found in later["counts"].items():
        known = counts.get(code, {"count": 0})
        counts[code] = {**found, "count": known["count"] + found["count"]}
    messages = sorted([*later["messages"], *stored["messages"]], key=lambda message: message["row"] or 0)
    return {
        **stored,
        "outcome": later["outcome"],
        "rows": rows,
        "counts": dict(sorted(counts.items())),
        "messages": messages[:MESSAGES_KEPT],
    }
