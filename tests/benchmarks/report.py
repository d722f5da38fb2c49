"""The rows of each part: its figures and their goals."""

import statistics
from collections.abc import Sequence

from tests.benchmarks.areas import COMPARABLE, LAYERS
from tests.benchmarks.areas import ZOOMS as AREA_ZOOMS
from tests.benchmarks.cases import Measured
from tests.benchmarks.files import Made
from tests.benchmarks.growth import PROVINCES
from tests.benchmarks.growth import ZOOMS as GROWTH_ZOOMS
from tests.benchmarks.imports import ImportResult, Timed
from tests.benchmarks.items import AGAIN, FAR, LIMITS
from tests.benchmarks.memory import Memory
from tests.benchmarks.packing import Packed
from tests.benchmarks.rows import Comparison, Row, ratios, short
from tests.benchmarks.sizes import MANY_BYTES, Sizes
from tests.benchmarks.tiles import LOW_ZOOMS, SAME_ATTRIBUTES
from tiles.lowzoom import MAX_TILE_BYTES

MAX_IMPORT_RATIO = 4.0
MAX_PROCESS_MB = 1024.0
MAX_VIEW_RATIO = 3.0
MIN_SHARE_OF_LIMIT = 0.7
MIN_TIMES_TIPG = 6.0
MIN_TIMES_SAME = 4.5
MIN_TIMES_LOW = 60.0
MIN_TIMES_MARTIN = 1.0
MIN_CACHED, MIN_UNCHANGED = 0.7, 0.8
"""Shares of what the same server can answer at all."""

MIN_GROWTH = 0.8
MIN_TIMES_ITEMS = {"tipg": 8.0, "pygeoapi": 20.0}
MIN_FAR_PAGE, MIN_TIMES_OFFSET = 1 / 1.2, 100.0
MAX_API_MB = 400.0
MIN_SHARE_SMALL = 0.95
MAX_FILES_S, MAX_FILES_MB = 240.0, 1073.0


def import_rows(result: ImportResult) -> list[Row]:
    """Return the rows about the import."""
    mine, bare, packed = result.imports, result.copies, result.zip_copies
    ratio, spread = ratios([run.wall_s for run in mine], [run.wall_s for run in packed])
    plain, plain_spread = ratios([run.wall_s for run in mine], [run.wall_s for run in bare])
    cpu, cpu_spread = ratios(
        [run.cpu_s + run.database_s for run in mine], [run.cpu_s + run.database_s for run in packed]
    )
    peak = {name: max(run.peak_mb[name] for run in mine) for name in ("worker", "reader")}
    rows = [
        Row("upload, accepted to published", _seconds(mine, "wall_s"), f"{_seconds(packed, 'wall_s')} bare copy of the zip",
            short(ratio), spread, f"≤ {MAX_IMPORT_RATIO:g}", ratio <= MAX_IMPORT_RATIO),
        Row("the same against the unpacked file", _seconds(mine, "wall_s"), f"{_seconds(bare, 'wall_s')} bare copy",
            short(plain), plain_spread),
        Row("upload, processor time", f"{_cpu(mine)}", f"{_cpu(packed)} bare copy of the zip", short(cpu), cpu_spread),
        *(Row(f"memory of the {name} at most", f"{size:,.0f} MiB", "", goal=f"≤ {MAX_PROCESS_MB:,.0f} MiB",
              is_met=size <= MAX_PROCESS_MB) for name, size in peak.items()),
    ]  # fmt: skip
    rows += _view_rows(result)
    if result.again is not None:
        again = result.again
        other = f"first import {_seconds(mine, 'wall_s')}"
        ratio = again.wall_s / statistics.median(run.wall_s for run in mine)
        rows.append(Row("the same file again, nothing changed", f"{again.wall_s:.1f} s", other, short(ratio)))
    return rows


