"""The copy: records and how far it has come, in SQLite or PostgreSQL."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    create_engine,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

_metadata = MetaData()
RECORD = Table(
    "bandoso_record", _metadata,
    Column("register", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, comment="uuid"),
    Column("feature", Text, nullable=False, comment="GeoJSON"),
)  # fmt: skip
STATE = Table(
    "bandoso_state", _metadata,
    Column("register", Text, primary_key=True),
    Column("transaction_number", BigInteger, comment="The last that it holds; null where it is to be taken anew"),
    Column("day", Text),
)  # fmt: skip
FEED = Table(
    "bandoso_feed", _metadata,
    Column("address", Text, primary_key=True), Column("mark", Text, nullable=False), Column("cursor", Text),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """How far the copy of a register has come."""

    transaction: int | None
    day: str | None


class Copy:
    """A copy in a database of one's own.

    Parameters
    ----------
    target : str
        ``sqlite:PATH`` or ``postgresql://…``.
    address : str
        Of the installation that it copies.
    """

    def __init__(self, target: str, address: str) -> None:
        kind, _, rest = target.partition(":")
        url = f"sqlite:///{rest.removeprefix('///')}" if kind == "sqlite" and not rest.startswith("////") else target
        self._engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        self._address = address
        _metadata.create_all(self._engine)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction: a page of events is applied together with where it ends."""
        with self._engine.begin() as connection:
            yield connection

    def begin(self, mark: str) -> None:
        """Start anew, where nothing is here yet or it is another database's."""
        with self.write() as connection:
            if connection.scalar(select(FEED.c.mark).where(FEED.c.address == self._address)) == mark:
                return
            for table in (RECORD, STATE, FEED):
                connection.execute(delete(table))
            connection.execute(insert(FEED).values(address=self._address, mark=mark))

    def held(self) -> dict[str, Held]:
        """Return how far each register has come."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(STATE.c.register, STATE.c.transaction_number, STATE.c.day))
            return {row[0]: Held(row[1], row[2]) for row in rows}

    def cursor(self) -> str | None:
        """Return where reading goes on within a run of pages."""
        with self._engine.connect() as connection:
            found: str | None = connection.scalar(select(FEED.c.cursor))
            return found

    def keep_cursor(self, connection: Connection, cursor: str | None) -> None:
        """Note where reading goes on."""
        connection.execute(update(FEED).values(cursor=cursor))

    def hold(self, connection: Connection, register: str, transaction: int | None, day: str) -> None:
        """Note how far a register has come; None: it is to be taken anew."""
        connection.execute(delete(STATE).where(STATE.c.register == register))
        connection.execute(insert(STATE).values(register=register, transaction_number=transaction, day=day))

    def clear(self, connection: Connection, register: str) -> None:
        """Remove a register's records."""
        connection.execute(delete(RECORD).where(RECORD.c.register == register))

    def add(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Add records."""
        batch = list(rows)
        if batch:
            connection.execute(insert(RECORD), batch)

    def remove(self, connection: Connection, keys: Iterable[tuple[str, int]]) -> None:
        """Remove records, those that are here."""
        batch = list(keys)
        for at in range(0, len(batch), 400):
            key = tuple_(RECORD.c.register, RECORD.c.number)
            connection.execute(delete(RECORD).where(key.in_(batch[at : at + 400])))

    def lines(self, register: str) -> Iterator[bytes]:
        """Yield the lines that a snapshot of the register has between its first and its last."""
        statement = select(RECORD.c.number, RECORD.c.feature).where(RECORD.c.register == register)
        with self._engine.connect() as connection:
            rows = connection.execution_options(yield_per=1000).execute(statement.order_by(RECORD.c.number))
            for number, feature in rows:
                yield b'{"number":%d,"feature":%b}\n' % (number, feature.encode())

    def count(self) -> int:
        """Count the records."""
        with self._engine.connect() as connection:
            return int(connection.scalar(select(func.count()).select_from(RECORD)) or 0)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()
