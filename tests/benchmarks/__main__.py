"""``python -m tests.benchmarks``: measure imports, tiles and items against their limits and peers, in one run."""

import datetime as dt
import fcntl
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from service.postgres import ClusterError
from tests.benchmarks import (
    areas,
    data,
    files,
    growth,
    imports,
    items,
    memory,
    packing,
    peers,
    report,
    servers,
    sizes,
    tiles,
    viewers,
    writeup,
)
from tests.benchmarks.data import Ground
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.machine import describe_machine, describe_source, describe_versions, require_programs
from tests.benchmarks.places import VAR
from tests.benchmarks.uploads import zipped
from tests.benchmarks.writeup import Options, Outcome
from tests.conftest import Server

Run = Callable[[Server, Options, Outcome], None]

PARTS = ("import", "files", "tiles", "items", "areas", "growth")
FULL_COUNT, FULL_FIELDS = 675_000, 20_000

_AREA_SECONDS = 3.0
"""There are many cases of areas."""


def main(
    count: Annotated[int, typer.Option(min=1000, help="Addresses in the file")] = FULL_COUNT,
    fields: Annotated[int, typer.Option(min=100, help="Growing areas")] = FULL_FIELDS,
    rounds: Annotated[int, typer.Option(min=1, help="Alternating rounds")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="Length of one load run")] = 5,
    only: Annotated[str, typer.Option(help="Parts, with commas between")] = ",".join(PARTS),
) -> None:
    """Measure; ends with 1 when a goal is missed, with 2 when something could not be measured."""
    parts = only.split(",")
    if not set(parts) <= set(PARTS):
        raise typer.BadParameter(" | ".join(PARTS), param_hint="--only")
    options = Options(count, fields, rounds, seconds, parts)
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            require_programs()
            if "tiles" in parts:
                servers.provide_martin()
            outcome = measure(options)
        except (BenchmarkError, ClusterError) as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(2) from error
    text = writeup.write_up(outcome, options)
    (VAR / "last.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    raise typer.Exit(2 if outcome.failures else int(any(row.is_met is False for row in outcome.rows)))


def measure(options: Options) -> Outcome:
    """Run the parts wanted on a server that lives only as long."""
    _say("starting the server and making the data")
    with data.benchmark_server() as server:
        ground = data.find_ground()
        data.build_template(server, ground)
        outcome = Outcome(describe_machine(), describe_versions(server), describe_source(), ground.name)
        outcome.note_load("at the start")
        peers.forget_statements(server)
        if set(options.parts) & {"import", "files", "tiles", "items", "growth"}:
            _import(ground, server, options, outcome)
        # What one part cannot measure is no reason to lose the others.
        runs: dict[str, Run] = {
            "files": _files, "tiles": _tiles, "items": _items, "areas": partial(_areas, ground), "growth": _growth,
        }  # fmt: skip
        for part, run in runs.items():
            if part in options.parts:
                with outcome.noting_failure(part):
                    run(server, options, outcome)
        outcome.peer_statements = peers.statements_of_peers(server)
    return outcome


def _import(ground: Ground, server: Server, options: Options, outcome: Outcome) -> None:
    """Measure imports, or make the one that other parts need."""
    path = data.write_shapefile(ground, options.count)
    if "import" not in options.parts:
        _say("one import for the tiles")
        result = imports.ImportResult()
        result.imports.append(imports.import_once(server, zipped(path), options.count, result))
        return
    _say(f"import: {options.rounds} rounds of {options.count:,} addresses")
    outcome.imported = result = imports.run_imports(server, path, options.count, options.rounds)
    imports.import_again(server, path, result)
    _say(f"import while {viewers.VIEWERS} viewers look at maps")
    for _ in range(options.rounds):
        imports.import_while_viewed(server, path, options.count, 4 * options.seconds, result)
    outcome.add("import", report.import_rows(result))


def _files(server: Server, options: Options, outcome: Outcome) -> None:
    _say("files of open data")
    outcome.add("files", report.file_rows(files.make(server)))


def _tiles(server: Server, options: Options, outcome: Outcome) -> None:
    _say(f"tiles: {options.rounds} rounds, {options.seconds:g} s a case")
    found = outcome.measured["tiles"] = tiles.run_tiles(server, options.rounds, options.seconds)
    _say("memory of a process with a full cache")
    filled = memory.fill_cache(server)
    _say("an archive of tiles")
    packed = packing.pack(server)
    _say("sizes of tiles")
    sized = report.size_rows(sizes.measure_sizes(server))
    others = [report.memory_row(filled), *([report.packing_row(packed)] if packed else []), *sized]
    outcome.add("tiles", [*report.tile_rows(found), *others])


def _items(server: Server, options: Options, outcome: Outcome) -> None:
    _say("items")
    found = outcome.measured["items"] = items.run_items(server, options.rounds, options.seconds)
    outcome.add("items", report.item_rows(found))


def _areas(ground: Ground, server: Server, options: Options, outcome: Outcome) -> None:
    _say(f"areas: {options.fields:,} fields and the communes")
    seconds = min(options.seconds, _AREA_SECONDS)
    found = outcome.measured["areas"] = areas.run_areas(server, ground, options.fields, options.rounds, seconds)
    outcome.add("areas", report.area_rows(found))


def _growth(server: Server, options: Options, outcome: Outcome) -> None:
    _say(f"growth: {growth.PROVINCES * options.count:,} addresses")
    found = outcome.measured["growth"] = growth.run_growth(server, options.rounds, options.seconds)
    outcome.add("growth", report.growth_rows(found))


def _say(text: str) -> None:
    sys.stderr.write(f"{dt.datetime.now().astimezone():%H:%M:%S} {text}\n")


if __name__ == "__main__":
    typer.run(main)