def _view_rows(result: ImportResult) -> list[Row]:
    """Return the rows about viewers while a file is imported."""
    if not result.busy:
        return []
    slowest, middle = (
        [[views.p(share) for views in part] for part in (result.busy, result.quiet)] for share in (99, 50)
    )
    ratio, spread = ratios(*slowest)
    failed = sum(views.errors for views in (*result.busy, *result.quiet))
    asked = sum(len(views.tiles_ms) + len(views.documents_ms) for views in (*result.busy, *result.quiet))
    return [
        Row("viewers' tiles during an import, p99", *_milliseconds(slowest), short(ratio), spread,
            f"≤ {MAX_VIEW_RATIO:g}", ratio <= MAX_VIEW_RATIO),
        Row("the same, p50", *_milliseconds(middle), short(ratios(*middle)[0]), ratios(*middle)[1]),
        Row("viewers' requests that failed", f"{failed} of {asked:,}", f"published after {result.viewed_s:.0f} s",
            goal="0", is_met=failed == 0),
    ]  # fmt: skip


def _milliseconds(times: Sequence[Sequence[float]]) -> tuple[str, str]:
    """Write what viewers waited during an import and without one."""
    busy, quiet = (statistics.median(part) for part in times)
    return f"{busy:.1f} ms", f"{quiet:.1f} ms without it"


def _seconds(runs: Sequence[Timed], name: str) -> str:
    return f"{statistics.median(getattr(run, name) for run in runs):.1f} s"


def _cpu(runs: Sequence[Timed]) -> str:
    return f"{_seconds(runs, 'cpu_s')} + database {_seconds(runs, 'database_s')}"


def tile_rows(result: Measured) -> list[Row]:
    """Return the rows about tiles of addresses."""
    compare = Comparison(result.runs)
    low = [
        compare.row(f"z{z}, counts; tipg cut at 10,000 points", f"bandoso z{z}", f"tipg z{z}", MIN_TIMES_LOW)
        for z in LOW_ZOOMS
    ]
    return [
        compare.row("z14 against its own statement in pgbench", "bandoso z14", "pgbench z14", MIN_SHARE_OF_LIMIT),
        compare.row("z14 against tipg as shipped", "bandoso z14", "tipg z14", MIN_TIMES_TIPG),
        compare.row("z14, tipg with the same attributes", "bandoso z14", SAME_ATTRIBUTES, MIN_TIMES_SAME),
        *low,
        compare.row("z14 against martin on a copy of the slim table", "bandoso z14", "martin z14", MIN_TIMES_MARTIN),
        compare.row("from memory, gzip, against a bare ASGI answer", "bandoso cached gzip", "hello", MIN_CACHED),
        compare.row("304 against a bare ASGI answer", "bandoso 304", "hello", MIN_UNCHANGED),
        compare.row("from memory, plain, against the same", "bandoso cached", "hello"),
        compare.row("from memory, gzip, against as many bare bytes", "bandoso cached gzip", "hello tile-sized"),
        compare.cost_row("z14 against tipg as shipped, processor time", "bandoso z14", "tipg z14"),
        compare.cost_row("z14 against martin, processor time", "bandoso z14", "martin z14"),
        compare.row("z14, tipg on a copy of the slim table", "bandoso z14", "tipg z14 our table"),
        compare.row("z14, both with gzip", "bandoso z14 gzip", "tipg z14 gzip"),
        compare.row("z14, martin with the product's own statement", "bandoso z14", "martin z14 our statement"),
    ]


def item_rows(result: Measured) -> list[Row]:
    """Return the rows about items of addresses."""
    compare = Comparison(result.runs)
    cases = {f"items {limit}": f"box of a z{z} tile, limit {limit}" for limit, z in LIMITS.items()} | {
        "item": "one item"
    }
    return [
        *(compare.row(f"{figure}, against {peer}", f"bandoso {case}", f"{peer} {case}", goal)
          for case, figure in cases.items() for peer, goal in MIN_TIMES_ITEMS.items()),
        compare.row(f"page {FAR:,} by cursor against page 1", "bandoso far page", "bandoso page 1", MIN_FAR_PAGE),
        compare.row(f"page {FAR:,} by cursor against an offset", "bandoso far page", "tipg far page", MIN_TIMES_OFFSET),
        *(compare.row(f"the same page asked for again, limit {limit}", f"{AGAIN} items {limit}", f"{peer} items {limit}")
          for limit in LIMITS for peer in MIN_TIMES_ITEMS),
        *(compare.cost_row(f"{figure}, against {peer}, processor time", f"bandoso {case}", f"{peer} {case}")
          for case, figure in cases.items() for peer in MIN_TIMES_ITEMS),
    ]  # fmt: skip


