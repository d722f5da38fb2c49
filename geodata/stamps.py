"""The stamps of tiles: which tiles show something else after a publish than before."""

from importlib.resources import files
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    column,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.dialects.postgresql import insert as upsert

from geodata.drawing import (
    CROWD,
    FULL_FROM_ZOOM,
    MID_FROM_ZOOM,
    meets,
    picture,
    shape_at,
    shape_level,
    slim_source,
)
from geodata.ops import TileStamp
from geodata.register import MAX_ZOOM, Register

MOST_WORK = 10_000_000
"""Vertices drawn to compare the tiles of one zoom, about 0.4 s; where there are more, all are stamped that may differ."""

SIDES = ("west", "south", "east", "north")
_LEVELS = (1, 2, 3)
_BOX = table("touched_box", *(column(name) for name in ("id", "sign", *SIDES, "weights")))


def _script(name: str) -> str:
    return files("geodata").joinpath("sql", name).read_text(encoding="utf-8")


def sides(register: Register, slim: FromClause) -> list[ColumnElement[float]]:
    """Return the sides of a record's box: west, south, east, north, EPSG:3857 metres."""
    if register.geometry_kind == "point":
        return [func.ST_X(slim.c.point), func.ST_Y(slim.c.point)] * 2
    shape = func.coalesce(slim.c.geom, slim.c.point)
    return [func.ST_XMin(shape), func.ST_YMin(shape), func.ST_XMax(shape), func.ST_YMax(shape)]


