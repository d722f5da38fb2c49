"""Counts per cell of a dense point register, brought up to date inside the publish that changed it.

The cells of tile zoom z are those of the world cut 2^(z + 6) times. What changes in them is worked out at the highest
counted zoom and added up from zoom to zoom, so an edit of a few records touches a few rows of each.

Guarded records are counted in groups of at least five: those of a cell of the highest zoom are a group where they are five
or more, else they are loose; the loose ones of four cells that make one are a group there where they are five together,
else they stay loose, and so on upwards. Every number that is shown of guarded records (`geodata.ddl`) is a sum of whole
groups, so no difference of two tells of fewer than five.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    any_,
    case,
    cast,
    column,
    delete,
    except_,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    table,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from geodata.derived import (
    BLOCKS_ACROSS,
    CELLS_ACROSS,
    FIRST_BLOCK,
    SMALLEST_COUNT,
    grid_table,
    guarded_column,
    kind_columns,
    tile_table,
)
from geodata.finished import unfinish
from geodata.ops import TileStamp
from geodata.register import Register

CELL_ZOOMS = CELLS_ACROSS.bit_length() - 1
"""How many zooms below its tile a cell is a tile itself."""

_HALF_WORLD_M = 20037508.342789244
_PLACE = ("z", "x", "y", "cell")

MOST_COMPARED = 20_000
"""Changed cells of all zooms that are looked at, about half a second; where there are more, all tiles are stamped that may show another count."""


def still_loose(loose: ColumnElement[int]) -> ColumnElement[int]:
    """Return how many loose records of a cell do not become a group in it."""
    return case((loose < SMALLEST_COUNT, loose), else_=0)


class Counting:
    """Keeps the counts of one register in step with its slim copy.

    Parameters
    ----------
    connection : Connection
        In the publish's transaction.
    register : Register
        With ``tile.counts_below``.
    revision : int
    """

    def __init__(self, connection: Connection, register: Register, revision: int) -> None:
        assert register.tile.counts_below is not None
        self.connection, self.register, self.revision = connection, register, revision
        self.top = register.tile.counts_below - 1
        self.grid, self.slim = grid_table(register), tile_table(register)
        self.kinds = kind_columns(register)
        self.guarded = guarded_column(register)
        self.delta, self._noted, self._shown_before = _work_tables(register)

    def note(self, sign: int, is_touched: ColumnElement[bool]) -> None:
        """Note what the slim copy holds of the touched records: before the change (-1) or after it (+1)."""
        self._noted.create(self.connection, checkfirst=True)
        slim, legend = self.slim, self.register.legend_field
        cell_m = 2 * _HALF_WORLD_M / (1 << self.top + CELL_ZOOMS)
        half, side = (literal(number, Double) for number in (_HALF_WORLD_M, cell_m))
        across = func.floor((func.ST_X(slim.c.point) + half) / side)
        down = func.floor((half - func.ST_Y(slim.c.point)) / side)
        value = cast(null(), Text) if legend is None else slim.c[legend.name]
        points = select(cast(across, Integer).label("cx"), cast(down, Integer).label("cy"), value.label("value"))
        cells = points.where(is_touched).subquery()
        keys = (cells.c.cx, cells.c.cy, cells.c.value)
        rows = select(*keys, cast(sign * func.count(), Integer)).group_by(*keys)
        self.connection.execute(insert(self._noted).from_select(["cx", "cy", "value", "change"], rows))

    def finish(self) -> None:
        """Bring the counts of every zoom up to date and stamp the tiles that show others now."""
        bulk = bool(self.connection.scalar(select(func.ops.begin_bulk_load(self.grid.name))))
        self.delta.create(self.connection, checkfirst=False)
        self._add_up(self.top, self._changes_at_top(), was_empty=bulk)
        for z in range(self.top - 1, -1, -1):
            self._add_up(z, self._changes_from_below(z), was_empty=bulk)
        is_compared = not bulk and self._count_changes() <= MOST_COMPARED
        if is_compared:
            self._shown_before.create(self.connection)
            shown = self._shown()
            self.connection.execute(insert(self._shown_before).from_select(list(shown.selected_columns.keys()), shown))
        self._write(is_new=bulk)
        if bulk:
            self.connection.execute(select(func.ops.end_bulk_load(self.grid.name)))
        else:
            self._drop_empty()
        if is_compared:
            self._stamp(self._shown_otherwise())
            self._shown_before.drop(self.connection)
        else:
            self._stamp(self._changed())
        self._unfinish(is_new=bulk)
        self._noted.drop(self.connection)

    def _changes_at_top(self) -> Select[Any]:
        noted = self._noted
        kinds = [
            func.coalesce(func.sum(noted.c.change).filter(noted.c.value == value), 0).label(name)
            for value, name in self.kinds.items()
        ]
        return select(noted.c.cx, noted.c.cy, func.sum(noted.c.change).label("count"), *kinds).group_by(
            noted.c.cx, noted.c.cy
        )

    def _changes_from_below(self, z: int) -> Select[Any]:
        delta = self.delta
        across, down = delta.c.cx.op(">>")(1).label("cx"), delta.c.cy.op(">>")(1).label("cy")
        names = ("count", "occupied", *self.kinds.values())
        sums = [func.sum(delta.c[name]).label(name) for name in names]
        sums.append(func.sum(delta.c.carried).label("loose"))
        return select(across, down, *sums).where(delta.c.z == z + 1).group_by(across, down)

    def _add_up(self, z: int, changes: Select[Any], *, was_empty: bool) -> None:
        """Write down what changes in the cells of a zoom, with what follows from what they held."""
        new = changes.subquery("new")
        old_count: ColumnElement[int] = literal(0)
        old_loose: ColumnElement[int] = literal(0)
        source: FromClause = new
        if not was_empty:
            held = self._held(z, new)
            source = new.outerjoin(held, true())
            old_count = func.coalesce(held.c["count"], 0)
            old_loose = func.coalesce(held.c.loose, 0)
        is_top = z == self.top
        occupied = _change_of_sign(old_count, new.c["count"]) if is_top else new.c.occupied
        loose: ColumnElement[int] = literal(0)
        if self.guarded is not None:
            loose = new.c[self.guarded] if is_top else new.c.loose
        carried = still_loose(old_loose + loose) - still_loose(old_loose)
        kinds = {name: new.c[name] for name in self.kinds.values()}
        row = {"z": literal(z), "cx": new.c.cx, "cy": new.c.cy, "count": new.c["count"], "occupied": occupied,
               "loose": loose, "carried": carried, **kinds}  # fmt: skip
        is_other = or_(new.c["count"] != 0, occupied != 0, loose != 0, *(kind != 0 for kind in kinds.values()))
        rows = select(*(value.label(name) for name, value in row.items())).select_from(source).where(is_other)
        self.connection.execute(insert(self.delta).from_select(list(row), rows))

    def _held(self, z: int, new: FromClause) -> Any:
        """Return what a cell held before, looked up cell by cell: nobody knows how few they are but we."""
        grid = self.grid
        loose = grid.c.loose if self.guarded is not None else literal(0)
        x, y, cell = _place(new.c.cx, new.c.cy)
        here = and_(grid.c.z == z, grid.c.x == x, grid.c.y == y, grid.c.cell == cell)
        return select(grid.c["count"], loose.label("loose")).where(here).offset(0).lateral("held")

    def _write(self, *, is_new: bool) -> None:
        grid, delta = self.grid, self.delta
        whole = ["count", "occupied", *(["loose"] if self.guarded is not None else [])]
        kinds = list(self.kinds.values())
        values = [delta.c[name] for name in whole] + [func.nullif(delta.c[name], 0) for name in kinds]
        rows = select(delta.c.z, *_place(delta.c.cx, delta.c.cy), *values)
        statement = upsert(grid).from_select([*_PLACE, *whole, *kinds], rows)
        if not is_new:
            new = statement.excluded
            sums = {name: grid.c[name] + new[name] for name in whole}
            sums |= {
                name: func.nullif(func.coalesce(grid.c[name], 0) + func.coalesce(new[name], 0), 0) for name in kinds
            }
            statement = statement.on_conflict_do_update(index_elements=[grid.c[name] for name in _PLACE], set_=sums)
        self.connection.execute(statement)

    def _drop_empty(self) -> None:
        grid, delta = self.grid, self.delta
        x, y, cell = _place(delta.c.cx, delta.c.cy)
        here = and_(grid.c.z == delta.c.z, grid.c.x == x, grid.c.y == y, grid.c.cell == cell, delta.c["count"] < 0)
        self.connection.execute(delete(grid).where(here, grid.c["count"] <= 0))

    def _tile(self) -> tuple[ColumnElement[int], ColumnElement[int], ColumnElement[int]]:
        """Return zoom, column and row of the tile that shows a cell in which something changes."""
        delta = self.delta
        return delta.c.z, delta.c.cx.op(">>")(CELL_ZOOMS), delta.c.cy.op(">>")(CELL_ZOOMS)

    def _unfinish(self, *, is_new: bool) -> None:
        """Throw away every finished layer that shows something else now under whatever policy."""
        tiles = select(*self._tile()).where(self.delta.c.z >= self.register.tile.min_zoom)
        unfinish(self.connection, self.register, tiles.distinct(), is_new=is_new)

    def stamp_all(self) -> None:
        """Stamp every tile that has counts."""
        grid = self.grid
        self._stamp(select(grid.c.z, grid.c.x, grid.c.y).where(grid.c.z >= self.register.tile.min_zoom).distinct())

    def _tiles(self) -> Select[Any]:
        """Select the tiles with changes, and the numbers of the cells and blocks in which they are."""
        z, cx, cy = (self.delta.c[name] for name in ("z", "cx", "cy"))
        (x, y, cell), side = _place(cx, cy), CELLS_ACROSS // BLOCKS_ACROSS
        block = cy % CELLS_ACROSS // side * BLOCKS_ACROSS + cx % CELLS_ACROSS // side + FIRST_BLOCK
        cells = func.array_cat(func.array_agg(cell), func.array_agg(block.distinct())).label("cells")
        rows = select(z, x.label("x"), y.label("y"), cells).group_by(z, x, y)
        return rows.where(z >= self.register.tile.min_zoom)

    def _count_changes(self) -> int:
        return self.connection.scalar(select(func.count()).select_from(self.delta)) or 0

    def _shown(self) -> Select[Any]:
        """Select what the changed cells and their blocks show, as the public has it at this moment."""
        tiles, names = self._tiles().subquery("tile"), [item.name for item in self._shown_before.c]
        view = table(self.grid.name, *(column(name) for name in names), schema="open")
        is_here = [view.c[name] == tiles.c[name] for name in ("z", "x", "y")]
        # By OFFSET the view is asked tile by tile, and not for the counts of all.
        here = select(view).where(*is_here, view.c.cell == any_(tiles.c.cells)).offset(0).lateral("here")
        return select(*(here.c[name].label(name) for name in names)).select_from(tiles.join(here, true()))

    def _shown_otherwise(self) -> Select[Any]:
        before, now = select(self._shown_before), self._shown()
        other = union_all(except_(before, now), except_(now, before)).subquery("other")
        return select(other.c.z, other.c.x, other.c.y).distinct()

    def _changed(self) -> Select[Any]:
        """Select the tiles with changes; whether they show something else is not looked into."""
        delta = self.delta
        changes = [delta.c[name] != 0 for name in ("count", "occupied", *self.kinds.values())]
        if self.guarded is not None:
            # Where each guarded record is shown by itself, nothing is grouped.
            changes.append(
                and_(delta.c.loose != 0, text("(SELECT policy FROM open.publication_policy) <> 'code_point'"))
            )
        z, x, y = self._tile()
        rows: Select[Any] = select().add_columns(z, x, y).distinct()
        return rows.where(or_(*changes), delta.c.z >= self.register.tile.min_zoom)

    def _stamp(self, tiles: Select[Any]) -> None:
        """Stamp tiles that show something else now."""
        z, x, y = tiles.selected_columns
        names = ["layer", "z", "x", "y", "revision"]
        stamped = tiles.with_only_columns(literal(self.register.id), z, x, y, literal(self.revision))
        statement = upsert(TileStamp).from_select(names, stamped)
        key = [TileStamp.layer, TileStamp.z, TileStamp.x, TileStamp.y]
        revision = {"revision": statement.excluded.revision}
        self.connection.execute(statement.on_conflict_do_update(index_elements=key, set_=revision))


@cache
def _work_tables(register: Register) -> tuple[Table, Table, Table]:
    """Return the tables of what changes in each cell, of what was noted and of what was shown.

    They are made once, or no statement would be kept.
    """
    # `carried` is what a cell hands on of loose records to the cell above.
    kinds = kind_columns(register).values()
    names = ("z", "cx", "cy", "count", "occupied", "loose", "carried", *kinds)
    noted = [Column(name, Integer) for name in ("cx", "cy", "change")]
    shown = [Column(name, Integer) for name in (*_PLACE, "count", *kinds)]
    return (
        _temporary("cell_delta", *(Column(name, Integer) for name in names)),
        _temporary("counted", *noted, Column("value", Text)),
        _temporary("shown_before", *shown, Column("coverage", Double)),
    )


def _temporary(name: str, *columns: Column[Any]) -> Table:
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def _place(cx: ColumnElement[int], cy: ColumnElement[int]) -> tuple[ColumnElement[int], ...]:
    """Return the tile that shows a cell, and the cell's number in it."""
    cell = (cy % CELLS_ACROSS) * CELLS_ACROSS + cx % CELLS_ACROSS
    return cx.op(">>")(CELL_ZOOMS), cy.op(">>")(CELL_ZOOMS), cell


def _change_of_sign(held: ColumnElement[int], change: ColumnElement[int]) -> ColumnElement[int]:
    """Return 1 where a cell that held nothing holds something now, -1 where it is the other way round."""
    return cast(held + change > 0, Integer) - cast(held > 0, Integer)
