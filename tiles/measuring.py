"""How long the tiles of a layer take, how large they are, and by which way the database finds what is in them.

A few tiles of a zoom are made with the very statements that serve them, with the rights and limits of the public and the
plans that the service keeps: the fullest ones, and others evenly spread over those that hold something.
"""

import gzip
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, case, column, func, literal, select, table
from sqlalchemy.exc import OperationalError

from geodata.derived import CELLS_ACROSS
from geodata.register import MAX_ZOOM, Register
from tiles.connections import PLANNING
from tiles.decoding import TileFeature, read_tile
from tiles.grid import HALF_WORLD_M, TileAddress
from tiles.lowzoom import DROPPED, is_small_enough
from tiles.sql import many, tile_sql, tile_statements

SAMPLE, FULLEST = 20, 5
LONGEST_S = 6.0
"""After so much time of measuring a zoom no further tile is begun."""

_CELL_ZOOMS = CELLS_ACROSS.bit_length() - 1


@dataclass(frozen=True, slots=True)
class Measured:
    """One tile as it was made just now.

    Attributes
    ----------
    ms : float or None
        Of the database, all attempts together; None where the time allowed was not enough.
    made_anew : int
        How often the tile was too large and was made once more with fewer records.
    """

    z: int
    x: int
    y: int
    ms: float | None
    bytes: int = 0
    packed_bytes: int = 0
    features: int = 0
    dropped: int = 0
    made_anew: int = 0
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
    spent_s, made_anew = 0.0, 0
    revision, raw = 0, b""
    try:
        for made_anew, statement in enumerate(tile_statements((register.id,), address.z)):  # noqa: B007  told below
            revision, raw, seconds = _make(connection, statement, address)
            spent_s += seconds
            if is_small_enough(raw):
                break
    except OperationalError:
        return Measured(address.z, address.x, address.y, None, made_anew=made_anew), b""
    layers = read_tile(raw)
    features = layers.get(register.id, [])
    told = [one.properties for one in layers.get(DROPPED, []) if one.properties.get("layer") == register.id]
    measured = Measured(
        address.z, address.x, address.y, round(spent_s * 1000, 2), len(raw), len(gzip.compress(raw, 6)) if raw else 0,
        len(features), sum(int(one.get(DROPPED, 0)) for one in told), made_anew, _kinds(features), revision,
    )  # fmt: skip
    return measured, raw


def _make(connection: Connection, statement: str, address: TileAddress) -> tuple[int, bytes, float]:
    """Return a tile's revision, its bytes, and in how many seconds they were made."""
    with _as_served(connection, statement, address) as question:
        # Makes the plan, which the service has from an earlier tile.
        connection.exec_driver_sql(f"EXPLAIN {question}")
        begun = time.perf_counter()
        found = connection.exec_driver_sql(question).one()
        spent_s = time.perf_counter() - begun
    return found.stamps[0], bytes(found.tile), spent_s


@contextmanager
def _as_served(connection: Connection, statement: str, address: TileAddress) -> Iterator[str]:
    """Prepare a statement in the form, and let it be planned in the way, in which tiles are served.

    Yields
    ------
    str
        What runs it for this tile.
    """
    prepared = many(statement).replace("%", "%%")
    connection.exec_driver_sql(f"PREPARE measured AS {prepared}")
    connection.exec_driver_sql("BEGIN")
    try:
        for name, value in PLANNING.items():
            connection.exec_driver_sql(f"SET LOCAL {name} = {value}")
        yield f"EXECUTE measured('{{{address.x}}}', '{{{address.y}}}')"
    finally:
        # Ends a transaction that failed as well.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("DEALLOCATE measured")


def _kinds(features: Iterable[TileFeature]) -> dict[str, int]:
    """Count shapes, points, and cells with counts."""
    found: dict[str, int] = {}
    for one in features:
        kind = "count" if "count" in one.properties else one.kind
        found[kind] = found.get(kind, 0) + 1
    return found


def measure_zoom(connection: Connection, register: Register, z: int) -> dict[str, Any]:
    """Measure a sample of a zoom's tiles, always the same one for the same data.

    Returns
    -------
    dict
        ``tiles`` (that hold something; None where counting them takes too long), ``sample`` (how many were made), ``median_ms``, ``worst`` (the slowest tile),
        ``largest`` (bytes of the largest), sums over the sample, ``made_anew`` (how many of it were too large at first),
        ``access`` of the fullest tile. All but ``z`` and
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
        "made_anew": sum(one.made_anew > 0 for one in measured),
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
    statement = tile_sql((register.id,), address.z)
    try:
        with _as_served(connection, statement, address) as question:
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {question}").scalar_one()
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
