"""Why records are on no map: without a place, withheld, guarded, outside, invalid, or lost on the way to the tiles.

The staff role counts, so an officer hears of the records of his own communes only; what is told of tables is statistics.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    cast,
    column,
    func,
    literal,
    not_,
    or_,
    select,
    table,
    text,
    true,
)
from sqlalchemy import types as sqltypes
from sqlalchemy.exc import OperationalError

from geodata.crs import EAST, NORTH, SOUTH, WEST
from geodata.derived import finished_table, geometry_names, grid_table, placed_table, tile_table, written_table
from geodata.register import Register

MOST_INVALID = 50
LONGEST_MS = 10_000
_DEAD_SHARE, _FEW_ROWS = 0.2, 1000

_SETTING = table("setting", column("name"), column("value"), schema="ops")
_STATISTICS = """
SELECT c.relname AS name, greatest(c.reltuples, 0)::bigint AS rows, pg_relation_size(c.oid) AS bytes,
    coalesce(s.n_live_tup, 0) AS live, coalesce(s.n_dead_tup, 0) AS dead,
    greatest(s.last_analyze, s.last_autoanalyze) AS analysed, greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed,
    coalesce(array_agg(i.relname::text ORDER BY i.relname) FILTER (WHERE x.indisvalid), '{}') AS indexes,
    coalesce(array_agg(i.relname::text ORDER BY i.relname) FILTER (WHERE NOT x.indisvalid), '{}') AS broken
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
LEFT JOIN pg_index x ON x.indrelid = c.oid LEFT JOIN pg_class i ON i.oid = x.indexrelid
WHERE n.nspname = :schema AND c.relname = :name GROUP BY c.oid, s.relid, s.n_live_tup, s.n_dead_tup, s.last_analyze,
    s.last_autoanalyze, s.last_vacuum, s.last_autovacuum
