"""What publishing a staged file would change, before anything does: counts, warnings, and a mark of just this state."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, and_, false, func, or_, select

from geodata.derived import geometry_names
from geodata.history import Counts, latest_revision
from geodata.importing.merge import Merge

WARN_SHARE, APPROVE_SHARE = 0.2, 0.8
"""Shares of a commune's records: more vanish with a warning, or only when a second officer agrees."""

FEW_RECORDS = 5
"""Communes with fewer records are not guarded: one of two is half of all."""

COMMUNES_LISTED = 50


@dataclass(frozen=True, slots=True)
class Review:
    """What publishing would change.

    Attributes
    ----------
    etag : str
        The same as long as the same rows would change the same records in the same state.
    base_revision : int
        The register's latest revision when this was found.
    moved : int
        Of the changed records those that get another place.
    communes : tuple of str or None
        Communes whose records are touched; None where all may be.
    vanishing : mapping of commune code to share
        Communes that would lose more than a fifth of their records.
    needs_approval : bool
        Some commune would lose more than four fifths.
    """

    etag: str
    base_revision: int
    added: int
    changed: int
    moved: int
    removed: int
    unchanged: int
    communes: tuple[str, ...] | None
    vanishing: Mapping[str, float]
    needs_approval: bool

    @property
    def counts(self) -> Counts:
        """Counts of the revision it would become."""
        return Counts(self.added, self.changed, self.removed)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        communes = stored["communes"]
        return cls(**{**stored, "communes": None if communes is None else tuple(communes)})


def review(merge: Merge, rows: int) -> Review:
    """Find out what a merge would change.

    Parameters
    ----------
    merge : Merge
        Matched, and without the rows that were refused.
    rows : int
        Rows of the file that are valid.
    """
    counts = merge.counts()
    vanishing = _vanishing(merge)
    return Review(
        etag=_etag(merge, counts),
        base_revision=latest_revision(merge.connection, merge.register.id),
        added=counts.added, changed=counts.changed, moved=_moved(merge), removed=counts.removed,
        unchanged=rows - counts.added - counts.changed, communes=_communes(merge),
        vanishing={code: share for code, share in vanishing.items() if share > WARN_SHARE},
        needs_approval=any(share > APPROVE_SHARE for share in vanishing.values()),
    )  # fmt: skip


def _etag(merge: Merge, counts: Counts) -> str:
    """Mark the state: which rows would change which records, in which state those are now.

    An empty register has one state, and what is staged stays as it is but for rows that are dropped.
    """
    if merge.is_bulk:
        return f"{counts.added:x}"
    staged, live = merge.staging, merge.live
    mark = func.bit_xor(func.hash_record_extended(func.row(staged.c.row_number, staged.c.target, live.c.revision), 0))
    rows = select(func.coalesce(mark, 0)).select_from(staged.outerjoin(live, live.c.id == staged.c.target))
    marks = [merge.connection.scalar(rows.where(merge.is_touched))]
    if merge.removes:
        gone = func.bit_xor(func.hash_record_extended(func.row(live.c.id, live.c.revision), 1))
        marks.append(merge.connection.scalar(select(func.coalesce(gone, 0)).where(live.c.id.in_(merge.removed()))))
    parts = [counts.added, counts.changed, counts.removed, *marks]
    return "-".join(format(part % 2**64, "x") for part in parts)


def place_differs(merge: Merge) -> ColumnElement[bool]:
    """Whether a changed record gets another place."""
    names = [name for name in geometry_names(merge.register) if name in merge.staging.c]
    differences = [merge.staging.c[name].is_distinct_from(merge.live.c[name]) for name in names]
    return and_(merge.has_place, or_(false(), *differences))


def _moved(merge: Merge) -> int:
    staged, live = merge.staging, merge.live
    if merge.is_bulk:
        return 0
    rows = select(func.count()).select_from(staged.join(live, live.c.id == staged.c.target))
    return merge.connection.scalar(rows.where(staged.c.is_changed, place_differs(merge))) or 0


def _communes(merge: Merge) -> tuple[str, ...] | None:
    staged, live = merge.staging, merge.live
    if not merge.register.is_in_communes or merge.is_bulk or "commune_code" not in staged.c:
        return None
    wanted = select(staged.c.commune_code).where(merge.is_touched)
    left = select(live.c.commune_code).join(staged, live.c.id == staged.c.target).where(staged.c.is_changed)
    found = set(merge.connection.scalars(wanted.union(left)))
    if merge.removes:
        found |= set(merge.connection.scalars(merge.communes()))
    return tuple(sorted(code for code in found if code is not None))


def _vanishing(merge: Merge) -> dict[str, float]:
    """Return the share of records that each commune would lose, where it has more than a few."""
    if not merge.removes:
        return {}
    live = merge.live
    gone = merge.removed().subquery()
    lost = func.count(gone.c.id)
    rows = (
        select(live.c.commune_code, lost, func.count())
        .select_from(live.outerjoin(gone, gone.c.id == live.c.id))
        .where(live.c.commune_code.in_(merge.communes()))
        .group_by(live.c.commune_code)
        .order_by(live.c.commune_code)
    )
    return {
        code: round(lost / total, 4) for code, lost, total in merge.connection.execute(rows) if total >= FEW_RECORDS
    }
