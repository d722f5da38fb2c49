"""How long the tiles of a layer take, how large they are, and by which way the database finds what is in them.

A few tiles of a zoom are made with the very statement that serves them, with the rights and limits of the public: the
fullest ones, and others evenly spread over those that hold something.
"""

import gzip
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, case, column, func, literal, select, table
from sqlalchemy.exc import OperationalError

from geodata.derived import CELLS_ACROSS
from geodata.register import MAX_ZOOM, Register
from tiles.decoding import TileFeature, read_tile
from tiles.grid import HALF_WORLD_M, TileAddress
from tiles.sql import tile_sql

SAMPLE, FULLEST = 20, 5
LONGEST_S = 6.0
"""After so much time of measuring a zoom no further tile is begun."""

_DROPPED = "dropped"
"""Layer in which a tile tells how many records it leaves out."""

_CELL_ZOOMS = CELLS_ACROSS.bit_length() - 1


@dataclass(frozen=True, slots=True)
class Measured:
    """One tile as it was made just now; ``ms`` is None where the time allowed was not enough."""

    z: int
    x: int
    y: int
    ms: float | None
    bytes: int = 0
    packed_bytes: int = 0
    features: int = 0
    dropped: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Access:
    """How the database found what is in a tile.

    Attributes
    ----------
    indexes : list of str
    scanned : list of str
        Tables that were read from end to end.
    """

    indexes: list[str]
    scanned: list[str]


def measure_tile(connection: Connection, register: Register, address: TileAddress) -> tuple[Measured, bytes]:
    """Make one tile and measure it.

    Parameters
    ----------
    connection : Connection
        Of the public role, without a transaction.
    """
    statement, values = _bound(register, address)
    begun = time.perf_counter()
    try:
        stamps, raw = connection.exec_driver_sql(statement, values).one()
    except OperationalError:
        return Measured(address.z, address.x, address.y, None), b""
    spent = (time.perf_counter() - begun) * 1000
    layers = read_tile(bytes(raw))
    features = layers.get(register.id, [])
    told = [one.properties for one in layers.get(_DROPPED, []) if one.properties.get("layer") == register.id]
    measured = Measured(
        address.z, address.x, address.y, round(spent, 2), len(raw), len(gzip.compress(raw, 6)) if raw else 0,
        len(features), sum(int(one.get(_DROPPED, 0)) for one in told), _kinds(features), stamps[0],
    )  # fmt: skip
    return measured, bytes(raw)


def _kinds(features: Iterable[TileFeature]) -> dict[str, int]:
    """Count shapes, points, and cells with counts."""
    found: dict[str, int] = {}
    for one in features:
        kind = "count" if "count" in one.properties else one.kind
        found[kind] = found.get(kind, 0) + 1
    return found


def _bound(register: Register, address: TileAddress) -> tuple[str, dict[str, int]]:
    statement = tile_sql((register.id,), address.z).replace("%", "%%")
    return statement.replace("$1", "%(x)s").replace("$2", "%(y)s"), {"x": address.x, "y": address.y}


def measure_zoom(connection: Connection, register: Register, z: int) -> dict[str, Any]:
    """Measure a sample of a zoom's tiles, always the same one for the same data.

    Returns
    -------
    dict
        ``tiles`` (that hold something; None where counting them takes too long), ``sample`` (how many were made), ``median_ms``, ``worst`` (the slowest tile),
        ``largest`` (bytes of the largest), sums over the sample, ``access`` of the fullest tile. All but ``z`` and
        ``is_drawn`` are missing below the layer's first zoom.
    """
    if z < register.tile.min_zoom:
        return {"z": z, "is_drawn": False}
    try:
        occupied, sample = _sample(connection, register, z)
    except OperationalError:
        occupied, sample = None, []
    measured, deadline = [], time.monotonic() + LONGEST_S
    for address in sample:
        measured.append(measure_tile(connection, register, address)[0])
        if time.monotonic() > deadline:
            break
    access = explain(connection, register, sample[0]) if sample else None
    return {"z": z, "is_drawn": True, "tiles": occupied, **_summed(measured), "access": access and asdict(access)}


