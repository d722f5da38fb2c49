"""Which states of the past can stand again: rules of the tables are asked before anything is written."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Connection,
    FromClause,
    Index,
    Subquery,
    Table,
    and_,
    exists,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    union,
    update,
)

from geodata.register import Register
from geodata.states import read_row, read_rows_beside


def leave_broken(connection: Connection, register: Register, undo: FromClause) -> None:
    """Leave the records alone that would break a rule of the register's tables.

    Parameters
    ----------
    undo : FromClause
        The temporary table: ``id``, ``wanted`` (the state to come), ``action``, ``fields``.
    """
    stored = _stored(register, undo)
    rules = list(_broken_rules(register, stored))
    # All at once first: mostly none is broken, and each look reads every state out of its document.
    if connection.scalar(select(exists(select(stored.c.undo_id).where(or_(*(rule for rule, _ in rules)))))):
        for condition, fields in rules:
            _leave(connection, undo, select(stored.c.undo_id).where(condition), fields)
    # A record that is left keeps its codes, which another may have wanted.
    while any(_leave(connection, undo, broken, fields) for broken, fields in _taken_keys(register, undo)):
        pass


def _leave(connection: Connection, undo: Any, ids: Any, fields: Sequence[str]) -> int:
    statement = update(undo).values(action=null(), wanted=null(), fields=list(fields))
    return connection.execute(statement.where(undo.c.id.in_(ids))).rowcount


def _stored(register: Register, undo: FromClause) -> Subquery:
    """Return the states to come as rows of the register's table."""
    live = register.table
    row = read_row(live, undo.c.wanted, "row")
    states = select(undo.c.id.label("undo_id"), *(row.c[item.name] for item in live.c))
    return states.select_from(undo.join(row, true())).where(undo.c.wanted.is_not(None)).subquery("stored")


def _broken_rules(register: Register, stored: Subquery) -> Iterator[tuple[ColumnElement[bool], list[str]]]:
    """Yield when a state breaks a rule of its own row, with the fields it is about."""
    live = register.table
    for rule in live.constraints:
        if isinstance(rule, CheckConstraint):
            words = set(re.findall(r"\w+", str(rule.sqltext)))
            fields = [item.name for item in live.c if item.name in words]
            yield literal_column(f"({rule.sqltext}) IS FALSE"), fields
    for item in live.c:
        if not item.nullable and item.computed is None and item.server_default is None and item.identity is None:
            yield stored.c[item.name].is_(None), [item.name]


def _taken_keys(register: Register, undo: FromClause) -> Iterator[tuple[Any, list[str]]]:
    """Yield the ids of records that would have what only one may have, with its fields."""
    tables = [register.table] if register.codes is None else [register.table, register.codes.__table__]
    for table in tables:
        for index in table.indexes:
            if index.unique:
                yield _rivals(register, undo, table, index)


def _rivals(register: Register, undo: FromClause, table: Table, index: Index) -> tuple[Any, list[str]]:
    names = [item.name for item in index.columns]
    condition = index.dialect_options["postgresql"]["where"]
    where = true() if condition is None else literal_column(f"({condition})")
    is_own = table is register.table
    rows = read_row(table, undo.c.wanted, "row") if is_own else read_rows_beside(table, undo.c.wanted)
    wanted = select(undo.c.id.label("owner"), *(rows.c[name] for name in names))
    wanted = wanted.select_from(undo.join(rows, true())).where(undo.c.wanted.is_not(None), where)
    owner = table.c.id if is_own else table.c.feature_id
    # Not "not in": with more ids than fit into memory the database would go through all of them for each record.
    is_going = exists().where(undo.c.id == owner, undo.c.action.is_not(None))
    held = select(owner.label("owner"), *(table.c[name] for name in names)).where(~is_going, where)
    mine, theirs, others = wanted.subquery("mine"), held.subquery("theirs"), wanted.subquery("others")
    taken = select(mine.c.owner).join(theirs, _same(mine, theirs, names))
    second = select(mine.c.owner).join(others, and_(_same(mine, others, names), mine.c.owner > others.c.owner))
    fields = names if is_own else [table.name]
    return union(taken, second), fields


def _same(left: Subquery, right: Subquery, names: Sequence[str]) -> ColumnElement[bool]:
    return and_(literal(True), *(left.c[name] == right.c[name] for name in names))  # noqa: FBT003  SQL's own
