"""Valid rows on their way into the database: one unlogged table a file, filled by COPY."""

import contextlib
import io
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely
from geoalchemy2 import Geometry
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Boolean, Column, Connection, MetaData, Table, Text, quoted_name, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.schema import CreateTable, DropTable

from geodata.geometry import Geometries, to_hex_ewkb
from geodata.importing.given_ids import STAGED
from geodata.register import Field, Register

_POINT = shapely.GeometryType.POINT
_RAW = "_raw"


def raw_name(item: Field) -> str:
    """Name of the column that holds a code as the file wrote it, where that is not how it is stored."""
    return item.name + _RAW


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows that wait in a staging table, and all it takes to open it again in another process.

    Attributes
    ----------
    table : str
        Name in schema ``staging``.
    fields : tuple of str
        Its columns beside the geometry and our own.
    has_geometry : bool
    mapped : tuple of str
        Fields that the file itself gave; only these change a record that is there already.
    rows : int
        How many there must be: after a crash of the server the table is empty, and the file is read again.
    kept : tuple of int
        Ids of records whose rows were refused: they are not removed, whatever the mode.
    holds_back : bool
        Which records the refused rows are about is not known, so none is removed.
    is_whole : bool
        The file is an officer's own export, which holds what the public does not see too.
    """

    table: str
    fields: tuple[str, ...]
    has_geometry: bool
    mapped: tuple[str, ...]
    rows: int
    kept: tuple[int, ...] = ()
    holds_back: bool = False
    is_whole: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        lists = {name: tuple(stored[name]) for name in ("fields", "mapped", "kept")}
        return cls(**{**stored, **lists})


def staging_prefix(job: UUID) -> str:
    """Return how the names of the tables begin in which an upload's rows wait.

    Each attempt has a table of its own: a worker that stands still holds the one that it fills.
    """
    return f"u_{job.hex}_"


def staging_table(register: Register, name: str, fields: Sequence[str], *, has_geometry: bool) -> Table:
    """Return the staging table of a file with these fields."""
    return Table(
        name, MetaData(),
        Column("row_number", BigInteger), Column("uuid", PgUuid),
        Column("target", BigInteger), Column("is_changed", Boolean),
        *(Column(quoted_name(field, quote=True), _type(register, field)) for field in fields),
        *(Column(item.key, _plain(item.type)) for item in _geometry_columns(register, has_geometry=has_geometry)),
        schema="staging", prefixes=["UNLOGGED"],
    )  # fmt: skip


def _geometry_columns(register: Register, *, has_geometry: bool) -> list[Any]:
    return [item for item in (register.geometry, register.point) if item is not None] if has_geometry else []


def _type(register: Register, name: str) -> Any:
    if name == STAGED:
        return PgUuid()
    if name in register.table.c:
        return register.table.c[name].type
    if name.endswith(_RAW):
        return Text()
    return register.field(name).column.type


class StagingSink:
    """Writes the valid rows of one file into a table of schema ``staging``.

    The table goes when the context ends, unless `keep` was called meanwhile.

    Batches are copied by a thread of their own, so that the next one is checked meanwhile. Until `finish` the
    connection is that thread's alone.

    Parameters
    ----------
    connection : Connection
        Of the worker role, in a transaction.
    register : Register
    job : UUID
        Names the table.
    """

    def __init__(self, connection: Connection, register: Register, job: UUID) -> None:
        self.connection = connection
        self.register = register
        self.job = job
        self.name = staging_prefix(job) + secrets.token_hex(4)
        self.table: Table | None = None
        self._is_kept = False
        self._copier = ThreadPoolExecutor(1, thread_name_prefix="staging")
        self._copying: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._copier.shutdown()
        if kind is None and self.table is not None and not self._is_kept:
            self.connection.execute(DropTable(self.table, if_exists=True))

    def keep(self) -> None:
        """Leave the table for the publish, which comes later."""
        self._is_kept = True

    def open(self, fields: Sequence[str], *, with_geometry: bool = True) -> None:
        """Create the table with a column for each field of the rows, and the register's geometry columns."""
        self.has_geometry = with_geometry
        raw = [raw_name(item) for item in self.register.code_fields if item.name in fields]
        names = [*fields, *raw, *(name for name in self.register.derived if "commune_code" in fields)]
        self.fields = names
        self.table = staging_table(self.register, self.name, names, has_geometry=with_geometry)
        # The transaction waits for the reader now, whose own clock says for how long.
        self.connection.execute(text("SELECT set_config('idle_in_transaction_session_timeout', '0', true)"))
        self._drop_earlier()
        self.connection.execute(CreateTable(self.table))

    def _drop_earlier(self) -> None:
        """Drop what earlier attempts have left; what others are filling is not seen."""
        query = text("SELECT tablename FROM pg_tables WHERE schemaname = 'staging' AND starts_with(tablename, :prefix)")
        for name in self.connection.scalars(query, {"prefix": staging_prefix(self.job)}).all():
            self.connection.execute(DropTable(Table(name, MetaData(), schema="staging"), if_exists=True))

    def write(self, columns: Mapping[str, pa.Array], geometries: Geometries, rows: pa.Array) -> None:
        """Have one batch copied into the table, after the one before."""
        self.finish()
        self._copying = self._copier.submit(self._write, columns, geometries, rows)

    def finish(self) -> None:
        """Wait until everything given is in the table.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError, psycopg.Error
            If the database refused it.
        """
        if self._copying is not None:
            self._copying.result()

    def _write(self, columns: Mapping[str, pa.Array], geometries: Geometries, rows: pa.Array) -> None:
        assert self.table is not None
        arrays = {"row_number": rows, "uuid": new_uuids(len(rows))}
        arrays |= {name: columns[name] for name in self.fields if name in columns}
        arrays |= self._geometries(geometries)
        self._copy([self.table.c[name] for name in arrays], _as_csv(pa.table(arrays)))

    def _copy(self, columns: Sequence[Column[Any]], data: memoryview) -> None:
        assert self.table is not None
        prepare = self.connection.dialect.identifier_preparer
        listed = ", ".join(prepare.format_column(column) for column in columns)
        # Identifiers come from the register's own declaration and a uuid, quoted by the dialect.
        # The table was made in this transaction, so its rows can be written as if they had been there long.
        statement = f"COPY {prepare.format_table(self.table)} ({listed}) FROM STDIN (FORMAT csv, FREEZE)"
        driver = self.connection.connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(data)

    def _geometries(self, geometries: Geometries) -> dict[str, pa.Array]:
        if not self.has_geometry:
            return {}
        if self.register.point is None:
            return {self.register.geometry.key: to_hex_ewkb(geometries)}
        is_point = shapely.get_type_id(geometries) == _POINT
        shapes = _where(~is_point, geometries)
        points = _where(is_point, geometries)
        return {
            self.register.geometry.key: to_hex_ewkb(shapes),
            self.register.point.key: to_hex_ewkb(points),
        }


