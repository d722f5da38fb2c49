"""The report of a run: one table, then what it was measured on, with, and by which statements."""

import datetime as dt
import os
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.benchmarks.cases import Measured
from tests.benchmarks.imports import ImportResult, Timed
from tests.benchmarks.load import BenchmarkError, Run
from tests.benchmarks.places import CRS
from tests.benchmarks.report import statement_table
from tests.benchmarks.rows import Row, cost_table, table


@dataclass(frozen=True)
class Options:
    """How large and how long."""

    count: int
    fields: int
    rounds: int
    seconds: float
    parts: Sequence[str]


@dataclass
class Outcome:
    """What was measured, and under which conditions.

    Attributes
    ----------
    measured : mapping of str to Measured
        By part.
    peer_statements : sequence
        Calls and text of what the peers asked the database.
    failures : list of str
        Parts that could not be measured, and why.
    """

    machine: str
    versions: str
    source: str
    ground: str
    load: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    imported: ImportResult | None = None
    measured: dict[str, Measured] = field(default_factory=dict)
    peer_statements: Sequence[tuple[int, str]] = ()
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def noting_failure(self, part: str) -> Iterator[None]:
        """Go on after the block when it could not measure something."""
        try:
            yield
        except BenchmarkError as error:
            self.failures.append(f"{part}: {error}")

    def add(self, part: str, rows: Sequence[Row]) -> None:
        """Take the rows of a part that has just ended."""
        self.rows += rows
        self.note_load(f"after {part}")

    def note_load(self, when: str) -> None:
        """Note the machine's load."""
        self.load.append(f"{when} {os.getloadavg()[0]:.1f}")


def write_up(outcome: Outcome, options: Options) -> str:
    """Write the whole report."""
    parts = [
        f"# Benchmark of {dt.datetime.now().astimezone():%Y-%m-%d %H:%M}, commit {outcome.source}",
        *(f"NOT MEASURED: {failure}" for failure in outcome.failures),
        table(outcome.rows),
        f"Machine: {outcome.machine}. Load average: {', '.join(outcome.load)}. "
        f"Cores that other programs took meanwhile (median, largest): {'; '.join(_noises(outcome))}.",
        f"Versions: {outcome.versions}.",
        f"Data: {options.count:,} addresses on {outcome.ground}, EPSG:{CRS}. {options.rounds} rounds, "
        f"{options.seconds:g} s a load run.",
        *_about(outcome),
    ]
    return "\n\n".join(parts) + "\n"


def _noises(outcome: Outcome) -> Iterator[str]:
    if outcome.imported is not None:
        yield f"imports {_noise(outcome.imported.imports + outcome.imported.copies)}"
    for part, found in outcome.measured.items():
        yield f"{part} {_noise([run for runs in found.runs.values() for run in runs])}"


def _noise(runs: Sequence[Timed] | Sequence[Run]) -> str:
    others = [run.others for run in runs]
    return f"{statistics.median(others):.2f}, {max(others):.2f}"


def _about(outcome: Outcome) -> Iterator[str]:
    """Yield what was found out in each part, and the statements measured."""
    if outcome.imported is not None:
        yield "## Statements of the last import"
        yield statement_table(outcome.imported)
    for part, found in outcome.measured.items():
        yield f"## {part.capitalize()}"
        yield " ".join(found.facts)
        yield cost_table(found.runs)
        for name, statement in found.statements.items():
            yield f"The product's statement of {name}:\n\n```sql\n{statement}\n```"
    if outcome.peer_statements:
        yield "## Statements of the peers"
        for calls, text in outcome.peer_statements:
            yield f"{calls:,} times:\n\n```sql\n{text}\n```"
