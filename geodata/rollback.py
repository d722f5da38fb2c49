"""Undoing a revision: a new one that gives back what it changed, adds what it removed and removes what it added.

Later revisions stay: of a record that one of them changed too, each field that only the undone revision changed gets
its value back, and the others are left and named. Decision 0017 says why.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Connection,
    Table,
    Text,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql import insert as upsert

from geodata.db import Actor
from geodata.derived import geometry_names
from geodata.errors import NotAllowedError
from geodata.history import (
    Counts,
    announce,
    get_revision,
    lock_register,
    note_before,
    private_state_of,
    require_latest,
    start_revision,
    state_of,
)
from geodata.importing.publish import SORT_MEMORY
from geodata.ops import Change, Revision
from geodata.refresh import Refresh
from geodata.register import Register
from geodata.states import read_row, read_rows_beside
from geodata.undo_rules import leave_broken

CONFLICTS_SHOWN = 1000
NOTE = "Hoàn tác đợt "
"""How the note of an undoing revision begins; the number of the undone one follows."""

ENGINE = ("id", "uuid", "revision", "updated_at")

STAGES = ("comparing", "checking", "writing", "refreshing")
"""The steps of an undoing; a preview takes the first two."""

UNDO = table(
    "undo", column("id", BigInteger), column("uuid", PgUuid), column("live", JSONB), column("before", JSONB),
    column("wanted", JSONB), column("action", Text), column("fields", ARRAY(Text)), column("is_removed"),
)  # fmt: skip


OnStage = Callable[[str], None]


def _tell_nobody(_stage: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Conflict:
    """A record of which something was left as it is.

    Attributes
    ----------
    label : str or None
        What people know the record by.
    fields : list of str
        Fields, lists and codes that the undone revision changed and that stay as they are.
    """

    id: int
    uuid: UUID
    label: str | None
    fields: list[str]


@dataclass(frozen=True, slots=True)
class Undone:
    """What undoing a revision did, or would do.

    Attributes
    ----------
    revision : int or None
        The new revision; None when there was nothing to do, or nothing was to be done.
    restored, removed, reinserted : int
        Records.
    conflicts : list of Conflict
        The first thousand.
    conflict_count : int
    """

    undone: int
    revision: int | None
    restored: int
    removed: int
    reinserted: int
    conflict_count: int
    conflicts: list[Conflict] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self) | {"conflicts": [{**asdict(one), "uuid": str(one.uuid)} for one in self.conflicts]}


def preview_rollback(
    connection: Connection, register: Register, number: int, actor: Actor, *, on_stage: OnStage = _tell_nobody
) -> Undone:
    """Say what undoing a revision would do; the register stays as it is.

    Parameters
    ----------
    on_stage : callable
        Hears which of `STAGES` begins.

    Raises
    ------
    RevisionNotFoundError, NotAllowedError
    """
    get_revision(connection, register, number)
    undo = _Undo(connection, register, number, on_stage)
    undo.work_out(actor)
    return undo.result(None)


def roll_back(
    connection: Connection,
    register: Register,
    number: int,
    actor: Actor,
    *,
    expected: int | None = None,
    on_stage: OnStage = _tell_nobody,
) -> Undone:
    """Undo a revision by a new one, in the transaction given.

    Parameters
    ----------
    connection : Connection
        Of the worker role.
    number : int
        The revision to undo.
    expected : int, optional
        The register's latest revision as the actor knows it.
    on_stage : callable
        Hears which of `STAGES` begins.

    Raises
    ------
    RevisionNotFoundError
    StaleRevisionError
        When another revision came in between.
    NotAllowedError
        When it touched a commune that is not the actor's.
    """
    get_revision(connection, register, number)
    lock_register(connection, register)
    require_latest(connection, register, expected)
    undo = _Undo(connection, register, number, on_stage)
    undo.work_out(actor)
    counts = undo.counts()
    if not counts:
        return undo.result(None)
    note = f"{NOTE}{number}"
    revision = start_revision(
        connection, register, counts, author=actor.name, note=note, upload_id=None, communes=undo.communes or None,
        kind="undo",
    )  # fmt: skip
    on_stage("writing")
    undo.apply(revision)
    on_stage("refreshing")
    Refresh(connection, register, revision).run(select(UNDO.c.id).where(UNDO.c.action.is_not(None)))
    announce(connection, register, revision)
    return undo.result(revision)


def undone_by(connection: Connection, registers: Collection[str]) -> dict[tuple[str, int], int]:
    """Return which revisions of some registers are undone, and the number of the revision that did it.

    A revision whose undoing was undone in its turn stands again. Undoings are told from publications by having no file.
    """
    is_undoing = Revision.note.startswith(NOTE, autoescape=True) & Revision.upload_id.is_(None)
    query = select(Revision.register, Revision.number, Revision.note).where(
        Revision.register.in_(registers), is_undoing
    )
    found: dict[tuple[str, int], int] = {}
    for register, number, note in connection.execute(query.order_by(Revision.number.desc())):
        undone = (note or "").removeprefix(NOTE)
        if undone.isdecimal() and (register, number) not in found:
            found.setdefault((register, int(undone)), number)
    return found


class _Undo:
    """The undoing of one revision, worked out in a temporary table."""

    def __init__(self, connection: Connection, register: Register, number: int, on_stage: OnStage) -> None:
        self.connection = connection
        self.on_stage = on_stage
        self.register = register
        self.live = register.table
        self.number = number
        self.tables = (*register.shared_tables, *register.private_tables)

    def work_out(self, actor: Actor) -> None:
        """Find what becomes of each record, and leave those that would break a rule."""
        self.on_stage("comparing")
        self.connection.execute(text("SELECT set_config('work_mem', :memory, true)"), {"memory": SORT_MEMORY})
        self.connection.execute(text("DROP TABLE IF EXISTS pg_temp.undo"))
        self._run("undo.sql")
        self._run("undo_past.sql", register=self.register.id, undone=self.number)
        self._note_added()
        # Without statistics the database takes a temporary table for a few rows.
        self.connection.execute(text("ANALYZE undo"))
        state = state_of(self.register).op("||")(private_state_of(self.register))
        open_ = UNDO.c.action.is_(None)
        self.connection.execute(update(UNDO).values(live=state).where(UNDO.c.id == self.live.c.id, open_))
        self._run("undo_after.sql", register=self.register.id, undone=self.number)
        self.communes = self._find_communes()
        self._require_scope(actor)
        computed = [item.name for item in self.live.c if item.computed is not None]
        private = [item.name for item in self.register.private_tables]
        self._run("undo_wanted.sql", engine=[*ENGINE, *computed], private=private, place=_place(self.register))
        # So far it knew of no state to come, nor of what becomes of the records.
        self.connection.execute(text("ANALYZE undo"))
        self.on_stage("checking")
        leave_broken(self.connection, self.register, UNDO)

    def _run(self, script: str, **values: Any) -> None:
        statement = files("geodata").joinpath("sql", script).read_text(encoding="utf-8")
        self.connection.execute(text(statement), values)

    def _note_added(self) -> None:
        """Take in the records that the revision added and that nothing has changed since: they go, as they are.

        A first revision may have added hundreds of thousands; nothing of them has to be compared.
        """
        live = self.live
        earlier = exists().where(
            Change.register == self.register.id, Change.revision == self.number, Change.feature_id == live.c.id
        )
        rows = select(live.c.id, live.c.uuid, literal(False), literal("remove"))  # noqa: FBT003
        rows = rows.where(live.c.revision == self.number, ~earlier)
        statement = upsert(UNDO).from_select(["id", "uuid", "is_removed", "action"], rows)
        self.connection.execute(statement.on_conflict_do_nothing())

    def _find_communes(self) -> list[str]:
        """Return every commune that the records were, are or would be in."""
        states = [UNDO.c.live, UNDO.c.before]
        query = select(*(state["commune_code"].astext.label(f"commune_{at}") for at, state in enumerate(states)))
        found = {code for row in self.connection.execute(query.distinct()) for code in row}
        if "commune_code" in self.live.c:
            going = select(self.live.c.commune_code).join(UNDO, UNDO.c.id == self.live.c.id)
            found |= set(self.connection.scalars(going.where(UNDO.c.action.is_not(None)).distinct()))
        return sorted(code for code in found if code is not None)

    def _require_scope(self, actor: Actor) -> None:
        """Refuse an actor who may not change every commune concerned."""
        if actor.communes is None:
            return
        if not self.register.is_in_communes:
            raise NotAllowedError(what=self.register.id)
        foreign = [code for code in self.communes if code not in actor.communes]
        if foreign:
            raise NotAllowedError(what=", ".join(foreign[:5]))

    def counts(self) -> Counts:
        """Return what the new revision does."""
        query = select(UNDO.c.action, func.count()).group_by(UNDO.c.action)
        found: Mapping[str, int] = {row[0]: row[1] for row in self.connection.execute(query)}
        return Counts(found.get("insert", 0), found.get("restore", 0), found.get("remove", 0))

    def apply(self, revision: int) -> None:
        """Write the new states: all that change go first, so that two records can change codes with each other."""
        for action, operation in (("restore", "U"), ("remove", "D")):
            ids = select(UNDO.c.id).where(UNDO.c.action == action)
            note_before(self.connection, self.register, revision, ids, operation)  # type: ignore[arg-type]  # two literals
        going = select(UNDO.c.id).where(UNDO.c.action.is_not(None))
        self.connection.execute(delete(self.live).where(self.live.c.id.in_(going)))
        self._insert_rows(revision)
        for beside in self.tables:
            self._insert_beside(beside)

    def _insert_rows(self, revision: int) -> None:
        names = [item.name for item in self.live.c if item.computed is None and item.name not in ENGINE]
        row = read_row(self.live, UNDO.c.wanted, "row")
        values = [UNDO.c.id, UNDO.c.uuid, literal(revision), *(row.c[name] for name in names)]
        rows = select(*values).select_from(UNDO.join(row, true())).where(UNDO.c.wanted.is_not(None))
        self.connection.execute(insert(self.live).from_select(["id", "uuid", "revision", *names], rows))

    def _insert_beside(self, beside: Table) -> None:
        rows = read_rows_beside(beside, UNDO.c.wanted)
        names = [item.name for item in beside.c if item.name != "feature_id"]
        values = select(UNDO.c.id, *(rows.c[name] for name in names)).select_from(UNDO.join(rows, true()))
        wanted = values.where(UNDO.c.wanted.is_not(None))
        self.connection.execute(insert(beside).from_select(["feature_id", *names], wanted))

    def result(self, revision: int | None) -> Undone:
        """Return what was done, with what was left."""
        counts = self.counts()
        is_left = func.cardinality(UNDO.c.fields) > 0
        count = self.connection.scalar(select(func.count()).select_from(UNDO).where(is_left)) or 0
        query = select(UNDO.c.id, UNDO.c.uuid, self._label(), UNDO.c.fields).where(is_left)
        rows = self.connection.execute(query.order_by(UNDO.c.id).limit(CONFLICTS_SHOWN))
        conflicts = [Conflict(row[0], row[1], row[2], self._names(row[3])) for row in rows]
        return Undone(self.number, revision, counts.changed, counts.removed, counts.added, count, conflicts)

    def _label(self) -> Any:
        state = func.coalesce(UNDO.c.live, UNDO.c.before)
        item = self.register.field(self.register.label)
        if item.scheme is None:
            return state.op("->>")(item.column.key)
        assert self.register.codes is not None
        codes = self.register.codes.__table__.name
        path = f'$.{codes}[*] ? (@.scheme == "{item.scheme}" && @.status == "active").value'
        return func.jsonb_path_query_first(state, literal_column(f"'{path}'::jsonpath")).op("#>>")(
            literal_column("'{}'")
        )

    def _names(self, keys: list[str]) -> list[str]:
        """Return the names by which people know parts of a record."""
        known = {side.table.name: [side.name] for side in self.register.lists}
        known |= {beside.name: [item.name for item in fields] for beside, fields in self.register.companion_fields.items()
                  if beside in self.register.private_tables}  # fmt: skip
        if self.register.codes is not None:
            known[self.register.codes.__table__.name] = [item.name for item in self.register.code_fields]
        return [name for key in keys for name in known.get(key, [key])]


def _place(register: Register) -> list[str]:
    """Names of the columns that make a record's place; its commune goes with it."""
    commune = ["commune_code"] if "commune_code" in register.write.model_fields else []
    return [*geometry_names(register), *commune, *register.derived]
