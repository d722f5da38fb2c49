"""Staged rows against the live register: which are new, which change something, and the change itself.

Every statement is built from the declaration with SQLAlchemy Core; names come from code, values are bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Row,
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
    or_,
    select,
    sql,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

from geodata.ddl import shown_rows
from geodata.derived import geometry_names
from geodata.history import Counts, note_before
from geodata.importing.given_ids import STAGED
from geodata.importing.staging import raw_name
from geodata.register import Register
from geodata.removal import remove_records

Mode = Literal["upsert", "replace", "append", "edit"]

_REMOVED = sql.table("removed", sql.column("id"))


@dataclass(frozen=True)
class Merge:
    """The merge of one staging table into its register.

    Attributes
    ----------
    mapped : tuple of str
        Fields that the file itself gave; only these change a record that is there already.
    is_bulk : bool
        The register was empty: there is nothing to compare with, and no index to keep.
    mode : str
        ``upsert`` adds and changes, ``append`` only adds, ``replace`` also removes what the communes of the file have
        beside its rows; ``edit``: see `geodata.importing.exact_merge.ExactMerge`.
    commune : str, optional
        The commune that ``replace`` is about; without it those that the rows name.
    kept : tuple of int
        Ids of records whose rows were refused: they are not removed.
    is_whole : bool
        An officer's own export; any other file may lack what the public does not see, so ``replace`` leaves that.
    """

    connection: Connection
    register: Register
    staging: Table
    mapped: tuple[str, ...]
    is_bulk: bool = False
    mode: Mode = "upsert"
    commune: str | None = None
    kept: tuple[int, ...] = ()
    is_whole: bool = False

    @property
    def live(self) -> Table:
        """The register's table."""
        return self.register.table

    @cached_property
    def _main_names(self) -> list[str]:
        return [column.name for column in self.staging.c if column.name in self.live.c and column.name != "uuid"]

    @cached_property
    def updated_names(self) -> list[str]:
        """Columns of the register's table that change where a row changes a record."""
        geometries = set(geometry_names(self.register))
        # The commune goes with the place: a record that moves must not stay with those who had it before.
        wanted = {*self.mapped, *geometries, *self.register.derived, "commune_code"}
        return [name for name in self._main_names if name in wanted]

    @cached_property
    def codes(self) -> list[tuple[str, dict[str, Column[Any]]]]:
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
        """Set ``target`` of the staged rows that the register knows, and ``is_changed`` where they differ from it.

        What an earlier look found is forgotten: others may have published since.
        """
        self.connection.execute(
            update(self.staging).values(target=None, is_changed=None).where(self.staging.c.target.is_not(None))
        )
        self._match_ids()
        for condition, joined in self._matches():
            target = self.live.c.id if joined is None else joined.c.feature_id
            statement = update(self.staging).values(target=target)
            self.connection.execute(statement.where(self.staging.c.target.is_(None), condition))
        self.connection.execute(
            update(self.staging)
            .values(is_changed=or_(*self._differences()))
            .where(self.staging.c.target == self.live.c.id)
        )
        self._part_rivals()

    def _match_ids(self) -> None:
        """Let each row that gives the id of a record be that record's."""
        if STAGED in self.staging.c:
            same = self.staging.c[STAGED] == self.live.c.uuid
            self.connection.execute(update(self.staging).values(target=self.live.c.id).where(same))

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
    def has_place(self) -> ColumnElement[bool]:
        """Whether a staged row has a place; without one a record stays where it is, and in its commune."""
        names = [name for name in geometry_names(self.register) if name in self.staging.c]
        return or_(*(self.staging.c[name].is_not(None) for name in names)) if names else false()

    def updated(self, name: str) -> ColumnElement[Any]:
        """Return what a field of a record that is there already becomes."""
        staged, live = self.staging.c[name], self.live.c[name]
        goes_with_place = {*geometry_names(self.register), *self.register.derived}
        if "commune_code" in self.register.write.model_fields:
            goes_with_place.add("commune_code")
        return case((self.has_place, staged), else_=live) if name in goes_with_place else staged

    def _main_differences(self) -> list[ColumnElement[bool]]:
        return [self.updated(name).is_distinct_from(self.live.c[name]) for name in self.updated_names]

    def _differences(self) -> list[ColumnElement[bool]]:
        found = self._main_differences()
        for scheme, given in self.codes:
            assert self.register.codes is not None
            codes = self.register.codes.__table__
            stands = exists().where(
                codes.c.feature_id == self.live.c.id, codes.c.scheme == scheme, codes.c.status == "active",
                codes.c.value == given["value"],
                *(or_(value.is_(None), codes.c[name] == value) for name, value in given.items() if name != "raw"),
            )  # fmt: skip
            found.append(and_(given["value"].is_not(None), ~stands))
        for table, columns in self.companions():
            found.append(and_(_is_given(table, columns), ~self._stands(table, columns)))
        return found

    def _stands(self, table: Table, columns: Mapping[str, Column[Any]]) -> ColumnElement[bool]:
        """Whether a companion table has a row for the record in which all is as the file gives it."""
        key = row_key(table)
        same = [table.c.feature_id == self.live.c.id, *(table.c[name] == columns[name] for name in key)]
        for name, value in columns.items():
            if not key:
                same.append(or_(value.is_(None), value.is_not_distinct_from(table.c[name])))
            elif value.name in self.mapped:
                same.append(value.is_not_distinct_from(table.c[name]))
        return exists().where(*same)

    def companions(self) -> list[tuple[Table, dict[str, Column[Any]]]]:
        """Companion tables that the file fills, with the staged columns by the column they fill."""
        found = []
        for table, fields in self.register.companion_fields.items():
            columns = {item.column.key: self.staging.c[item.name] for item in fields if item.name in self.staging.c}
            if columns and set(row_key(table)) <= columns.keys():
                found.append((table, columns))
        return found

    def merged(self) -> Subquery:
        """Return what would be written, as it would then stand: the file's values, else those of the record."""
        staged, live = self.staging, self.live
        columns: list[ColumnElement[Any]] = [staged.c.row_number, staged.c.target]
        for column in live.c:
            value: ColumnElement[Any] = column
            if column.name in self._main_names:
                changed = self.updated(column.name) if column.name in self.updated_names else column
                value = case((self.is_new, staged.c[column.name]), else_=changed)
            columns.append(value.label(column.name))
        rows = select(*columns).select_from(staged.outerjoin(live, live.c.id == staged.c.target))
        return rows.where(self.is_touched).subquery("merged")

    def drop_rows(self, row_numbers: Sequence[int]) -> list[int]:
        """Take rows out of the staging table; returns the ids of the records they are about."""
        dropped = delete(self.staging).where(self.staging.c.row_number.in_(row_numbers))
        found = self.connection.scalars(dropped.returning(self.staging.c.target)).all()
        return [target for target in found if target is not None]

    @cached_property
    def _totals(self) -> Row[Any]:
        """Of the staged rows how many are ``new`` and ``changed``, and the ``last`` one's number."""
        staged = self.staging.c
        new = func.count().filter(staged.target.is_(None)).label("new")
        changed, last = func.count().filter(staged.is_changed), func.max(staged.row_number)
        rows = select(new, changed.label("changed"), last.label("last")).select_from(self.staging)
        return self.connection.execute(rows).one()

    def counts(self) -> Counts:
        """Return how many records the merge adds, changes and removes; asked for once all rows are as they stay."""
        removed = 0
        if self.removes:
            removed = self.connection.scalar(select(func.count()).select_from(self.removed().subquery())) or 0
        return Counts(self._totals.new, self._totals.changed, removed)

    @property
    def removes(self) -> bool:
        """Whether records may vanish."""
        return self.mode == "replace" and not self.is_bulk

    def communes(self) -> Select[Any]:
        """Return the communes whose records are replaced: the one chosen, else those that the rows name."""
        if self.commune is not None:
            return select(literal(self.commune))
        return select(self.staging.c.commune_code).where(self.staging.c.commune_code.is_not(None)).distinct()

    def removed(self) -> Select[Any]:
        """Return the ids of records of the replaced communes that the file has no row for."""
        live = self.live
        if not self.removes:
            return select(live.c.id).where(false())
        is_kept = exists().where(self.staging.c.target == live.c.id)
        found = select(live.c.id).where(live.c.commune_code.in_(self.communes()), ~is_kept)
        if not self.is_whole and (shown := shown_rows(self.register)) is not None:
            found = found.where(shown)
        return found.where(live.c.id.not_in(self.kept)) if self.kept else found

    def spared(self) -> int:
        """Count the records that stay because the public does not see them."""
        stays = select(func.count()).select_from(
            replace(self, is_whole=True).removed().except_(self.removed()).subquery()
        )
        return self.connection.scalar(stays) or 0 if self.removes else 0

    def apply(self, revision: int) -> None:
        """Write the changes of this revision: history first, then changed records, new ones, codes and companions."""
        if self.removes:
            self.connection.execute(text("CREATE TEMP TABLE removed (id bigint NOT NULL) ON COMMIT DROP"))
            self.connection.execute(insert(_REMOVED).from_select(["id"], self.removed()))
            self.connection.execute(text("ANALYZE removed"))
            remove_records(self.connection, self.register, revision, select(_REMOVED.c.id))
        if not self.is_bulk:
            self._update(revision)
        self._insert(revision)
        self._write_codes()
        self._write_companions()

    def touched(self) -> Select[Any]:
        """Return the ids of the records that the merge has added, changed or removed."""
        written = select(self._feature_id.label("id")).where(self.is_touched)
        return select(written.union_all(select(_REMOVED.c.id)).subquery().c.id) if self.removes else written

    @cached_property
    def _new_id(self) -> ColumnElement[int]:
        """The id of a new record: that of the file's first row is the first of a block, the second's the next.

        Reading it the first time takes the block, as many ids as the file has rows. Nobody else takes ids meanwhile,
        since all who do hold the register's lock.
        """
        sequence, top = f"reg.{self.register.id}_id_seq", self._totals.last
        last = self.connection.scalar(select(func.setval(sequence, func.nextval(sequence) + top - 1) - top))
        return literal(last) + self.staging.c.row_number

    @property
    def _feature_id(self) -> ColumnElement[int]:
        return func.coalesce(self.staging.c.target, self._new_id)

    @property
    def is_new(self) -> ColumnElement[bool]:
        """Whether a staged row becomes a record of its own."""
        return self.staging.c.target.is_(None)

    @property
    def is_touched(self) -> ColumnElement[bool]:
        """Whether a staged row adds or changes a record."""
        return or_(self.is_new, self.staging.c.is_changed)

    def _update(self, revision: int) -> None:
        staged, live = self.staging, self.live
        changed = and_(staged.c.target == live.c.id, staged.c.is_changed)
        note_before(self.connection, self.register, revision, select(staged.c.target).where(staged.c.is_changed), "U")
        values = {name: self.updated(name) for name in self.updated_names}
        self.connection.execute(update(live).values(**values, revision=revision, updated_at=func.now()).where(changed))

    def _insert(self, revision: int) -> None:
        staged, live = self.staging, self.live
        names = self._main_names
        rows = select(self._new_id, staged.c.uuid, literal(revision), *(staged.c[name] for name in names))
        order = [staged.c[name] for name in geometry_names(self.register) if name in staged.c]
        # Hilbert order: neighbours on the map become neighbours on the disk.
        self.connection.execute(
            insert(live).from_select(["id", "uuid", "revision", *names], rows.where(self.is_new).order_by(*order))
        )

    def _write_codes(self) -> None:
        """Write the codes; one that a record no longer has stays with it, retired."""
        staged = self.staging
        for scheme, given in self.codes:
            assert self.register.codes is not None
            codes, value = self.register.codes.__table__, given["value"]
            rows = select(self._feature_id, literal(scheme), *given.values())
            rows = rows.where(value.is_not(None), self.is_touched)
            statement = upsert(codes).from_select(["feature_id", "scheme", *given], rows)
            if not self.is_bulk:
                old = and_(codes.c.scheme == scheme, codes.c.feature_id == staged.c.target, codes.c.value != value)
                self.connection.execute(update(codes).values(status="retired").where(old, staged.c.is_changed))
                key = [codes.c.feature_id, codes.c.scheme, codes.c.value]
                kept = {name: func.coalesce(statement.excluded[name], codes.c[name]) for name in given}
                statement = statement.on_conflict_do_update(index_elements=key, set_={**kept, "status": "active"})
            self.connection.execute(statement)

    def _write_companions(self) -> None:
        for table, columns in self.companions():
            rows = select(self._feature_id, *columns.values()).where(self.is_touched, _is_given(table, columns))
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
        if not row_key(table):
            return func.coalesce(given, held)
        return given if field in self.mapped else func.coalesce(held, given)


def row_key(table: Table) -> list[str]:
    """Names of the columns that tell the rows of one record apart; none in a one-to-one table."""
    return [column.name for column in table.primary_key if column.name != "feature_id"]


def _is_given(table: Table, columns: Mapping[str, Column[Any]]) -> ColumnElement[bool]:
    """Whether a staged row says anything for a companion table: all of its key, or anything at all without one."""
    key = [columns[name].is_not(None) for name in row_key(table)]
    return and_(*key) if key else or_(*(column.is_not(None) for column in columns.values()))
