"""What is derived from a register, brought up to date inside the publish that changed it.

The slim tile copy, the counts per cell, the tile stamps and the search entries change in the same transaction as the
records, so no reader ever sees one without the other.
"""

from importlib.resources import files
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    SelectBase,
    Table,
    case,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    table,
    text,
    true,
    update,
)
from sqlalchemy import types as sqltypes

from geodata.counting import CELL_ZOOMS, Counting
from geodata.coverage import SharedBorders
from geodata.derived import search_table, tile_table
from geodata.drawing import ANY_GEOMETRY, LOW_TOLERANCE_M, MID_TOLERANCE_M, slim_source
from geodata.ops import TileStamp
from geodata.placed import add_placed, is_placed, remove_placed
from geodata.register import Register
from geodata.stamps import SIDES, Stamps, sides
from geodata.written import forget, is_kept, rewrite

_TOUCHED, _WAS = table("touched", column("id")), table("slim_was", column("id"))
_POINTS = """CREATE TEMP VIEW touched_box AS SELECT NULL::bigint AS id, 1 AS sign,
    x AS west, y AS south, x AS east, y AS north, '{{1,1,1}}'::int[] AS weights FROM (SELECT ST_X(point) AS x, ST_Y(point) AS y FROM {slim} OFFSET 0) p"""
# OFFSET keeps the two numbers from being taken out of the point anew wherever they are used.
_CELLS = """CREATE OR REPLACE TEMP VIEW touched_box AS SELECT NULL::bigint AS id, 1 AS sign,
    cx * m - half AS west, half - (cy + 1) * m AS south, (cx + 1) * m - half AS east, half - cy * m AS north,
    '{{1,1,1}}'::int[] AS weights
    FROM cell_delta, (SELECT half, 2 * half / (1 << {zoom}) AS m FROM (VALUES (float8 '20037508.342789244')) w (half)) s
    WHERE z = {top}"""


def _script(name: str) -> Executable:
    return text(files("geodata").joinpath("sql", name).read_text(encoding="utf-8"))


