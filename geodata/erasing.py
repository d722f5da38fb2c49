"""Records erased with their history, as a person may ask for: nothing of them is left but what copies know them by."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, cast, delete, func, insert, literal, null, select, union
from sqlalchemy import Text as TextType
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from geodata.errors import FeatureNotFoundError
from geodata.history import Counts, announce, lock_register, start_revision
from geodata.ops import Change, ChangePrivate, Erasure, Revision
from geodata.public_views import states_view
from geodata.refresh import Refresh
from geodata.register import Register
from geodata.removal import remove_records


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased.

    Attributes
    ----------
    revision : int or None
        Which did it; None where all had been erased before.
    live, past : int
        Records that were there, and states that were kept of these and others.
    uploads : tuple of UUID
        Files that the records may have come from, by their uploads.
    """

    revision: int | None
    live: int = 0
    past: int = 0
    uploads: tuple[UUID, ...] = ()


def erase(
    connection: Connection, register: Register, uuids: Collection[UUID], author: str, *, only_known: bool = False
) -> Erased:
    """Erase records with their history, by a revision that cannot be undone.

    Who follows the changes is told to delete what was public of them, by number and uuid alone. Records that were
    removed before are erased too; erased ones again without effect.

    Parameters
    ----------
    connection : Connection
        Of the database's owner, in a transaction: no other role may take anything out of the history.
    only_known : bool
        Pass over records that are not there and never were.

    Raises
    ------
    FeatureNotFoundError
        When a record is not there and never was; nothing is erased then.
    """
    lock_register(connection, register)
    found = _find(connection, register, uuids)
    known = {one.uuid for one in found} | set(_erased_before(connection, register, uuids))
    unknown = [uuid for uuid in uuids if uuid not in known]
    if unknown and not only_known:
        raise FeatureNotFoundError(feature=str(unknown[0]))
    if not found:
        return Erased(None)
    live = register.table
    ids = select(live.c.id).where(live.c.id.in_([one.id for one in found]))
    count = connection.scalar(select(func.count()).select_from(ids.subquery())) or 0
    uploads = _uploads(connection, register, [one.id for one in found])
    units = sorted({one.unit for one in found if one.unit is not None})
    revision = start_revision(
        connection, register, Counts(0, 0, count), author=author, note=None, upload_id=None, communes=units or None,
        kind="erasure",
    )  # fmt: skip
    touched = select(func.unnest(literal([one.id for one in found], ARRAY(BigInteger))).label("id"))
    public = _ever_public(connection, register, [one.id for one in found])
    remove_records(connection, register, revision, ids)
    Refresh(connection, register, revision).run(touched)
    past = _forget(connection, register, found, revision, public)
    announce(connection, register, revision)
    return Erased(revision, count, past - count, uploads)


def _forget(
    connection: Connection, register: Register, found: Sequence[Any], revision: int, public: Collection[int]
) -> int:
    """Note that records are erased and delete their history, which the database allows then; return of how many states."""
    rows = [
        {
            "register": register.id, "feature_id": one.id, "feature_uuid": one.uuid, "revision": revision,
            "unit": one.unit, "was_public": one.id in public,
        }
        for one in found
    ]  # fmt: skip
    connection.execute(insert(Erasure), rows)
    past = 0
    for history in (ChangePrivate, Change):
        is_theirs = history.register == register.id, history.feature_id.in_([one.id for one in found])
        past = connection.execute(delete(history).where(*is_theirs)).rowcount
    return past


def list_erased(connection: Connection) -> list[tuple[str, UUID]]:
    """Return all that was erased: register and uuid. After a restore from a backup it is to be erased again."""
    statement = select(Erasure.register, Erasure.feature_uuid).order_by(Erasure.register, Erasure.feature_id)
    return [(row[0], row[1]) for row in connection.execute(statement)]


def _find(connection: Connection, register: Register, uuids: Collection[UUID]) -> Sequence[Any]:
    """Return id, uuid and unit of the records that are there or in the history; the unit they were in last."""
    live = register.table
    unit = live.c.commune_code if "commune_code" in live.c else cast(null(), TextType)
    past_unit = Change.before["commune_code"].astext
    now = select(live.c.id, live.c.uuid, unit.label("unit"), literal(1 << 62).label("at")).where(live.c.uuid.in_(uuids))
    past = select(Change.feature_id, Change.feature_uuid, past_unit, Change.revision)
    past = past.where(Change.register == register.id, Change.feature_uuid.in_(uuids))
    states = union(now, past).subquery()
    latest = select(states.c.id, states.c.uuid, states.c.unit).ext(distinct_on(states.c.id))
    return connection.execute(latest.order_by(states.c.id, states.c.at.desc())).all()


def _erased_before(connection: Connection, register: Register, uuids: Collection[UUID]) -> Sequence[UUID]:
    statement = select(Erasure.feature_uuid).where(Erasure.register == register.id, Erasure.feature_uuid.in_(uuids))
    return connection.scalars(statement).all()


def _ever_public(connection: Connection, register: Register, ids: Sequence[int]) -> set[int]:
    """Return which of the records have or had a state that everybody may see today."""
    states = states_view(register)
    return set(connection.scalars(select(states.c.id).where(states.c.id.in_(ids)).distinct()))


def _uploads(connection: Connection, register: Register, ids: Sequence[int]) -> tuple[UUID, ...]:
    """Return the uploads whose revisions made a state of the records."""
    live = register.table
    made = select(live.c.revision).where(live.c.id.in_(ids))
    past = select(cast(Change.before["revision"].astext, BigInteger))
    made_before = past.where(Change.register == register.id, Change.feature_id.in_(ids))
    statement = select(Revision.upload_id).where(
        Revision.register == register.id, Revision.number.in_(made.union(made_before)), Revision.upload_id.is_not(None)
    )
    return tuple(upload for upload in connection.scalars(statement.order_by(Revision.number)) if upload is not None)
