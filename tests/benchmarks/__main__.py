"""``python -m tests.benchmarks``: measure the import and the tiles against their limits and a peer, in one run."""

import datetime as dt
import fcntl
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from service.postgres import ClusterError
from tests.benchmarks import data, imports, report, tiles, viewers
from tests.benchmarks.data import Ground
from tests.benchmarks.load import BenchmarkError, Run
from tests.benchmarks.machine import describe_machine, describe_source, describe_versions, require_programs
from tests.benchmarks.places import CRS, VAR
from tests.conftest import Server

PARTS = ("import", "tiles")
FULL_COUNT = 675_000


@dataclass(frozen=True)
class Options:
    """How large and how long."""

    count: int
    rounds: int
    seconds: float
    parts: Sequence[str]


@dataclass
class Outcome:
    """What was measured, and under which conditions."""

    machine: str
    versions: str
    source: str
    ground: str
    load: list[str] = field(default_factory=list)
    imported: imports.ImportResult | None = None
    measured: tiles.TileResult | None = None

    @property
    def rows(self) -> list[report.Row]:
        found = report.import_rows(self.imported) if self.imported and self.imported.copies else []
        return found + (report.tile_rows(self.measured) if self.measured else [])

    def note_load(self, when: str) -> None:
        self.load.append(f"{when} {os.getloadavg()[0]:.1f}")


def main(
    count: Annotated[int, typer.Option(min=1000, help="Addresses in the file")] = FULL_COUNT,
    rounds: Annotated[int, typer.Option(min=1, help="Alternating rounds")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="Length of one load run")] = 5,
    only: Annotated[str, typer.Option(help="import,tiles or one of them")] = "import,tiles",
) -> None:
    """Measure; ends with 1 when a goal is missed, with 2 when nothing could be measured."""
    parts = only.split(",")
    if not set(parts) <= set(PARTS):
        raise typer.BadParameter(" | ".join(PARTS), param_hint="--only")
    options = Options(count, rounds, seconds, parts)
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            require_programs()
            outcome = measure(options)
        except (BenchmarkError, ClusterError) as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(2) from error
    text = write_up(outcome, options)
    (VAR / "last.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    raise typer.Exit(int(any(row.is_met is False for row in outcome.rows)))


def measure(options: Options) -> Outcome:
    """Run the parts wanted on a server that lives only as long."""
    _say("starting the server and making the data")
    with data.benchmark_server() as server:
        ground = data.find_ground()
        path = data.write_shapefile(ground, options.count)
        data.build_template(server, ground)
        outcome = _describe(server, ground)
        outcome.note_load("at the start")
        outcome.imported = _import(server, options, path)
        outcome.note_load("after the imports")
        if "tiles" in options.parts:
            _say(f"tiles: {options.rounds} rounds, {options.seconds:g} s a case")
            outcome.measured = tiles.run_tiles(server, options.rounds, options.seconds)
            outcome.note_load("at the end")
    return outcome


def _describe(server: Server, ground: Ground) -> Outcome:
    return Outcome(describe_machine(), describe_versions(server), describe_source(), ground.name)


def _import(server: Server, options: Options, path: Path) -> imports.ImportResult:
    """Measure imports, or make the one that the tiles need."""
    if "import" not in options.parts:
        _say("one import for the tiles")
        result = imports.ImportResult()
        result.imports.append(imports.import_once(server, imports.zipped(path), options.count, result))
        return result
    _say(f"import: {options.rounds} rounds of {options.count:,} addresses")
    result = imports.run_imports(server, path, options.count, options.rounds)
    imports.import_again(server, path, result)
    _say(f"import while {viewers.VIEWERS} viewers look at maps")
    imports.import_while_viewed(server, path, options.count, 4 * options.seconds, result)
    return result


def _say(text: str) -> None:
    sys.stderr.write(f"{dt.datetime.now().astimezone():%H:%M:%S} {text}\n")


def write_up(outcome: Outcome, options: Options) -> str:
    """Write the whole report."""
    noise = [f"imports {_noise(outcome.imported.imports + outcome.imported.copies)}"] if outcome.imported else []
    noise += (
        [f"tiles {_noise([run for runs in outcome.measured.runs.values() for run in runs])}"]
        if outcome.measured
        else []
    )
    parts = [
        f"# Benchmark of {dt.datetime.now().astimezone():%Y-%m-%d %H:%M}, commit {outcome.source}",
        report.table(outcome.rows),
        f"Machine: {outcome.machine}. Load average: {', '.join(outcome.load)}. "
        f"Cores that other programs took meanwhile (median, largest): {', '.join(noise)}.",
        f"Versions: {outcome.versions}.",
        f"Data: {options.count:,} addresses on {outcome.ground}, EPSG:{CRS}. {options.rounds} rounds, {options.seconds:g} s a load run.",
    ]
    if outcome.imported is not None:
        parts += ["## Statements of the last import", report.statement_table(outcome.imported)]
    if outcome.measured is not None:
        parts += ["## Tiles", _about_tiles(outcome.measured), report.cost_table(outcome.measured)]
        parts += [f"The statement of z14:\n\n```sql\n{outcome.measured.statement}\n```"]
    return "\n\n".join(parts) + "\n"


def _noise(runs: Sequence[imports.Timed] | Sequence[Run]) -> str:
    others = [run.others for run in runs]
    return f"{statistics.median(others):.2f}, {max(others):.2f}"


def _about_tiles(result: tiles.TileResult) -> str:
    counts = ", ".join(f"{count} at z{z}" for z, count in result.counts.items())
    agreed, total = result.agreed
    return f"Occupied tiles: {counts}. The product and tipg agree on {agreed:,} of {total:,} points of {min(tiles.COMPARED, result.counts[14])} z14 tiles."


if __name__ == "__main__":
    typer.run(main)