class Stamps:
    """Writes the stamps of one revision of one register.

    Parameters
    ----------
    connection : Connection
        In the publish's transaction; ``slim_was`` and ``slim_now`` hold the rows of the slim copy that may have changed.
    register : Register
    revision : int
    """

    def __init__(self, connection: Connection, register: Register, revision: int) -> None:
        self.connection = connection
        self.register = register
        self.revision = revision
        self.zooms = range(max(register.tile.min_zoom, register.tile.counts_below or 0), MAX_ZOOM + 1)
        self._was, self._now = (slim_source(register, name, None) for name in ("slim_was", "slim_now"))

    def note_changes(self) -> None:
        """Note the boxes of the records of which anything is drawn otherwise than it was."""
        was, now = self._was, self._now
        differs = [_differ(self._shown(was, level), self._shown(now, level)) for level in _LEVELS]
        both = select(
            func.coalesce(was.c.id, now.c.id).label("id"), *(it.label(f"l{n}") for n, it in enumerate(differs))
        )
        changes = both.select_from(was.join(now, was.c.id == now.c.id, full=True)).cte("changes")
        changes = changes.prefix_with("MATERIALIZED")
        changed: list[ColumnElement[bool]] = [changes.c[f"l{n}"] for n in range(len(_LEVELS))]
        rows: list[Select[Any]] = [
            select(slim.c.id, literal_column(sign), *sides(self.register, slim), self._weights(slim, changed))
            .select_from(slim.join(changes, slim.c.id == changes.c.id))
            .where(or_(*changed))
            for sign, slim in (("-1", was), ("1", now))
        ]
        self.connection.execute(insert(_BOX).from_select(list(_BOX.c), union_all(*rows)))
        self.connection.execute(text("ANALYZE touched_box"))

    def _shown(self, slim: FromClause, level: int) -> list[ColumnElement[Any]]:
        fields = [slim.c[item.name] for item in self.register.tile_fields]
        if self.register.geometry_kind == "point":
            return [*fields, slim.c.point]
        return [*fields, slim.c.point, slim.c.size_m, shape_at(slim, level)]

    def _weights(self, slim: FromClause, changed: list[ColumnElement[bool]]) -> ColumnElement[Any]:
        if self.register.geometry_kind == "point":
            return array([case((is_changed, literal(1))) for is_changed in changed])
        sizes = [func.coalesce(func.ST_NPoints(shape_at(slim, level)), 1) for level in _LEVELS]
        return array([case((is_changed, size)) for is_changed, size in zip(changed, sizes, strict=True)])

    def stamp_all(self) -> None:
        """Stamp every tile that a touched box meets."""
        for z in self.zooms:
            self._stamp_met(z)

    def stamp_changed(self) -> None:
        """Stamp the tiles that show another content; where it takes too long to tell, all that may."""
        bounds = {"first": self.zooms.start, "last": MAX_ZOOM, "mid_from": MID_FROM_ZOOM, "full_from": FULL_FROM_ZOOM}
        for z, work in self.connection.execute(text(_script("drawing_work.sql")), bounds).all():
            if work > MOST_WORK:
                self._stamp_met(z)
            else:
                self._stamp_differing(z)

    def _met(self, z: int) -> FromClause:
        columns = [column(name, sqltypes.Integer) for name in ("id", "x", "y")]
        met = text(_script("tiles_met.sql")).bindparams(z=z, level=shape_level(z)).columns(*columns)
        return met.subquery("met")

    def _stamp_met(self, z: int) -> None:
        met = self._met(z)
        self._write(z, met.c.x, met.c.y)

    def _stamp_differing(self, z: int) -> None:
        met, was, now = self._met(z), self._was, self._now
        places = select(met.c.id, met.c.x, met.c.y).distinct().cte("place")
        x: ColumnElement[int] = literal_column("place.x")
        y: ColumnElement[int] = literal_column("place.y")
        drawn = [case((meets(self.register, it, z, x, y), picture(self.register, it, z, x, y))) for it in (was, now)]
        named = [[it.c[item.name] for item in self.register.tile_fields] for it in (was, now)]
        pairs = places.outerjoin(was, was.c.id == places.c.id).outerjoin(now, now.c.id == places.c.id)
        both = select(
            places.c.x, places.c.y, drawn[0].label("was"), drawn[1].label("now"), _differ(*named).label("is_renamed")
        )
        if self._is_thinned(z):
            both = both.add_columns(_differ([was.c.size_m], [now.c.size_m]).label("is_resized"))
        pictures = both.select_from(pairs).cte("picture").prefix_with("MATERIALIZED")
        is_other = _differ([pictures.c.was], [pictures.c.now])
        is_other |= and_(pictures.c.now.is_not(None), pictures.c.is_renamed)
        if self._is_thinned(z):
            # Which of the small areas close together is drawn is a matter of their sizes.
            is_other |= and_(pictures.c.is_resized, self._is_crowded(z, pictures.c.x, pictures.c.y))
        self._write(z, pictures.c.x, pictures.c.y, is_other)

    def _is_thinned(self, z: int) -> bool:
        return self.register.geometry_kind == "polygon" and not self.register.tile.keeps_all and z < FULL_FROM_ZOOM

    def _is_crowded(self, z: int, x: ColumnElement[int], y: ColumnElement[int]) -> ColumnElement[bool]:
        slim = slim_source(self.register, schema="reg")
        areas = select(func.count() > CROWD).select_from(slim).where(meets(self.register, slim, z, x, y))
        return areas.correlate_except(slim).scalar_subquery()

    def _write(self, z: int, x: ColumnElement[int], y: ColumnElement[int], *conditions: ColumnElement[bool]) -> None:
        place: list[ColumnElement[Any]] = [literal(self.register.id), literal(z), x, y, literal(self.revision)]
        tiles: Select[Any] = select(*place).where(*conditions).distinct()
        statement = upsert(TileStamp).from_select(["layer", "z", "x", "y", "revision"], tiles)
        key = [TileStamp.layer, TileStamp.z, TileStamp.x, TileStamp.y]
        revision = {"revision": statement.excluded.revision}
        self.connection.execute(statement.on_conflict_do_update(index_elements=key, set_=revision))


def _differ(some: list[ColumnElement[Any]], others: list[ColumnElement[Any]]) -> ColumnElement[bool]:
    """Whether two rows differ in any byte; a value that is equal but written otherwise makes another tile, too."""
    return func.record_image_ne(func.row(*some), func.row(*others), type_=sqltypes.Boolean)
