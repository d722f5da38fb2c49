"""States of records as the history keeps them, read back as the rows they were made of."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, column, func, literal_column


def read_row(table: Table, document: ColumnElement[Any], name: str) -> FromClause:
    """Return the row of a register's table that a state holds, under a name for the statement.

    It is a function of ``document``: whatever that comes from has to stand before it in the FROM list.
    """
    columns: list[ColumnElement[Any]] = [column(item.name) for item in table.c]
    empty: ColumnElement[Any] = literal_column(f"NULL::{table.fullname}")
    return func.jsonb_populate_record(empty, document).table_valued(*columns, name=name)


def read_rows_beside(table: Table, document: ColumnElement[Any]) -> FromClause:
    """Return the rows that a state holds of a table beside the register's; their ``feature_id`` is null."""
    columns: list[ColumnElement[Any]] = [column(item.name) for item in table.c]
    rows = func.nullif(document.op("->")(literal_column(f"'{table.name}'")), literal_column("'null'::jsonb"))
    empty: ColumnElement[Any] = literal_column(f"NULL::{table.fullname}")
    return func.jsonb_populate_recordset(empty, rows).table_valued(*columns, name=table.name)
