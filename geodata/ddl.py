"""The database objects around a register's tables, written out as SQL from its declaration.

A migration holds this text frozen in ``migrations/sql``; ``python -m geodata.ddl REGISTER`` prints it for a new
one, and a test compares what stands in the database with what the declaration says today.
"""

import sys
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    ColumnClause,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql import coercions, roles
from sqlalchemy.sql.visitors import replacement_traverse

from geodata.db import PUBLIC_ROLE, STAFF_ROLE, WORKER_ROLE
from geodata.derived import (
    BLOCKS_ACROSS,
    CELLS_ACROSS,
    FIRST_BLOCK,
    SMALLEST_COUNT,
    finished_table,
    geometry_names,
    grid_table,
    guarded_column,
    kind_columns,
    placed_table,
    tile_table,
    written_table,
)
from geodata.ops import Change
from geodata.register import Field, Register, SideList
from geodata.registers import get_register
from geodata.states import read_row, read_rows_beside

POLICY = "(SELECT value FROM ops.setting WHERE name = 'publication_policy')"


def shown_rows(register: Register) -> ColumnElement[bool] | None:
    """Return the condition under which a row may be public, or None where all are.

    The policy stands in a scalar sub-query so that the database reads it once a statement, not once a row; it comes
    first so that where it shows everything no row is looked at.
    """
    conditions: list[ColumnElement[bool]] = []
    if register.guarded is not None:
        conditions.append(or_(literal_column(f"{POLICY} = 'code_point'"), not_(register.guarded)))
    if register.hidden is not None and register.hidden.withheld:
        conditions.append(register.table.c[register.hidden.field].not_in(register.hidden.withheld))
    return and_(*conditions) if conditions else None


