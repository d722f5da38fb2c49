"""Long lists of records, written as they are read: a few thousand at a time, all of one revision."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from geodata.db import Database
from geodata.features import ids_statement, read_page, read_records, read_versions
from geodata.matching import ItemsQuery
from geodata.register import Register

BATCH = 2000
"""Records that are held at once."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The records of a long list, in its order.

    Attributes
    ----------
    revision : int
        What they are read as of.
    is_more : bool
        Whether the list goes on after them.
    last_values : tuple
        Of the sorted fields, of the last record.
    """

    ids: Sequence[int]
    revision: int
    is_more: bool
    last_values: tuple[Any, ...] = ()


def list_records(connection: Connection, register: Register, query: ItemsQuery) -> Listing:
    """Find which records a list has, of one revision, without reading them."""
    if query.at is not None:
        return _list_past(connection, register, query, query.at)
    while True:
        revision = _latest(connection, register)
        rows = connection.execute(ids_statement(register, query)).all() if revision else []
        # A revision becomes visible with all that it changed: what was read in between is of either.
        if _latest(connection, register) == revision:
            break
    kept = rows[: query.limit]
    values = tuple(kept[-1][1:]) if kept else ()
    return Listing([row.id for row in kept], revision, len(rows) > query.limit, values)


def _list_past(connection: Connection, register: Register, query: ItemsQuery, at: int) -> Listing:
    """Find the records of a moment of the past, page by page."""
    ids: list[int] = []
    after: int | None = query.after
    while after is not None and len(ids) < query.limit:
        limit = min(BATCH, query.limit - len(ids))
        page = read_page(
            connection,
            register,
            replace(query, limit=limit, after=after, offset=0 if ids else query.offset),
            in_parts=True,
        )
        ids.extend(row.id for row in page.rows)
        after = page.last_id
    return Listing(ids, at, after is not None)


def _latest(connection: Connection, register: Register) -> int:
    version = read_versions(connection).get(register.id)
    return version.revision if version else 0


def stream_records(
    database: Database, register: Register, query: ItemsQuery, listing: Listing, *, in_parts: bool = True
) -> Iterator[Sequence[Row[Any]]]:
    """Yield the records of a list, some thousand at a time, as they were when it was made.

    A connection is held for each batch only, so a slow reader keeps none. Where others publish meanwhile, the rest is read
    as of the revision of the list.
    """
    for start in range(0, len(listing.ids), BATCH):
        ids = listing.ids[start : start + BATCH]
        with database.read() as connection:
            rows = _read_batch(connection, register, ids, query, listing.revision, in_parts=in_parts)
        by_id = {row.id: row for row in rows}
        yield [by_id[one] for one in ids if one in by_id]


def _read_batch(
    connection: Connection, register: Register, ids: Sequence[int], query: ItemsQuery, revision: int, *, in_parts: bool
) -> Sequence[Row[Any]]:
    now = replace(query, at=None)
    rows = read_records(connection, register, ids, now, in_parts=in_parts) if query.at is None else []
    if query.at is None and _latest(connection, register) == revision:
        return rows
    return read_records(connection, register, ids, replace(query, at=revision), in_parts=in_parts)
