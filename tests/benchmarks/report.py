"""From runs to one table, and the text around it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.imports import ImportResult, Timed
from tests.benchmarks.load import Run
from tests.benchmarks.tiles import TileResult

MAX_IMPORT_RATIO = 4.0
MAX_PROCESS_MB = 1024.0
MAX_VIEW_RATIO = 3.0
MIN_SHARE_OF_LIMIT = 0.45
MIN_TIMES_TIPG = 4.0


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
        mark = {None: "", True: "yes", False: "NO"}[self.is_met]
        return (self.figure, self.ours, self.other, self.ratio, self.spread, self.goal, mark)


HEAD = ("figure", "bandoso", "compared with", "ratio", "spread", "goal", "met")


def table(rows: Sequence[Row]) -> str:
    """Write rows as a Markdown table with even columns."""
    cells = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _ratios(mine: Sequence[float], theirs: Sequence[float]) -> tuple[float, str]:
    """Return the median ratio of the same round, and the smallest and largest."""
    found = [a / b for a, b in zip(mine, theirs, strict=True)]
    return statistics.median(found), f"{_short(min(found))}–{_short(max(found))}"


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def import_rows(result: ImportResult) -> list[Row]:
    """Return the rows about the import."""
    mine, bare, packed = result.imports, result.copies, result.zip_copies
    ratio, spread = _ratios([run.wall_s for run in mine], [run.wall_s for run in packed])
    plain, plain_spread = _ratios([run.wall_s for run in mine], [run.wall_s for run in bare])
    cpu, cpu_spread = _ratios(
        [run.cpu_s + run.database_s for run in mine], [run.cpu_s + run.database_s for run in packed]
    )
    peak = {name: max(run.peak_mb[name] for run in mine) for name in ("worker", "reader")}
    rows = [
        Row("upload, accepted to published", _seconds(mine, "wall_s"), f"{_seconds(packed, 'wall_s')} bare copy of the zip",
            _short(ratio), spread, f"≤ {MAX_IMPORT_RATIO:g}", ratio <= MAX_IMPORT_RATIO),
        Row("the same against the unpacked file", _seconds(mine, "wall_s"), f"{_seconds(bare, 'wall_s')} bare copy",
            _short(plain), plain_spread),
        Row("upload, processor time", f"{_cpu(mine)}", f"{_cpu(packed)} bare copy of the zip", _short(cpu), cpu_spread),
        *(Row(f"memory of the {name} at most", f"{size:,.0f} MiB", "", goal=f"≤ {MAX_PROCESS_MB:,.0f} MiB",
              is_met=size <= MAX_PROCESS_MB) for name, size in peak.items()),
    ]  # fmt: skip
    rows += _view_rows(result)
    if result.again is not None:
        again = result.again
        other = f"first import {_seconds(mine, 'wall_s')}"
        ratio = again.wall_s / statistics.median(run.wall_s for run in mine)
        rows.append(Row("the same file again, nothing changed", f"{again.wall_s:.1f} s", other, _short(ratio)))
    return rows


def _view_rows(result: ImportResult) -> list[Row]:
    """Return the rows about viewers while a file is imported."""
    quiet, busy = result.quiet, result.busy
    if quiet is None or busy is None:
        return []
    ratio = busy.p(99) / quiet.p(99)
    return [
        Row("viewers' tiles during an import, p99", f"{busy.p(99):.0f} ms", f"{quiet.p(99):.0f} ms without it",
            _short(ratio), goal=f"≤ {MAX_VIEW_RATIO:g}", is_met=ratio <= MAX_VIEW_RATIO),
        Row("the same, p50", f"{busy.p(50):.0f} ms", f"{quiet.p(50):.0f} ms without it", _short(busy.p(50) / quiet.p(50))),
        Row("viewers' requests that failed", f"{busy.errors} of {len(busy.tiles_ms) + len(busy.documents_ms):,}",
            f"published after {result.viewed_s:.0f} s", goal="0", is_met=busy.errors + quiet.errors == 0),
    ]  # fmt: skip


def _seconds(runs: Sequence[Timed], name: str) -> str:
    return f"{statistics.median(getattr(run, name) for run in runs):.1f} s"


def _cpu(runs: Sequence[Timed]) -> str:
    return f"{_seconds(runs, 'cpu_s')} + database {_seconds(runs, 'database_s')}"


def tile_rows(result: TileResult) -> list[Row]:
    """Return the rows about tiles and items."""
    compare = _Comparison(result.runs)
    return [
        compare.row("z14 against its own statement in pgbench", "bandoso z14", "pgbench z14", MIN_SHARE_OF_LIMIT),
        compare.row("z14 against tipg as shipped", "bandoso z14", "tipg z14", MIN_TIMES_TIPG),
        compare.cost_row("the same by processor time", "bandoso z14", "tipg z14"),
        compare.row("z14, tipg with our attributes", "bandoso z14", "tipg z14 same attributes"),
        compare.row("z14, tipg on a copy of our slim table", "bandoso z14", "tipg z14 our table"),
        compare.row("z14, both with gzip", "bandoso z14 gzip", "tipg z14 gzip"),
        compare.row("z10, counts; tipg cut at 10,000 points", "bandoso z10", "tipg z10"),
        compare.row("z8, counts; tipg cut at 10,000 points", "bandoso z8", "tipg z8"),
        compare.row("items, bbox, limit 100", "bandoso items", "tipg items"),
        compare.row("z14 from memory; tipg has no cache", "bandoso cached", "tipg z14"),
        compare.row("z14 from memory against a bare ASGI answer", "bandoso cached", "hello"),
        compare.row("the same, gzip", "bandoso cached gzip", "hello"),
        compare.row("304 against a bare ASGI answer", "bandoso 304", "hello"),
    ]


@dataclass(frozen=True)
class _Comparison:
    runs: dict[str, list[Run]]

    def row(self, figure: str, ours: str, other: str, goal: float | None = None) -> Row:
        ratio, spread = _ratios([run.rate for run in self.runs[ours]], [run.rate for run in self.runs[other]])
        return Row(
            figure, self._rate(ours), f"{self._rate(other)} {other.partition(' ')[0]}", _short(ratio), spread,
            "" if goal is None else f"≥ {goal:g}", None if goal is None else ratio >= goal,
        )  # fmt: skip

    def cost_row(self, figure: str, ours: str, other: str) -> Row:
        mine, theirs = ([run.web_ms + run.database_ms for run in self.runs[name]] for name in (ours, other))
        ratio, spread = _ratios(theirs, mine)
        shown = [f"{statistics.median(costs):.2f} ms" for costs in (mine, theirs)]
        return Row(figure, shown[0], f"{shown[1]} {other.partition(' ')[0]}", _short(ratio), spread)

    def _rate(self, name: str) -> str:
        return f"{statistics.median(run.rate for run in self.runs[name]):,.0f} /s"


def cost_table(result: TileResult) -> str:
    """Write what an answer of each kind cost."""
    lines = [
        "| case | answers/s | p50 ms | p95 ms | kB | web ms | database ms | others' cores | errors |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in result.runs.items():
        cells = [f"{_median(runs, 'rate'):,.0f}"]
        cells += [
            f"{_median(runs, item):.2f}"
            for item in ("p50_ms", "p95_ms", "kilobytes", "web_ms", "database_ms", "others")
        ]
        cells.append(str(sum(run.errors for run in runs)))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _median(runs: Sequence[Run], name: str) -> float:
    return statistics.median(float(getattr(run, name)) for run in runs)


def statement_table(result: ImportResult) -> str:
    """Write the statements of the last import that took longest."""
    lines = ["| seconds | calls | statement |", "|---|---|---|"]
    lines += [f"| {seconds:.2f} | {calls} | `{text.replace('|', ' ')}` |" for seconds, calls, text in result.statements]
    return "\n".join(lines)
