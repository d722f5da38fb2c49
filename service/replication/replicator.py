"""Keeping a copy equal to an installation: whole states to begin with, then the events after them."""

from collections.abc import Callable, Iterator
from itertools import islice, zip_longest
from typing import Any

import orjson

from service.replication.copy import Copy
from service.replication.feed import CursorRefusedError, Feed

BATCH = 1000
_BEYOND_ALL = 1 << 60
"""After this transaction there are no events: only where the feed stands is told."""
Tell = Callable[[str, int], None]


class Replicator:
    """Copies registers of an installation.

    Parameters
    ----------
    tell : callable, optional
        Told a register, or ``changes``, and how many records or events were taken over.
    """

    def __init__(self, feed: Feed, copy: Copy, registers: list[str], tell: Tell = lambda *_: None) -> None:
        self._feed = feed
        self._copy = copy
        self._registers = registers
        self._tell = tell

    def synchronise(self) -> int:
        """Bring the copy to the latest transaction; return its number.

        It may be killed at any time: what it had taken over stays, and the next run goes on there.
        """
        while True:
            numbers = self._feed.page(self._registers, _BEYOND_ALL, None)["numbers"]
            self._copy.begin(numbers["mark"])
            if self._take_missing(numbers) or not self._apply_all():
                continue
            if all(held.transaction is not None for held in self._copy.held().values()):
                return min(held.transaction or 0 for held in self._copy.held().values())

    def _next(self) -> dict[str, Any]:
        """Return the page where reading goes on: where a cursor says, or after what all registers hold."""
        held = self._copy.held()
        since = min((held[name].transaction or 0 for name in self._registers if name in held), default=0)
        try:
            return self._feed.page(self._registers, since, self._copy.cursor())
        except CursorRefusedError:
            return self._feed.page(self._registers, since, None)

    def _take_missing(self, numbers: dict[str, Any]) -> bool:
        """Take registers as a whole that are not here, or show values of another day; return whether there were any."""
        held, missing = self._copy.held(), []
        for name in self._registers:
            known = held.get(name)
            is_old = known is not None and name in numbers["by_day"] and known.day != numbers["day"]
            is_ahead = known is not None and (known.transaction or 0) > numbers["latest"]
            if known is None or known.transaction is None or is_old or is_ahead:
                missing.append(name)
        for name in missing:
            self._take(name, numbers["latest"])
        return bool(missing)

    def _take(self, register: str, number: int) -> None:
        """Take a register as a whole, in one transaction."""
        lines = self._feed.snapshot(register, number)
        head, _ = next(lines)
        done = 0
        with self._copy.write() as connection:
            self._copy.clear(connection, register)
            while batch := list(islice(lines, BATCH)):
                self._copy.add(connection, (_record(register, line) for line, _ in batch if "feature" in line))
                done += len(batch)
                self._tell(register, done)
            self._copy.hold(connection, register, head["transaction"], head["day"])

    def _apply_all(self) -> bool:
        """Apply all events there are; return False where the installation is another one now."""
        done = 0
        while True:
            page = self._next()
            if not self._is_same(page["numbers"]):
                return False
            self._apply(page)
            done += len(page["events"])
            self._tell("changes", done)
            if page["cursor"] is None:
                return True

    def _is_same(self, numbers: dict[str, Any]) -> bool:
        before = self._copy.held()
        self._copy.begin(numbers["mark"])
        return self._copy.held() == before

    def _apply(self, page: dict[str, Any]) -> None:
        """Apply a page of events, and note where it ends, in one transaction."""
        held, last = self._copy.held(), {}
        events = [one for one in page["events"] if one["transaction"] > (held[one["register"]].transaction or 0)]
        resets = {one["register"] for one in events if one["kind"] == "reset"}
        for one in events:
            if one["kind"] != "reset":
                last[one["register"], one["number"]] = one
        with self._copy.write() as connection:
            self._copy.remove(connection, last)
            rows = [_record(name, {"number": number, "feature": one["after"]}) for (name, number), one in last.items() if one["after"]]  # fmt: skip
            self._copy.add(connection, rows)
            self._copy.keep_cursor(connection, page["cursor"])
            until = page["numbers"]["until"]
            for name in self._registers:
                if name in resets or held[name].transaction is None:
                    self._copy.hold(connection, name, None, held[name].day or "")
                elif page["cursor"] is None:
                    number = max(until, held[name].transaction or 0)
                    self._copy.hold(connection, name, number, held[name].day or "")

    def differences(self) -> Iterator[str]:
        """Yield the registers of which the copy is not, byte for byte, what the installation says of its transaction."""
        for name in self._registers:
            transaction = self._copy.held()[name].transaction or 0
            fresh = (text for line, text in self._feed.snapshot(name, transaction) if "feature" in line)
            if any(mine != theirs for mine, theirs in zip_longest(self._copy.lines(name), fresh)):
                yield name


def _record(register: str, line: dict[str, Any]) -> dict[str, Any]:
    feature = line["feature"]
    return {
        "register": register,
        "number": line["number"],
        "id": feature["id"],
        "feature": orjson.dumps(feature).decode(),
    }
