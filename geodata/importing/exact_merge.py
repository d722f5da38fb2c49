"""One row that is the whole new state of a record, as an edit has it: what it leaves empty shall be empty."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Table, and_, delete, exists, or_, text, update

from geodata.importing.merge import Merge, row_key


class ExactMerge(Merge):
    """The merge of rows that say of a record all that they are mapped to.

    A file says nothing where a cell is empty beside the record itself: it may lack a code or the head of a household.
    Here an empty value of a mapped field takes such away. A row that gives no record's id is a new record, whatever
    stands in its place already; what must be unique is refused.
    """

    def match(self) -> None:
        """Match the row; the database must know that there is one only, else it reads the register for it."""
        self.connection.execute(text(f"ANALYZE {self.staging.fullname}"))
        super().match()

    def _matches(self) -> Sequence[tuple[ColumnElement[bool], FromClause | None]]:
        return []

    def _differences(self) -> list[ColumnElement[bool]]:
        return [*super()._differences(), *self._emptied()]

    def apply(self, revision: int) -> None:
        """Write the changes, then take away what was emptied; the history has noted it before."""
        super().apply(revision)
        self._retire_codes()
        for table, columns in self._one_to_one():
            self._empty(table, columns)

    def _emptied(self) -> list[ColumnElement[bool]]:
        """Return the conditions under which a row takes something away that stands beside its record."""
        found: list[ColumnElement[bool]] = [value.is_(None) & stands for value, stands in self._code_parts()]
        for table, columns in self._one_to_one():
            own = table.c.feature_id == self.live.c.id
            found += [
                value.is_(None) & exists().where(own, table.c[name].is_not(None)) for name, value in columns.items()
            ]
        return found

    def _code_parts(self) -> list[tuple[Column[Any], ColumnElement[bool]]]:
        """Return each staged value of a code, its details too, with whether the record has one."""
        found: list[tuple[Column[Any], ColumnElement[bool]]] = []
        for scheme, given in self._mapped_codes():
            assert self.register.codes is not None
            codes = self.register.codes.__table__
            own = and_(codes.c.feature_id == self.live.c.id, codes.c.scheme == scheme, codes.c.status == "active")
            found += [(value, exists().where(own, codes.c[name].is_not(None))) for name, value in given.items()]
        return found

    def _mapped_codes(self) -> list[tuple[str, dict[str, Column[Any]]]]:
        """Return the schemes with their mapped columns; how the code was written goes with the code."""
        mapped = ((scheme, {name: value for name, value in given.items() if value.name in self.mapped})
                  for scheme, given in self.codes)  # fmt: skip
        return [(scheme, given) for scheme, given in mapped if given]

    def _one_to_one(self) -> list[tuple[Table, dict[str, Column[Any]]]]:
        """Return the tables with one row a record, with their mapped columns."""
        return [
            (table, {name: value for name, value in columns.items() if value.name in self.mapped})
            for table, columns in self.companions()
            if not row_key(table)
        ]

    def _retire_codes(self) -> None:
        staged = self.staging
        for scheme, given in self._mapped_codes():
            assert self.register.codes is not None
            codes = self.register.codes.__table__
            own = and_(codes.c.feature_id == staged.c.target, codes.c.scheme == scheme, codes.c.status == "active")
            for name, value in given.items():
                left = {"status": "retired"} if name == "value" else {name: None}
                self.connection.execute(update(codes).values(**left).where(own, value.is_(None), staged.c.is_changed))

    def _empty(self, table: Table, columns: dict[str, Column[Any]]) -> None:
        """Empty what the rows leave empty; a row in which nothing stands any more goes."""
        staged = self.staging
        own = and_(table.c.feature_id == staged.c.target, staged.c.is_changed)
        for name, value in columns.items():
            self.connection.execute(update(table).values({name: None}).where(own, value.is_(None)))
        told = [column.is_not(None) for column in table.c if not column.primary_key]
        self.connection.execute(delete(table).where(own, ~or_(*told)))