def _summed(measured: list[Measured]) -> dict[str, Any]:
    timed = [one.ms for one in measured if one.ms is not None]
    slowest = max(measured, key=lambda one: float("inf") if one.ms is None else one.ms, default=None)
    return {
        "sample": len(measured),
        "timed_out": len(measured) - len(timed),
        "median_ms": round(statistics.median(timed), 2) if timed else None,
        "worst": slowest and asdict(slowest),
        "median_bytes": int(statistics.median(one.bytes for one in measured)) if measured else 0,
        "largest_bytes": max((one.bytes for one in measured), default=0),
        "largest_packed_bytes": max((one.packed_bytes for one in measured), default=0),
        "features": sum(one.features for one in measured),
        "dropped": sum(one.dropped for one in measured),
    }


def _sample(connection: Connection, register: Register, z: int) -> tuple[int | None, list[TileAddress]]:
    """Return how many tiles hold something, and those to measure: the fullest first."""
    loads = _loads(register, z).subquery()
    by_load = loads.c.n.desc(), loads.c.x, loads.c.y
    is_fullest = (func.row_number().over(order_by=by_load) <= FULLEST).label("is_fullest")
    ranked = select(loads, is_fullest, func.count().over().label("tiles")).subquery()
    at = func.row_number().over(partition_by=ranked.c.is_fullest, order_by=(ranked.c.x, ranked.c.y)).label("at")
    numbered = select(ranked, at).subquery()
    spread, others = SAMPLE - FULLEST, func.greatest(numbered.c.tiles - FULLEST, 1)
    # Of so many others in a row, as many as wanted or all: those at which a multiple of their number is passed.
    is_chosen = numbered.c.is_fullest | (numbered.c.at * spread % others < spread)
    order = numbered.c.is_fullest.desc(), case((numbered.c.is_fullest, numbered.c.n), else_=0).desc(), numbered.c.at
    rows = connection.execute(select(numbered).where(is_chosen).order_by(*order)).all()
    return (rows[0].tiles if rows else 0), [TileAddress(z, row.x, row.y) for row in rows]


def _loads(register: Register, z: int) -> Select[Any]:
    """Select the zoom's tiles that hold something and how much: cells of counts, or records by a point of theirs."""
    below = register.tile.counts_below
    if below is None:
        slim = table(f"{register.id}_tile", column("point"), schema="open")
        size_m = 2 * HALF_WORLD_M / (1 << z)
        across = func.floor((func.ST_X(slim.c.point) + HALF_WORLD_M) / size_m)
        down = func.floor((HALF_WORLD_M - func.ST_Y(slim.c.point)) / size_m)
        places = select(func.int4(across).label("x"), func.int4(down).label("y"), literal(1).label("n"))
    else:
        grid = table(f"{register.id}_grid", *(column(name) for name in ("z", "x", "y", "cell", "count")), schema="open")
        zoom = min(z, below - 1)
        # A cell of the zoom with the finest counts is a tile of its own, six zooms deeper.
        deeper = _CELL_ZOOMS + zoom - z
        inside = grid.c.cell % CELLS_ACROSS, grid.c.cell.op("/")(CELLS_ACROSS)
        x, y = (
            (func.int4(place) * CELLS_ACROSS + cell).op(">>")(deeper)
            for place, cell in zip((grid.c.x, grid.c.y), inside, strict=True)
        )
        places = select(x.label("x"), y.label("y"), grid.c["count"].label("n")).where(
            grid.c.z == zoom, grid.c.cell < CELLS_ACROSS * CELLS_ACROSS
        )
    found = places.subquery()
    return select(found.c.x, found.c.y, func.sum(found.c.n).label("n")).group_by(found.c.x, found.c.y)


def explain(connection: Connection, register: Register, address: TileAddress) -> Access | None:
    """Return how the database finds what is in a tile; None where the time allowed was not enough."""
    statement, values = _bound(register, address)
    try:
        plan = connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", values
        ).scalar_one()
    except OperationalError:
        return None
    nodes = [node for node in _nodes(plan[0]["Plan"]) if node["Actual Loops"]]
    own = tuple(f"{register.id}_{name}" for name in ("tile", "grid", "placed", "finished"))
    indexes = {node["Index Name"] for node in nodes if "Index Name" in node and register.id in node["Index Name"]}
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"].endswith("Seq Scan")}
    return Access(sorted(indexes), sorted(name for name in scanned if name in own))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)


def zooms() -> range:
    """Return the zooms of tiles."""
    return range(MAX_ZOOM + 1)