def memory_row(memory: Memory) -> Row:
    """Return the row about the memory of one process; without a verdict where its cache was not filled."""
    filled = f"{memory.tiles:,} tiles, {memory.walked_mb:,.0f} of {memory.cache_mb:,.0f} MB"
    verdict = memory.highest_mb <= MAX_API_MB if memory.is_full else None
    return Row(
        "memory of one API process with a full cache, at most", f"{memory.highest_mb:,.0f} MB",
        f"{memory.first_mb:,.0f} MB at first; {filled}{'' if memory.is_full else ', NOT FULL'}", goal=f"≤ {MAX_API_MB:,.0f} MB", is_met=verdict,
    )  # fmt: skip


def packing_row(packed: Packed) -> Row:
    """Return the row about the archive of tiles."""
    size = f"{packed.tiles:,} tiles, {packed.megabytes:,.0f} MB"
    return Row("PMTiles archive of the province, all cores", f"{packed.tiles_a_second:,} tiles/s", size)


def file_rows(made: Made) -> list[Row]:
    """Return the rows about files of open data."""
    size = f"{sum(size for size, _ in made.formats.values()):,.0f} MB"
    return [
        Row("files of open data, all formats", f"{made.seconds:,.0f} s", size, goal=f"≤ {MAX_FILES_S:.0f} s",
            is_met=made.seconds <= MAX_FILES_S),
        Row("the same, processor time", f"{made.cpu_s:,.0f} s", ""),
        Row("memory of making them, processes together", f"{made.peak_mb:,.0f} MB", "", goal=f"≤ {MAX_FILES_MB:,.0f} MB",
            is_met=made.peak_mb <= MAX_FILES_MB),
        Row("files of the largest commune, first asked for", f"{made.commune_s:.1f} s", f"{made.commune_count:,} records"),
        *(Row(f"of them {name}", f"{size:,.0f} MB", f"{seconds:.1f} s") for name, (size, seconds) in made.formats.items()),
    ]  # fmt: skip


def size_rows(sizes: Sizes) -> list[Row]:
    """Return the rows about the size of tiles."""
    largest, count = max(sizes.tiles), f"of {len(sizes.tiles):,} tiles, all zooms"
    return [
        Row(f"tiles of addresses under {MANY_BYTES // 1000} kB", f"{sizes.share_small:.1%}", count,
            goal=f"≥ {MIN_SHARE_SMALL:.0%}", is_met=sizes.share_small >= MIN_SHARE_SMALL),
        Row("the largest of them", f"{largest / 1000:,.0f} kB", "", goal=f"≤ {MAX_TILE_BYTES // 1000} kB",
            is_met=largest <= MAX_TILE_BYTES),
    ]  # fmt: skip


def area_rows(result: Measured) -> list[Row]:
    """Return the rows about tiles of growing areas and communes."""
    compare, found = Comparison(result.runs), []
    for layer in LAYERS:
        for z in AREA_ZOOMS:
            ours = f"{layer} z{z}"
            own = f"{ours} against its own statement in pgbench"
            found.append(compare.row(own, f"bandoso {ours}", f"pgbench {ours}", MIN_SHARE_OF_LIMIT))
        for z in COMPARABLE:
            ours, tipg = f"{layer} z{z}", f"tipg {layer} z{z}"
            same = f"{ours}, tipg with the same attributes"
            found.append(compare.row(f"{ours} against tipg as shipped", f"bandoso {ours}", tipg))
            found.append(compare.row(same, f"bandoso {ours}", f"{tipg} same attributes"))
    return found


def growth_rows(result: Measured) -> list[Row]:
    """Return the rows about eight provinces beside one."""
    compare = Comparison(result.runs)
    return [
        compare.row(f"z{z}, {PROVINCES} provinces against one", f"eight z{z}", f"one z{z}", MIN_GROWTH)
        for z in GROWTH_ZOOMS
    ]


def statement_table(result: ImportResult) -> str:
    """Write the statements of the last import that took longest."""
    lines = ["| seconds | calls | statement |", "|---|---|---|"]
    lines += [f"| {seconds:.2f} | {calls} | `{text.replace('|', ' ')}` |" for seconds, calls, text in result.statements]
    return "\n".join(lines)
