"""How many rows the database's planner expects of a statement."""

from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement, Executable


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explain)
def _compile(element: _Explain, compiler: Any, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


def estimate_rows(connection: Connection, statement: Select[Any]) -> int:
    """Return how many rows the planner expects of a statement, without running it."""
    return int(connection.scalar(_Explain(statement))[0]["Plan"]["Plan Rows"])
