"""Staged rows against the live register: which are new, which change something, and the change itself.

Every statement is built from the declaration with SQLAlchemy Core; names come from code, values are bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert

from geodata.db import Actor
from geodata.derived import geometry_names
from geodata.importing.staging import raw_name
from geodata.ops import Change
from geodata.register import Register


@dataclass(frozen=True)
class Merge:
    """The merge of one staging table into its register.

    Attributes
    ----------
    mapped : tuple of str
        Fields that the file itself gave; only these change a record that is there already.
    is_bulk : bool
        The register was empty: there is nothing to compare with, and no index to keep.
    """

    connection: Connection
    register: Register
    staging: Table
    mapped: tuple[str, ...]
    is_bulk: bool = False

    @property
    def live(self) -> Table:
        """The register's table."""
        return self.register.table

    @cached_property
    def _main_names(self) -> list[str]:
        return [column.name for column in self.staging.c if column.name in self.live.c and column.name != "uuid"]

    @cached_property
    def _updated_names(self) -> list[str]:
        geometries = set(geometry_names(self.register))
        # The commune goes with the place: a record that moves must not stay with those who had it before.
        wanted = {*self.mapped, *geometries, *self.register.derived, "commune_code"}
        return [name for name in self._main_names if name in wanted]

    @cached_property
    def _codes(self) -> list[tuple[str, dict[str, Column[Any]]]]:
        """Scheme and staged columns of each code that the file gives, by the column of the code table they fill."""
        staged = self.staging.c
        found = []
        for item in self.register.code_fields:
            if item.scheme is not None and item.name in staged:
                details = {detail.column.key: detail.name for detail in self.register.code_details(item)}
                wanted = {"value": item.name, "raw": raw_name(item), **details}
                found.append((item.scheme, {key: staged[name] for key, name in wanted.items() if name in staged}))
        return found

    def match(self) -> None:
        """Set ``target`` of the staged rows that the register knows, and ``is_changed`` where they differ from it."""
        for condition, joined in self._matches():
            self.connection.execute(
                update(self.staging).values(target=self.live.c.id).where(self.staging.c.target.is_(None), condition)
                if joined is None
                else update(self.staging)
                .values(target=joined.c.feature_id)
                .where(self.staging.c.target.is_(None), condition)
            )
        self.connection.execute(
            update(self.staging)
            .values(is_changed=or_(*self._differences()))
            .where(self.staging.c.target == self.live.c.id)
        )
        self._part_rivals()

    def _part_rivals(self) -> None:
        """Where several rows would change one record, let the first do so; the others are records of their own."""
        staged = self.staging
        rank = func.row_number().over(partition_by=staged.c.target, order_by=staged.c.row_number).label("rank")
        ranked = select(staged.c.row_number, rank).where(staged.c.is_changed).subquery()
        later = select(ranked.c.row_number).where(ranked.c.rank > 1)
        statement = update(staged).values(target=None, is_changed=None).where(staged.c.row_number.in_(later))
        self.connection.execute(statement)

    def _matches(self) -> Sequence[tuple[ColumnElement[bool], FromClause | None]]:
        """Return how a staged row may meet a record: by key, else by being the same in place and content."""
        found: list[tuple[ColumnElement[bool], FromClause | None]] = []
        names = [name for name in self.register.key if name in self.staging.c]
        is_keyed = len(names) == len(self.register.key) > 0
        schemes = {item.name: item.scheme for item in self.register.code_fields}
        without_key: list[ColumnElement[bool]] = []
        if is_keyed and names[0] in schemes:
            assert self.register.codes is not None
            codes = self.register.codes.__table__
            value = self.staging.c[names[0]]
            active = and_(codes.c.scheme == schemes[names[0]], codes.c.status == "active", codes.c.value == value)
            found.append((active, codes))
            without_key = [value.is_(None)]
        elif is_keyed:
            same = [self.staging.c[name] == self.live.c[name] for name in names]
            current = [self.live.c.valid_to.is_(None)] if "valid_to" in self.live.c else []
            if current and "valid_from" in self.mapped:
                found.append((and_(*same, self.staging.c.valid_from == self.live.c.valid_from), None))
            found.append((and_(*same, *current), None))
            without_key = [or_(*(self.staging.c[name].is_(None) for name in names))]
        geometry = self.register.geometry.key
        if geometry in self.staging.c:
            same_place = self.staging.c[geometry].op("=", is_comparison=True)(self.live.c[geometry])
            # What is the same in everything goes first, so that two households at one door do not change places.
            identical = [~difference for difference in self._differences()]
            found.append((and_(*without_key, same_place, *identical), None))
            others = self.staging.alias("others")
            is_free = ~exists().where(others.c.target == self.live.c.id)
            similar = [~difference for difference in self._main_differences()]
            found.append((and_(*without_key, same_place, *similar, is_free), None))
        return found

    @cached_property
    def _has_place(self) -> ColumnElement[bool]:
        """Whether a staged row has a place; without one a record stays where it is, and in its commune."""
        names = [name for name in geometry_names(self.register) if name in self.staging.c]
        return or_(*(self.staging.c[name].is_not(None) for name in names)) if names else false()

    def _updated(self, name: str) -> ColumnElement[Any]:
        """Return what a field of a record that is there already becomes."""
        staged, live = self.staging.c[name], self.live.c[name]
        goes_with_place = {*geometry_names(self.register), *self.register.derived}
        if "commune_code" in self.register.write.model_fields:
            goes_with_place.add("commune_code")
        return case((self._has_place, staged), else_=live) if name in goes_with_place else staged

    def _main_differences(self) -> list[ColumnElement[bool]]:
        return [self._updated(name).is_distinct_from(self.live.c[name]) for name in self._updated_names]

    def _differences(self) -> list[ColumnElement[bool]]:
        found = self._main_differences()
        for scheme, given in self._codes:
            assert self.register.codes is not None
            codes = self.register.codes.__table__
            stands = exists().where(
                codes.c.feature_id == self.live.c.id, codes.c.scheme == scheme, codes.c.status == "active",
                codes.c.value == given["value"],
                *(or_(value.is_(None), codes.c[name] == value) for name, value in given.items() if name != "raw"),
            )  # fmt: skip
            found.append(and_(given["value"].is_not(None), ~stands))
        for table, columns in self._companions():
            found.append(and_(_is_given(table, columns), ~self._stands(table, columns)))
        return found

    def _stands(self, table: Table, columns: Mapping[str, Column[Any]]) -> ColumnElement[bool]:
        """Whether a companion table has a row for the record in which all is as the file gives it."""
        key = _row_key(table)
        same = [table.c.feature_id == self.live.c.id, *(table.c[name] == columns[name] for name in key)]
        for name, value in columns.items():
            if not key:
                same.append(or_(value.is_(None), value.is_not_distinct_from(table.c[name])))
            elif value.name in self.mapped:
                same.append(value.is_not_distinct_from(table.c[name]))
        return exists().where(*same)

    def _companions(self) -> list[tuple[Table, dict[str, Column[Any]]]]:
        """Companion tables that the file fills, with the staged columns by the column they fill."""
        found = []
        for table, fields in self.register.companion_fields.items():
            columns = {item.column.key: self.staging.c[item.name] for item in fields if item.name in self.staging.c}
            if columns and set(_row_key(table)) <= columns.keys():
                found.append((table, columns))
        return found

    def taken_codes(self) -> Sequence[Any]:
        """Return (row number, scheme, value) of staged codes that another record holds already."""
        if self.register.codes is None:
            return []
        codes = self.register.codes.__table__
        found: list[Any] = []
        for scheme, given in self._codes:
            value = given["value"]
            found += self.connection.execute(
                select(self.staging.c.row_number, literal(scheme), value)
                .join(codes, and_(codes.c.scheme == scheme, codes.c.value == value, codes.c.status == "active"))
                .where(self.staging.c.target.is_distinct_from(codes.c.feature_id))
            ).all()
        return found

    def foreign_records(self, actor: Actor) -> Sequence[Any]:
        """Return (row number, commune) of staged rows that would change a record outside the actor's communes."""
        if actor.communes is None or not self.register.is_in_communes:
            return []
        staged, live = self.staging, self.live
        rows = select(staged.c.row_number, live.c.commune_code).join(live, live.c.id == staged.c.target)
        return self.connection.execute(
            rows.where(staged.c.is_changed, live.c.commune_code.not_in(actor.communes))
        ).all()

    def broken_rules(self) -> Sequence[Any]:
        """Return (row number, vi, en) of rows that would break a rule of the table as it would then stand."""
        merged = self._merged()
        found: list[Any] = []
        for rule in self.live.constraints:
            if isinstance(rule, CheckConstraint):
                # The rule's words name columns, which `merged` has; as in the database, unknown is not broken.
                is_broken: ColumnElement[bool] = literal_column(f"({rule.sqltext}) IS FALSE")
                words = (literal(rule.info[language]) for language in ("vi", "en"))
                found += self.connection.execute(select(merged.c.row_number, *words).where(is_broken)).all()
        return found

    def taken_keys(self) -> Sequence[Any]:
        """Return (row number, column, value) of rows that would have the key of another record, an ended one too."""
        merged, live = self._merged(), self.live
        found: list[Any] = []
        for index in live.indexes:
            if index.unique:
                names = [column.name for column in index.columns]
                same = and_(*(merged.c[name] == live.c[name] for name in names))
                rows = select(merged.c.row_number, literal(names[0]), merged.c[names[0]])
                rows = rows.join(live, and_(same, merged.c.target.is_distinct_from(live.c.id)))
                found += self.connection.execute(rows).all()
        return found

    def placeless(self) -> Sequence[int]:
        """Return the row numbers of new records that need a place and have none."""
        if not self.register.needs_place:
            return []
        rows = select(self.staging.c.row_number).where(self._is_new, ~self._has_place)
        return self.connection.scalars(rows).all()

    def _merged(self) -> Subquery:
        """Return what would be written, as it would then stand: the file's values, else those of the record."""
        staged, live = self.staging, self.live
        columns: list[ColumnElement[Any]] = [staged.c.row_number, staged.c.target]
        for column in live.c:
            value: ColumnElement[Any] = column
            if column.name in self._main_names:
                changed = self._updated(column.name) if column.name in self._updated_names else column
                value = case((self._is_new, staged.c[column.name]), else_=changed)
            columns.append(value.label(column.name))
        rows = select(*columns).select_from(staged.outerjoin(live, live.c.id == staged.c.target))
        return rows.where(self._is_touched).subquery("merged")

    def drop_rows(self, row_numbers: Sequence[int]) -> None:
        """Take rows out of the staging table."""
        self.connection.execute(delete(self.staging).where(self.staging.c.row_number.in_(row_numbers)))

    def counts(self) -> tuple[int, int]:
        """Return how many rows are new and how many change a record."""
        new = func.count().filter(self.staging.c.target.is_(None))
        changed = func.count().filter(self.staging.c.is_changed)
        row = self.connection.execute(select(new, changed).select_from(self.staging)).one()
        return int(row[0]), int(row[1])

    def apply(self, revision: int) -> None:
        """Write the changes of this revision: history first, then changed records, new ones, codes and companions."""
        if not self.is_bulk:
            self._update(revision)
        self._insert(revision)
        self._write_codes()
        self._write_companions()

    def touched(self) -> Select[Any]:
        """Return the ids of the records that the merge adds or changes."""
        return select(self._feature_id.label("id")).where(self._is_touched)

    @cached_property
    def _new_id(self) -> ColumnElement[int]:
        """The id of a new record: that of the file's first row is the first of a block, the second's the next.

        Reading it the first time takes the block, as many ids as the file has rows. Nobody else takes ids meanwhile,
        since all who do hold the register's lock.
        """
        sequence, top = f"reg.{self.register.id}_id_seq", select(func.max(self.staging.c.row_number)).scalar_subquery()
        last = self.connection.scalar(select(func.setval(sequence, func.nextval(sequence) + top - 1) - top))
        return literal(last) + self.staging.c.row_number

    @property
    def _feature_id(self) -> ColumnElement[int]:
        return func.coalesce(self.staging.c.target, self._new_id)

    @property
    def _is_new(self) -> ColumnElement[bool]:
        return self.staging.c.target.is_(None)

    @property
    def _is_touched(self) -> ColumnElement[bool]:
        return or_(self._is_new, self.staging.c.is_changed)

    def _update(self, revision: int) -> None:
        staged, live = self.staging, self.live
        changed = and_(staged.c.target == live.c.id, staged.c.is_changed)
        before = func.to_jsonb(literal_column(f"{live.schema}.{live.name}.*")).op("||")(self._beside())
        row = (literal(self.register.id), literal(revision), live.c.id, live.c.uuid, literal("U"), before)
        names = ["register", "revision", "feature_id", "feature_uuid", "operation", "before"]
        self.connection.execute(insert(Change).from_select(names, select(*row).where(changed)))
        values = {name: self._updated(name) for name in self._updated_names}
        self.connection.execute(update(live).values(**values, revision=revision, updated_at=func.now()).where(changed))

    def _beside(self) -> ColumnElement[Any]:
        """Return a record's codes and lists by table, as they stand; nothing of what is private stays for ever."""
        tables = [side.table for side in self.register.lists]
        if self.register.codes is not None:
            tables.append(self.register.codes.__table__)
        parts: list[Any] = []
        for table in tables:
            row = func.to_jsonb(literal_column(f"{table.schema}.{table.name}.*")).op("-")("feature_id")
            rows = select(func.jsonb_agg(aggregate_order_by(row, *table.primary_key)))
            parts += [
                literal_column(f"'{table.name}'"),
                rows.where(table.c.feature_id == self.live.c.id).scalar_subquery(),
            ]
        return func.jsonb_strip_nulls(func.jsonb_build_object(*parts))

    def _insert(self, revision: int) -> None:
        staged, live = self.staging, self.live
        names = self._main_names
        rows = select(self._new_id, staged.c.uuid, literal(revision), *(staged.c[name] for name in names))
        order = [staged.c[name] for name in geometry_names(self.register) if name in staged.c]
        # Hilbert order: neighbours on the map become neighbours on the disk.
        self.connection.execute(
            insert(live).from_select(["id", "uuid", "revision", *names], rows.where(self._is_new).order_by(*order))
        )

    def _write_codes(self) -> None:
        """Write the codes; one that a record no longer has stays with it, retired."""
        staged = self.staging
        for scheme, given in self._codes:
            assert self.register.codes is not None
            codes, value = self.register.codes.__table__, given["value"]
            rows = select(self._feature_id, literal(scheme), *given.values())
            rows = rows.where(value.is_not(None), self._is_touched)
            statement = upsert(codes).from_select(["feature_id", "scheme", *given], rows)
            if not self.is_bulk:
                old = and_(codes.c.scheme == scheme, codes.c.feature_id == staged.c.target, codes.c.value != value)
                self.connection.execute(update(codes).values(status="retired").where(old, staged.c.is_changed))
                key = [codes.c.feature_id, codes.c.scheme, codes.c.value]
                kept = {name: func.coalesce(statement.excluded[name], codes.c[name]) for name in given}
                statement = statement.on_conflict_do_update(index_elements=key, set_={**kept, "status": "active"})
            self.connection.execute(statement)

    def _write_companions(self) -> None:
        for table, columns in self._companions():
            rows = select(self._feature_id, *columns.values()).where(self._is_touched, _is_given(table, columns))
            statement = upsert(table).from_select(["feature_id", *columns], rows)
            if not self.is_bulk:
                kept = {name: self._kept(table, statement, name, column.name) for name, column in columns.items()}
                statement = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=kept)
            self.connection.execute(statement)

    def _kept(self, table: Table, statement: Insert, name: str, field: str) -> ColumnElement[Any]:
        """Return what a column of a row that stands already becomes.

        In a list what the file gives, nothing included; what it does not give stays. Elsewhere nothing given is no
        reason to forget.
        """
        given, held = statement.excluded[name], table.c[name]
        if not _row_key(table):
            return func.coalesce(given, held)
        return given if field in self.mapped else func.coalesce(held, given)


def _row_key(table: Table) -> list[str]:
    """Names of the columns that tell the rows of one record apart; none in a one-to-one table."""
    return [column.name for column in table.primary_key if column.name != "feature_id"]


def _is_given(table: Table, columns: Mapping[str, Column[Any]]) -> ColumnElement[bool]:
    """Whether a staged row says anything for a companion table: all of its key, or anything at all without one."""
    key = [columns[name].is_not(None) for name in _row_key(table)]
    return and_(*key) if key else or_(*(column.is_not(None) for column in columns.values()))
