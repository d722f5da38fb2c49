"""Staged rows that cannot be merged: each is refused by itself, and the others of the file go on."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, and_, exists, literal, literal_column, select

from geodata.db import Actor
from geodata.importing.given_ids import STAGED
from geodata.importing.merge import Merge
from geodata.importing.report import Report


def refuse_rows(merge: Merge, actor: Actor, report: Report) -> list[int]:
    """Take out the rows that meet a record which is not theirs to change, or would break a rule with it.

    Returns
    -------
    list of int
        Ids of the records that the refused rows are about.
    """
    rows = set()
    for row, given in unknown_ids(merge):
        report.add("ID_UNKNOWN", row=row, column="id", value=str(given))
        rows.add(row)
    for row, scheme, value in taken_codes(merge):
        report.add("CODE_TAKEN", row=row, column=scheme, value=value)
        rows.add(row)
    for row, commune in foreign_records(merge, actor):
        report.add("COMMUNE_NOT_YOURS", row=row, column="commune_code", value=commune)
        rows.add(row)
    for row in placeless(merge):
        report.add("GEOM_MISSING", row=row)
        rows.add(row)
    for row, column, value in taken_keys(merge):
        report.add("CODE_TAKEN", row=row, column=column, value=value)
        rows.add(row)
    for row, label in known_records(merge):
        report.add("RECORD_EXISTS", row=row, value=label)
        rows.add(row)
    for row, rule_vi, rule_en in broken_rules(merge):
        if row not in rows:
            report.add("RULE_BROKEN", row=row, value=rule_vi, rule_en=rule_en)
        rows.add(row)
    if not rows:
        return []
    report.valid -= len(rows)
    report.rejected += len(rows)
    return merge.drop_rows(list(rows))


def unknown_ids(merge: Merge) -> Sequence[Any]:
    """Return (row number, id) of staged rows that give the id of no record of the register."""
    if STAGED not in merge.staging.c:
        return []
    given = merge.staging.c[STAGED]
    known = exists().where(merge.live.c.uuid == given)
    return merge.connection.execute(select(merge.staging.c.row_number, given).where(given.is_not(None), ~known)).all()


def taken_codes(merge: Merge) -> Sequence[Any]:
    """Return (row number, scheme, value) of staged codes that another record holds already."""
    if merge.register.codes is None:
        return []
    codes = merge.register.codes.__table__
    found: list[Any] = []
    for scheme, given in merge.codes:
        value = given["value"]
        found += merge.connection.execute(
            select(merge.staging.c.row_number, literal(scheme), value)
            .join(codes, and_(codes.c.scheme == scheme, codes.c.value == value, codes.c.status == "active"))
            .where(merge.staging.c.target.is_distinct_from(codes.c.feature_id))
        ).all()
    return found


def foreign_records(merge: Merge, actor: Actor) -> Sequence[Any]:
    """Return (row number, commune) of staged rows that would change a record outside the actor's communes."""
    if actor.communes is None or not merge.register.is_in_communes:
        return []
    staged, live = merge.staging, merge.live
    rows = select(staged.c.row_number, live.c.commune_code).join(live, live.c.id == staged.c.target)
    return merge.connection.execute(rows.where(staged.c.is_changed, live.c.commune_code.not_in(actor.communes))).all()


def broken_rules(merge: Merge) -> Sequence[Any]:
    """Return (row number, vi, en) of rows that would break a rule of the table as it would then stand."""
    merged = merge.merged()
    found: list[Any] = []
    for rule in merge.live.constraints:
        if isinstance(rule, CheckConstraint):
            # The rule's words name columns, which `merged` has; as in the database, unknown is not broken.
            is_broken: ColumnElement[bool] = literal_column(f"({rule.sqltext}) IS FALSE")
            words = (literal(rule.info[language]) for language in ("vi", "en"))
            found += merge.connection.execute(select(merged.c.row_number, *words).where(is_broken)).all()
    return found


def taken_keys(merge: Merge) -> Sequence[Any]:
    """Return (row number, column, value) of rows that would have the key of another record, an ended one too."""
    merged, live = merge.merged(), merge.live
    found: list[Any] = []
    for index in live.indexes:
        if index.unique:
            names = [column.name for column in index.columns]
            same = and_(*(merged.c[name] == live.c[name] for name in names))
            rows = select(merged.c.row_number, literal(names[0]), merged.c[names[0]])
            rows = rows.join(live, and_(same, merged.c.target.is_distinct_from(live.c.id)))
            found += merge.connection.execute(rows).all()
    return found


def placeless(merge: Merge) -> Sequence[int]:
    """Return the row numbers of new records that need a place and have none."""
    if not merge.register.needs_place:
        return []
    rows = select(merge.staging.c.row_number).where(merge.is_new, ~merge.has_place)
    return merge.connection.scalars(rows).all()


def known_records(merge: Merge) -> Sequence[Any]:
    """Return (row number, label) of rows that would change a record although the file may only add."""
    if merge.mode != "append":
        return []
    staged, live = merge.staging, merge.live
    label = live.c.get(merge.register.label, live.c.uuid)
    rows = select(staged.c.row_number, label).join(live, live.c.id == staged.c.target)
    return merge.connection.execute(rows.where(staged.c.is_changed)).all()