"""


@dataclass(frozen=True, slots=True)
class Invalid:
    """A shape that is no valid one: why, and where (degrees)."""

    uuid: str
    label: str
    reason: str
    place: tuple[float, float] | None


def count_absences(connection: Connection, register: Register) -> dict[str, int]:
    """Count the records that are on no map, by reason; a record counts once, under the first that holds.

    Parameters
    ----------
    connection : Connection
        Of the staff role; row-level security leaves the actor's communes.

    Returns
    -------
    dict
        ``total``, ``without_place``, ``withheld``, ``unlisted``, ``guarded``, ``outside``, ``lost`` (nothing says why the
        record is not in the tiles), ``shown``.
    """
    reasons = _reasons(connection, register)
    counted: list[ColumnElement[Any]] = []
    none_before: ColumnElement[bool] = true()
    for name, holds in reasons.items():
        counted.append(func.count().filter(none_before & holds).label(name))
        none_before = none_before & not_(holds)
    live = register.table
    row = connection.execute(select(func.count().label("total"), *counted).select_from(live)).one()
    found = dict(row._mapping)
    return {**found, "shown": found["total"] - sum(found[name] for name in reasons)}


def _reasons(connection: Connection, register: Register) -> dict[str, ColumnElement[bool]]:
    """Return why a record may be on no map, each with its condition, none of them null."""
    live = register.table
    shapes: list[Any] = [cast(live.c[name], _Geometry) for name in geometry_names(register)]
    shape = func.coalesce(*shapes)
    never: ColumnElement[bool] = literal(1) == literal(0)
    reasons = {"without_place": shape.is_(None), "withheld": never, "unlisted": never, "guarded": never}
    if register.hidden is not None:
        state = live.c[register.hidden.field]
        reasons["withheld"] = func.coalesce(state.in_(register.hidden.withheld), False)
        reasons["unlisted"] = func.coalesce(state.in_(register.hidden.unlisted), False)
    if register.guarded is not None and publication_policy(connection) != "code_point":
        reasons["guarded"] = func.coalesce(register.guarded, False)
    west, south, east, north = (getattr(func, f"ST_{side}")(shape) for side in ("XMin", "YMin", "XMax", "YMax"))
    reasons["outside"] = func.coalesce(or_(west < WEST, south < SOUTH, east > EAST, north > NORTH), False)
    slim = table(f"{register.id}_tile", column("id"), schema="open")
    reasons["lost"] = ~select(slim.c.id).where(slim.c.id == live.c.id).exists()
    return reasons


class _Geometry(sqltypes.UserDefinedType[object]):
    cache_ok = True

    def get_col_spec(self, **_options: object) -> str:
        return "geometry"


def publication_policy(connection: Connection) -> str:
    """Return the policy in force for guarded records."""
    found = connection.scalar(select(_SETTING.c.value).where(_SETTING.c.name == "publication_policy"))
    return str(found)


def find_invalid(connection: Connection, register: Register) -> list[Invalid]:
    """List the first records whose shape is no valid one; no more than `MOST_INVALID`."""
    if register.geometry_kind == "point":
        return []
    live = register.table
    shape = cast(live.c[register.geometry.key], _Geometry)
    detail = func.ST_IsValidDetail(shape)
    label = cast(live.c[register.label], String)
    rows = connection.execute(
        select(
            live.c.uuid, label, func.reason(detail).label("reason"),
            func.ST_X(func.location(detail)).label("lon"), func.ST_Y(func.location(detail)).label("lat"),
        )
        .where(shape.is_not(None), ~func.ST_IsValid(shape)).order_by(live.c.id).limit(MOST_INVALID)
    )  # fmt: skip
    return [
        Invalid(str(row.uuid), row[1] or "", row.reason or "", None if row.lon is None else (row.lon, row.lat))
        for row in rows
    ]


def table_statistics(connection: Connection, register: Register) -> list[dict[str, Any]]:
    """Return what the database knows of the tables that tiles are cut from, and what is wrong with them.

    ``troubles``: ``missing_index`` (with ``missing``), ``broken_index``, ``never_analysed``, ``many_dead_rows``.
    """
    tables = [tile_table(register), *([grid_table(register)] if register.tile.counts_below is not None else [])]
    tables += [placed_table(register), written_table(register), finished_table(register)] if register.is_dense else []
    found = []
    for derived in tables:
        values = {"schema": derived.schema, "name": derived.name}
        row = dict(connection.execute(text(_STATISTICS), values).one()._mapping)
        wanted = {str(index.name) for index in derived.indexes} | {f"pk_{derived.name}"}
        row["missing"] = sorted(wanted - set(row["indexes"]) - set(row["broken"]))
        found.append({**row, "troubles": list(_troubles(row))})
    return found


def _troubles(row: dict[str, Any]) -> list[str]:
    held = {
        "missing_index": bool(row["missing"]),
        "broken_index": bool(row["broken"]),
        "never_analysed": row["analysed"] is None and row["live"] > _FEW_ROWS,
        "many_dead_rows": row["dead"] > max(_DEAD_SHARE * row["live"], _FEW_ROWS),
    }
    return [name for name, holds in held.items() if holds]


def absences(connection: Connection, register: Register) -> dict[str, Any]:
    """Return counts, invalid shapes and statistics of a register in one document.

    ``invalid`` is None where looking at all shapes takes longer than `LONGEST_MS`.
    """
    return {
        "counts": count_absences(connection, register),
        "invalid": _invalid_in_time(connection, register),
        "tables": table_statistics(connection, register),
        "policy": publication_policy(connection),
    }


def _invalid_in_time(connection: Connection, register: Register) -> list[dict[str, Any]] | None:
    try:
        with connection.begin_nested():
            connection.execute(text("SELECT set_config('statement_timeout', :ms, true)"), {"ms": str(LONGEST_MS)})
            return [asdict(one) for one in find_invalid(connection, register)]
    except OperationalError:
        return None


def explain_absence(connection: Connection, register: Register, feature_id: int) -> str | None:
    """Return the first reason why one record is on no map, ``shown`` for none; None where there is no such record."""
    reasons = _reasons(connection, register)
    live = register.table
    columns = [holds.label(name) for name, holds in reasons.items()]
    row = connection.execute(select(*columns).where(live.c.id == feature_id)).one_or_none()
    if row is None:
        return None
    return next((name for name in reasons if row._mapping[name]), "shown")