class _Live:
    """Records as they are: a register's row, and the rows beside it that name it."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.row: FromClause = register.table
        self.name = f"reg.{register.id}"

    def expression(self, item: Any) -> ColumnElement[Any]:
        """Return an expression over the register's columns as one over those of the source."""
        found: ColumnElement[Any] = item
        return found

    def identity(self) -> list[ColumnElement[Any]]:
        """Return the record's number and uuid."""
        return [self.register.table.c.id, self.register.table.c.uuid]

    def shown_if(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return when a value is shown that is public on a condition only."""
        return condition

    def beside(self, table: Table) -> tuple[FromClause, ColumnElement[bool]]:
        """Return the rows of a table beside the register's, and which of them are the record's."""
        return table, table.c.feature_id == self.row.c.id


class _Replaced(_Live):
    """Records as the history keeps them: all in one document, which is read back as the rows it was made of."""

    def __init__(self, register: Register) -> None:
        super().__init__(register)
        self.name = "past"
        self.row = read_row(register.table, Change.__table__.c.before, self.name)

    def expression(self, item: Any) -> ColumnElement[Any]:
        """Return the expression over the row read back."""

        def moved(element: Any, **_: Any) -> Any:
            is_own = isinstance(element, ColumnClause) and getattr(element.table, "name", "") == self.register.id
            return self._value(element) if is_own else None

        written: ColumnElement[Any] = coercions.expect(roles.ExpressionElementRole, item)
        found: ColumnElement[Any] = replacement_traverse(written, {}, moved)
        return found

    def _value(self, item: Any) -> ColumnElement[Any]:
        """Return a value of the document, a text by itself: to make the whole row of it takes ten times as long."""
        name: ColumnElement[Any] = literal_column(f"'{item.name}'")
        text = Change.__table__.c.before.op("->>", return_type=Text())(name)
        if item.name == self.register.table.c.revision.name:
            return cast(text, BigInteger)
        return text if type(self.register.table.c[item.name].type) is Text else self.row.c[item.name]

    def identity(self) -> list[ColumnElement[Any]]:
        """Return number and uuid from the history's own columns, which have an index; the document has none."""
        return [Change.feature_id.label("id"), Change.feature_uuid.label("uuid")]

    def shown_if(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return when a value of the past is shown: a consent that was taken back holds for it no more."""
        live = self.register.table
        is_taken_back = exists().where(live.c.id == self.row.c.id, condition.is_not(true()))
        return and_(self.expression(condition), not_(is_taken_back))

    def beside(self, table: Table) -> tuple[FromClause, ColumnElement[bool]]:
        """Return the rows of a table as they stand in the document."""
        return read_rows_beside(table, Change.__table__.c.before), true()


def _public_expression(source: _Live, item: Field) -> ColumnElement[object]:
    if item.scheme is not None:
        assert source.register.codes is not None
        codes, own = source.beside(source.register.codes.__table__)
        return (
            select(codes.c.value)
            .where(own, codes.c.scheme == item.scheme, codes.c.status == "active")
            .order_by(codes.c.value)
            .limit(1)
            .scalar_subquery()
            .label(item.name)
        )
    if item.public_if is not None:
        return case((source.shown_if(item.public_if), source.expression(item.column))).label(item.name)
    return source.expression(item.column).label(item.name)


def _list_expression(source: _Live, side: SideList) -> ColumnElement[object]:
    """Return the rows of a list as one JSON array, null where there is none."""
    rows, own = source.beside(side.table)
    names = [item.column.key for item in source.register.list_fields(side)]
    parts = [part for name in names for part in (literal(name), rows.c[name])]
    order = [rows.c[key.name] for key in side.table.primary_key if key.name != "feature_id"]
    array = func.json_agg(aggregate_order_by(func.json_build_object(*parts), *order))
    statement = select(array).where(own)
    if side.withheld is not None:
        statement = statement.where(rows.c[side.withheld.field].not_in(side.withheld.withheld))
    return statement.scalar_subquery().label(side.name)


def _sql(statement: ClauseElement) -> str:
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # untyped upstream
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _public_columns(source: _Live) -> list[ColumnElement[Any]]:
    register = source.register
    c = register.table.c
    engine = [*source.identity(), *(source.expression(item).label(item.name) for item in (c.revision, c.updated_at))]
    # Columns are wrapped as plain ones: the geometry type would add ST_AsEWKB to a select.
    geometries: list[ColumnElement[object]] = [
        literal_column(f"{source.name}.{name}").label(name) for name in geometry_names(register)
    ]
    fields = [_public_expression(source, item) for item in register.public_fields]
    lists = [_list_expression(source, side) for side in register.lists]
    return [*engine, *fields, *lists, *geometries]


def view_select(register: Register) -> str:
    """Return the SELECT behind ``open.<register>``: ids, public fields, geometry columns."""
    statement = select(*_public_columns(_Live(register)))
    condition = shown_rows(register)
    return _sql(statement if condition is None else statement.where(condition))


def states_view_select(register: Register) -> str:
    """Return the SELECT behind ``open.<register>_states``: every state that records have or had.

    The columns are those of ``open.<register>``, and ``until``: the revision that ended the state, null for what is
    so now. A state began with its ``revision``; so the register as it was after revision n are the states with
    ``revision <= n`` and ``until`` null or above n.
    """
    condition = shown_rows(register)
    live = select(*_public_columns(_Live(register)), literal_column("NULL::bigint").label("until"))
    return _sql(union_all(live if condition is None else live.where(condition), _replaced(register)))


def replaced_view_select(register: Register) -> str:
    """Return the SELECT behind ``open.<register>_replaced``: the states that hold no more.

    They are those of ``open.<register>_states`` with ``until``. By themselves they come in the order of the history's
    index; under a UNION the database would sort them all for each page.
    """
    return _sql(_replaced(register))


def _replaced(register: Register) -> Select[Any]:
    condition = shown_rows(register)
    source = _Replaced(register)
    replaced = select(*_public_columns(source), Change.revision.label("until"))
    replaced = replaced.select_from(Change.__table__, source.row).where(Change.register == register.id)
    return replaced if condition is None else replaced.where(source.expression(condition))


def tile_view_select(register: Register) -> str:
    """Return the SELECT behind ``open.<register>_tile``: the slim copy, less what the policy guards."""
    return _guarded_copy_select(register, tile_table(register))


def placed_view_select(register: Register) -> str:
    """Return the SELECT behind ``open.<register>_placed``: the points in their tiles, less what the policy guards."""
    return _guarded_copy_select(register, placed_table(register))


def placed_at_all_select(register: Register) -> str:
    """Return the SELECT behind ``open.<register>_placed_at_all``: one row where points are placed, guarded or not.

    Its order leads along the index: what a load took back lies as dead rows at the beginning of the table.
    """
    return f"SELECT 1 AS one FROM (SELECT FROM reg.{placed_table(register).name} ORDER BY tile, id LIMIT 1) AS found"


def written_view_select(register: Register) -> str:
    """Return the SELECT behind ``open.<register>_written``: nothing where the policy guards any record."""
    guard = "" if register.guarded is None else f" WHERE {POLICY} = 'code_point'"
    return f"SELECT id, feature, place FROM reg.{written_table(register).name}{guard}"


def _guarded_copy_select(register: Register, slim: Table) -> str:
    columns: list[ColumnElement[object]] = [
        literal_column(f"reg.{slim.name}.{column.name}").label(column.name) for column in slim.c
    ]
    statement = select(*columns).select_from(slim)
    if register.guarded is None:
        return _sql(statement)
    guard = str(register.guarded.compile(compile_kwargs={"literal_binds": True}))
    guard = guard.replace(f"reg.{register.id}.", f"reg.{slim.name}.")
    return _sql(statement.where(literal_column(f"({POLICY} = 'code_point' OR NOT ({guard}))")))


def grid_view_select(register: Register) -> str:
    """Return the SELECT behind ``open.<register>_grid``: counts per cell, in whole and by value, and the coverage.

    Coverage is the share of the cell's area that lies in occupied cells of the highest counted zoom, in percent.

    Where the policy guards records, a cell shows those of its groups alone (`geodata.counting`). Groups that are made
    of cells of one block of 16 by 16 are counted for the block, numbered from 4096 on. A block is one cell four zooms
    above; what is loose there still is in none of its groups. Coverage would tell of single records.
    """
    source, guarded = f"reg.{register.id}_grid", guarded_column(register)
    kinds = list(kind_columns(register).values())
    assert register.tile.counts_below is not None
    all_cells = f"(1::bigint << 2 * ({register.tile.counts_below - 1} - z))"
    coverage = f"round(occupied * 1000::float8 / {all_cells}) / 10 AS coverage"
    whole = f"SELECT {', '.join(['z', 'x', 'y', 'cell', 'count', *kinds, coverage])}\nFROM {source}"
    if guarded is None:
        return whole
    loose = f"CASE WHEN loose < {SMALLEST_COUNT} THEN loose ELSE 0 END"
    grouped = [f"nullif({name} - {loose}, 0)" if name == guarded else name for name in kinds]
    merged = ["grouped" if name == guarded else "NULL" for name in kinds]
    return (
        f"{whole} WHERE {POLICY} = 'code_point'\nUNION ALL\n"
        f"SELECT {', '.join(['z', 'x', 'y', 'cell', f'count - {loose}', *grouped, 'NULL'])}\nFROM {source}\n"
        f"WHERE {POLICY} <> 'code_point' AND count > {loose}\nUNION ALL\n"
        f"SELECT {', '.join(['z', 'x', 'y', f'(block + {FIRST_BLOCK})::smallint', 'grouped', *merged, 'NULL'])}\n"
        f"FROM (\n{_blocks(source, loose)}\n) merged WHERE grouped >= {SMALLEST_COUNT}"
    )


def _blocks(source: str, loose: str) -> str:
    """Return the SELECT of the blocks of each tile with the guarded records that are in groups made of their cells."""
    side = CELLS_ACROSS // BLOCKS_ACROSS
    block = f"(cell / {CELLS_ACROSS * side} * {BLOCKS_ACROSS} + cell % {CELLS_ACROSS} / {side})"
    across, down = (f"(b.{axis} * {BLOCKS_ACROSS} + {place})" for axis, place in
                    (("x", f"block % {BLOCKS_ACROSS}"), ("y", f"block / {BLOCKS_ACROSS}")))  # fmt: skip
    own = f"{down} % {CELLS_ACROSS} * {CELLS_ACROSS} + {across} % {CELLS_ACROSS}"
    return (
        f"SELECT b.z, b.x, b.y, block, b.loose - {loose.replace('loose', 'above.loose')} AS grouped\n"
        f"FROM (SELECT z, x, y, {block} AS block, sum({loose})::integer AS loose\n"
        f"FROM {source} WHERE loose > 0 AND {POLICY} <> 'code_point' GROUP BY z, x, y, {block}) b\n"
        f"JOIN {source} above ON above.z = b.z - {side.bit_length() - 1}\n"
        f"AND above.x = {across} / {CELLS_ACROSS} AND above.y = {down} / {CELLS_ACROSS} AND above.cell = {own}"
    )


def finished_view_select(register: Register) -> str:
    """Return the SELECT behind ``open.<register>_finished``: the layers made under the policy that is in force."""
    return f"SELECT z, x, y, drawing, mvt FROM reg.{finished_table(register).name} WHERE policy = {POLICY}"


def _row_level_security(register: Register) -> Iterator[str]:
    table = f"reg.{register.id}"
    condition = "ops.in_scope(commune_code)" if register.is_in_communes else "ops.in_scope(NULL)"
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"CREATE POLICY staff ON {table} FOR SELECT TO {STAFF_ROLE} USING ({condition})"
    yield f"CREATE POLICY worker ON {table} TO {WORKER_ROLE} USING (true) WITH CHECK (true)"
    sides = list(register.companion_fields) + ([register.codes.__table__] if register.codes else [])
    for side in sides:
        yield f"ALTER TABLE reg.{side.name} ENABLE ROW LEVEL SECURITY"
        visible = f"EXISTS (SELECT 1 FROM {table} f WHERE f.id = feature_id)"
        yield f"CREATE POLICY staff ON reg.{side.name} FOR SELECT TO {STAFF_ROLE} USING ({visible})"
        yield f"CREATE POLICY worker ON reg.{side.name} TO {WORKER_ROLE} USING (true) WITH CHECK (true)"


def _grants(register: Register) -> Iterator[str]:
    sides = [side.name for side in register.companion_fields]
    if register.codes is not None:
        sides.append(register.codes.__table__.name)
    derived = [tile_table(register).name]
    if register.is_dense:
        derived += [table(register).name for table in (placed_table, written_table, grid_table, finished_table)]
    for name in (register.id, *sides, *derived):
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON reg.{name} TO {WORKER_ROLE}"
    yield f"GRANT USAGE, UPDATE ON SEQUENCE reg.{register.id}_id_seq TO {WORKER_ROLE}"
    for name in (register.id, *(side.table.name for side in register.lists)):
        yield f"GRANT SELECT ON reg.{name} TO {STAFF_ROLE}"


def register_statements(register: Register) -> Iterator[str]:
    """Yield the statements that a register needs after its tables exist: views, grants, row-level security."""
    views = {
        register.id: view_select(register),
        f"{register.id}_tile": tile_view_select(register),
        f"{register.id}_states": states_view_select(register),
        f"{register.id}_replaced": replaced_view_select(register),
    }
    if register.is_dense:
        views[placed_table(register).name] = placed_view_select(register)
        views[f"{placed_table(register).name}_at_all"] = placed_at_all_select(register)
        views[written_table(register).name] = written_view_select(register)
        views[grid_table(register).name] = grid_view_select(register)
        views[finished_table(register).name] = finished_view_select(register)
    if register.codes is not None:
        codes = register.codes.__table__.name
        views[codes] = (
            f"SELECT c.feature_id, c.scheme, c.value FROM reg.{codes} c JOIN open.{register.id} f "
            "ON f.id = c.feature_id WHERE c.status = 'active'"
        )
    for name, body in views.items():
        yield f"CREATE VIEW open.{name} AS\n{body}"
        yield f"GRANT SELECT ON open.{name} TO {PUBLIC_ROLE}, {STAFF_ROLE}, {WORKER_ROLE}"
    if register.is_dense:
        # Read whole, and sent as they are: to unpack them took longer than to read them.
        yield f"ALTER TABLE reg.{finished_table(register).name} ALTER COLUMN mvt SET STORAGE EXTERNAL"
    yield from _grants(register)
    yield from _row_level_security(register)


def main(names: list[str]) -> None:
    """Print the statements of the named registers, to be frozen in a migration."""
    for name in names:
        for statement in register_statements(get_register(name)):
            sys.stdout.write(f"{statement};\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
