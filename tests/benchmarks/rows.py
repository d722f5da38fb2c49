"""Rows of the one table: a figure, what it is compared with, and whether its goal is met."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.load import Run

HEAD = ("figure", "bandoso", "compared with", "ratio", "spread", "goal", "met")


@dataclass(frozen=True)
class Row:
    """One figure against what it is compared with.

    Attributes
    ----------
    spread : str
        Smallest and largest ratio of the rounds.
    is_met : bool or None
        None for a figure without a goal.
    """

    figure: str
    ours: str
    other: str
    ratio: str = ""
    spread: str = ""
    goal: str = ""
    is_met: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as it is written."""
        mark = {None: "", True: "yes", False: "NO"}[self.is_met]
        return (self.figure, self.ours, self.other, self.ratio, self.spread, self.goal, mark)


def table(rows: Sequence[Row]) -> str:
    """Write rows as a Markdown table with even columns."""
    cells = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def ratios(mine: Sequence[float], theirs: Sequence[float]) -> tuple[float, str]:
    """Return the median ratio of the same round, and the smallest and largest."""
    found = [a / b for a, b in zip(mine, theirs, strict=True)]
    return statistics.median(found), f"{short(min(found))}–{short(max(found))}"


def short(value: float) -> str:
    """Write a ratio."""
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


@dataclass(frozen=True)
class Comparison:
    """Compares cases by name."""

    runs: Mapping[str, Sequence[Run]]

    def row(self, figure: str, ours: str, other: str, goal: float | None = None) -> Row:
        """Compare answers a second."""
        if other not in self.runs:
            return self._alone(figure, ours, other)
        ratio, spread = ratios([run.rate for run in self.runs[ours]], [run.rate for run in self.runs[other]])
        return Row(
            figure, self._rate(ours), f"{self._rate(other)} {other.partition(' ')[0]}", short(ratio), spread,
            "" if goal is None else f"≥ {goal:g}", None if goal is None else ratio >= goal,
        )  # fmt: skip

    def cost_row(self, figure: str, ours: str, other: str) -> Row:
        """Compare processor time an answer."""
        if other not in self.runs:
            return self._alone(figure, ours, other)
        mine, theirs = ([run.web_ms + run.database_ms for run in self.runs[name]] for name in (ours, other))
        ratio, spread = ratios(theirs, mine)
        shown = [f"{statistics.median(costs):.2f} ms" for costs in (mine, theirs)]
        return Row(figure, shown[0], f"{shown[1]} {other.partition(' ')[0]}", short(ratio), spread)

    def _alone(self, figure: str, ours: str, other: str) -> Row:
        return Row(figure, self._rate(ours), f"no {other.partition(' ')[0]} on this machine")

    def _rate(self, name: str) -> str:
        return f"{statistics.median(run.rate for run in self.runs[name]):,.0f} /s"


def cost_table(runs: Mapping[str, Sequence[Run]]) -> str:
    """Write what an answer of each kind cost."""
    lines = [
        "| case | answers/s | p50 ms | p95 ms | kB | web ms | database ms | others' cores | errors |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in runs.items():
        cells = [f"{_median(found, 'rate'):,.0f}"]
        cells += [
            f"{_median(found, item):.2f}"
            for item in ("p50_ms", "p95_ms", "kilobytes", "web_ms", "database_ms", "others")
        ]
        cells.append(str(sum(run.errors for run in found)))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _median(runs: Sequence[Run], name: str) -> float:
    return statistics.median(float(getattr(run, name)) for run in runs)