class Refresh:
    """Brings up to date what is derived from the touched records of one register.

    Parameters
    ----------
    connection : Connection
        In the publish's transaction, after the records were changed.
    register : Register
    revision : int
    """

    def __init__(self, connection: Connection, register: Register, revision: int) -> None:
        self.connection = connection
        self.register = register
        self.revision = revision
        self.slim = tile_table(register)
        self.stamps = Stamps(connection, register, revision)

    def run(self, touched: Select[Any] | None) -> None:
        """Refresh everything for the records whose ids ``touched`` selects; None stands for all of a new register."""
        self.touches_all = touched is None
        self.connection.execute(text("CREATE TEMP TABLE touched (id bigint NOT NULL) ON COMMIT DROP"))
        counting = Counting(self.connection, self.register, self.revision) if self.register.tile.counts_below else None
        # All points of a new register lie in the slim copy as they are; nothing need be written down beside it.
        are_ready = self.touches_all and self.register.geometry_kind == "point"
        self.connection.execute(text(_POINTS.format(slim=self.slim)) if are_ready else _script("touched_box.sql"))
        if touched is not None:
            self.connection.execute(insert(_TOUCHED).from_select(["id"], touched))
            self.connection.execute(text("ANALYZE touched"))
            self._keep_slim("slim_was", select(_TOUCHED.c.id))
            if counting is not None:
                counting.note(-1, self._is_touched(self.slim.c.id))
        self._rewrite_slim()
        if self.register.tile.shares_borders:
            self._draw_shared()
        if not self.touches_all:
            self._keep_slim("slim_now", select(_TOUCHED.c.id).union(select(_WAS.c.id)))
            self.stamps.note_changes()
        elif not are_ready:
            self._note_boxes()
        if counting is not None:
            counting.note(1, self._is_touched(self.slim.c.id))
            counting.finish()
        if counting is not None and are_ready:
            # The cells that hold points are a twentieth of them. They meet every tile that the points do, and of those
            # beside, in which a new register had nothing to show before either, a few more.
            self.connection.execute(text(_CELLS.format(top=counting.top, zoom=counting.top + CELL_ZOOMS)))
        if self.touches_all:
            self.stamps.stamp_all()
            self.connection.execute(select(func.ops.analyze_tile_stamps()))
        else:
            self.stamps.stamp_changed()
        if self.register.is_named:
            self._search()
        self._write_features()
        self.connection.execute(text(f"DROP {'VIEW' if are_ready else 'TABLE'} touched_box"))
        self.connection.execute(text("DROP TABLE IF EXISTS touched, cell_delta, slim_was, slim_now"))

    def restamp(self) -> None:
        """Stamp every tile that shows something or ever did, since another policy holds."""
        self.connection.execute(
            update(TileStamp).where(TileStamp.layer == self.register.id).values(revision=self.revision)
        )
        self.connection.execute(_script("touched_box.sql"))
        self._note_boxes()
        self.stamps.stamp_all()
        self.connection.execute(text("DROP TABLE touched_box"))
        if self.register.tile.counts_below is not None:
            Counting(self.connection, self.register, self.revision).stamp_all()

    def _is_touched(self, column: ColumnElement[int]) -> ColumnElement[bool]:
        return true() if self.touches_all else column.in_(select(_TOUCHED.c.id))

    def _keep_slim(self, name: str, ids: SelectBase) -> None:
        """Copy rows of the slim copy, as they were or as they are now, without those that the policy hides."""
        self.connection.execute(text(f"CREATE TEMP TABLE {name} (LIKE {self.slim}) ON COMMIT DROP"))
        names = [item.name for item in self.slim.c]
        slim, kept = (table(it, *map(column, names), schema=at) for it, at in ((self.slim.name, "open"), (name, None)))
        self.connection.execute(insert(kept).from_select(names, select(slim).where(slim.c.id.in_(ids))))
        self.connection.execute(text(f"ANALYZE {name} (id)"))

    def _note_boxes(self) -> None:
        """Note where all records of a new register lie."""
        slim = slim_source(self.register, self.slim.name, self.slim.schema)
        rows = select(literal(1), *sides(self.register, slim), literal_column("'{1,1,1}'::int[]"))
        box = table("touched_box", *(column(one) for one in ("sign", *SIDES, "weights")))
        self.connection.execute(insert(box).from_select(["sign", *SIDES, "weights"], rows))
        self.connection.execute(text("ANALYZE touched_box"))

    def _rewrite_slim(self) -> None:
        """Write the slim copy anew, and move the points that stand in their tiles along with it."""
        is_kept_placed = not self.touches_all and self.register.is_dense and is_placed(self.connection, self.register)
        if is_kept_placed:
            remove_placed(self.connection, self.register)
        bulk = self._begin_bulk(self.slim)
        if not bulk:
            self.connection.execute(delete(self.slim).where(self._is_touched(self.slim.c.id)))
        rows = self._slim_rows()
        self.connection.execute(insert(self.slim).from_select([column.name for column in rows.selected_columns], rows))
        if bulk:
            self._end_bulk(self.slim)
        if is_kept_placed:
            add_placed(self.connection, self.register)

    def _draw_shared(self) -> None:
        """Draw the copies of areas that share borders, together with those of their neighbours."""
        borders = SharedBorders(self.connection, self.register)
        if self.touches_all:
            borders.draw_all()
        else:
            borders.redraw(select(_TOUCHED.c.id))

    def _begin_bulk(self, derived: Table) -> bool:
        return bool(self.connection.scalar(select(func.ops.begin_bulk_load(derived.name))))

    def _end_bulk(self, derived: Table) -> None:
        self.connection.execute(select(func.ops.end_bulk_load(derived.name)))

    def _slim_rows(self) -> Select[tuple[object, ...]]:
        live, register = self.register.table, self.register
        columns = [live.c.id, *(live.c[item.name] for item in register.tile_fields)]
        shapes = self._slim_geometries()
        statement = select(*columns, *shapes).where(self._is_touched(live.c.id))
        has_place = live.c[register.geometry.key].is_not(None)
        if register.point is not None:
            has_place |= live.c[register.point.key].is_not(None)
        statement = statement.where(has_place)
        if register.hidden is not None:
            statement = statement.where(live.c[register.hidden.field].not_in(register.hidden.values))
        # A register that was just loaded whole lies in Hilbert order already.
        return statement if self.touches_all else statement.order_by(live.c[register.geometry.key])

    def _slim_geometries(self) -> list[ColumnElement[Any]]:
        live, register = self.register.table, self.register
        shape = func.ST_Transform(live.c[register.geometry.key], 3857, type_=ANY_GEOMETRY)
        if register.geometry_kind == "point":
            return [shape.label("point")]
        point = func.ST_PointOnSurface(shape, type_=ANY_GEOMETRY)
        if register.point is not None:
            point = func.coalesce(point, func.ST_Transform(live.c[register.point.key], 3857, type_=ANY_GEOMETRY))
        size = func.greatest(func.ST_XMax(shape) - func.ST_XMin(shape), func.ST_YMax(shape) - func.ST_YMin(shape))
        size_m = func.coalesce(cast(size, sqltypes.Integer), 0).label("size_m")
        drawn: list[ColumnElement[Any]] = [size_m, point.label("point"), shape.label("geom")]
        if register.tile.shares_borders:
            return drawn
        tolerances = {"geom_mid": MID_TOLERANCE_M, "geom_low": LOW_TOLERANCE_M}
        return [*drawn, *(_simplified(shape, metres).label(name) for name, metres in tolerances.items())]

    def _write_features(self) -> None:
        if is_kept(self.register):
            (forget if self.touches_all else rewrite)(self.connection, self.register)

    def _search(self) -> None:
        entries, live, register = search_table(), self.register.table, self.register
        touched = (entries.c.register == register.id) & self._is_touched(entries.c.feature_id)
        self.connection.execute(delete(entries).where(touched))
        label = live.c[register.label]
        code = live.c.code if "code" in live.c else cast(null(), sqltypes.Text)
        shape = func.ST_PointOnSurface(live.c[register.geometry.key], type_=ANY_GEOMETRY)
        if register.point is not None:
            shape = func.coalesce(shape, live.c[register.point.key], type_=ANY_GEOMETRY)
        commune = live.c.commune_code if register.is_in_communes else cast(null(), sqltypes.Text)
        key = func.ops.search_key(func.concat_ws(" ", label, case((code != label, code))))
        rows = select(literal(register.id), live.c.id, live.c.uuid, label, code, func.concat(" ", key), commune, shape)
        rows = rows.where(self._is_touched(live.c.id), shape.is_not(None))
        if register.hidden is not None:
            rows = rows.where(live.c[register.hidden.field].not_in(register.hidden.withheld))
        names = ["register", "feature_id", "feature_uuid", "label", "code", "key", "commune_code", "point"]
        self.connection.execute(insert(entries).from_select(names, rows))


def _simplified(shape: ColumnElement[Any], tolerance_m: int) -> ColumnElement[Any]:
    simple = func.ST_SimplifyPreserveTopology(shape, tolerance_m, type_=ANY_GEOMETRY)
    return func.ST_Multi(func.ST_CollectionExtract(simple, 3, type_=ANY_GEOMETRY), type_=ANY_GEOMETRY)