def _as_csv(table: pa.Table) -> memoryview:
    """Write rows as CSV; without quotes where no value needs them, which the database reads a third faster.

    Without quotes an empty text would be read as null.
    """
    texts = [column for column in table.columns if pa.types.is_string(column.type)]
    has_empty = any(pc.min(pc.binary_length(column)).as_py() == 0 for column in texts)
    if not has_empty:
        with contextlib.suppress(pa.ArrowInvalid):
            return _write_csv(table, "none")
    return _write_csv(table, "needed")


def _write_csv(table: pa.Table, quoting: str) -> memoryview:
    buffer = io.BytesIO()
    pa.csv.write_csv(table, buffer, pa.csv.WriteOptions(include_header=False, quoting_style=quoting))
    return buffer.getbuffer()


def _where(mask: NDArray[np.bool_], geometries: Geometries) -> Geometries:
    """Return the geometries with None where the mask is not set."""
    kept: Geometries = geometries.copy()
    kept[~mask] = None
    return kept


def _plain(kind: Geometry) -> Geometry:
    return Geometry(kind.geometry_type, kind.srid, spatial_index=False)


def new_uuids(count: int) -> pa.StringArray:
    """Return ``count`` UUIDs of version 7 (RFC 9562): ordered by time, 74 random bits each."""
    random = np.frombuffer(secrets.token_bytes(count * 16), dtype=np.uint8).reshape(count, 16).copy()
    now = np.frombuffer((time.time_ns() // 1_000_000).to_bytes(6, "big"), dtype=np.uint8)
    random[:, :6] = now
    random[:, 6] = (random[:, 6] & 0x0F) | 0x70
    random[:, 8] = (random[:, 8] & 0x3F) | 0x80
    digits = np.frombuffer(random.tobytes().hex().encode(), f"S{2 * random.shape[1]}")
    return pa.array(digits).cast(pa.string())
