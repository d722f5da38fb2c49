"""One state of a register, read once: a GeoParquet file in which every commune and province is a run of rows.

Every other file of open data is written from it, so that all of them hold the same state.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import CompoundSelect, Connection, Select, Text, and_, cast, column, func, select, table, text
from sqlalchemy import Double as DoubleType

from geodata.db import PUBLIC_ROLE
from geodata.derived import geometry_names
from geodata.exporting.geoparquet import Boxes, GeoParquetWriter, boxes_of
from geodata.exporting.open_columns import GEOMETRY, ID, OpenColumns
from geodata.exporting.rows import FETCHED_ROWS
from geodata.public_views import public_view
from geodata.register import Register

VIETNAM = "vietnam"
_WRITTEN_ROWS = 10_000
_SORT_MEMORY = "64MB"
_COMMUNES = table("communes", *map(column, ("code", "province_code", "full_name", "valid_to")), schema="open")
_PROVINCES = table("provinces", *map(column, ("code", "full_name", "valid_to")), schema="open")


@dataclass(frozen=True, slots=True)
class Area:
    """Rows of the snapshot: one run, unless records name another province than their commune's others do.

    Attributes
    ----------
    id : str
        ``vietnam``, ``province-NN`` or ``commune-NNNNN``.
    name : str or None
        Of the unit, as the register of units has it.
    province : str or None
        Code of the province that all of it lies in.
    runs : tuple of (int, int)
        First row of each run, and the one behind its last.
    box : tuple of float or None
        West, south, east, north in degrees; None where nothing has a place.
    """

    id: str
    name: str | None
    province: str | None
    runs: tuple[tuple[int, int], ...]
    box: tuple[float, float, float, float] | None

    @property
    def count(self) -> int:
        """How many records it has."""
        return sum(stop - start for start, stop in self.runs)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> "Area":
        """Read it from JSON."""
        runs = tuple((start, stop) for start, stop in held["runs"])
        return cls(**{**held, "runs": runs, "box": held["box"] and tuple(held["box"])})


def take_snapshot(connection: Connection, register: Register, path: Path, about: Mapping[str, str]) -> list[Area]:
    """Write what everybody may have of a register into a file, ordered by province, commune and place.

    Parameters
    ----------
    connection : Connection
        In a transaction that sees one state (repeatable read); it reads as the public role from here on.
    path : Path
        Of a file that is not there yet.
    about : mapping of str to str
        Told in the file's metadata.

    Returns
    -------
    list of Area
        The whole first, then provinces and communes that have records.
    """
    connection.execute(text("SELECT set_config('role', :role, true)"), {"role": PUBLIC_ROLE})
    connection.execute(text("SELECT set_config('work_mem', :memory, true)"), {"memory": _SORT_MEMORY})
    columns = OpenColumns(register)
    areas = _Areas({row[0]: row[1] for row in connection.execute(_names())})
    with GeoParquetWriter(path, _schema(columns), about) as file:
        for units, batch in _batches(connection, columns):
            boxes = boxes_of(batch.column(GEOMETRY))
            areas.note(units, boxes)
            file.write(batch, boxes)
    return areas.found()


def _names() -> CompoundSelect[*tuple[Any, ...]]:
    """Select the names of units by the ids of their areas."""
    is_now = _COMMUNES.c.valid_to.is_(None), _PROVINCES.c.valid_to.is_(None)
    communes = select(func.concat("commune-", _COMMUNES.c.code), _COMMUNES.c.full_name).where(is_now[0])
    provinces = select(func.concat("province-", _PROVINCES.c.code), _PROVINCES.c.full_name).where(is_now[1])
    return communes.union_all(provinces)


def _schema(columns: OpenColumns) -> pa.Schema:
    return pa.schema([*columns.types.items(), (GEOMETRY, pa.binary())])


def _statement(columns: OpenColumns) -> Select[Any]:
    """Select province, commune, the columns and the place of every record, neighbours beside each other.

    PostGIS orders geometries along a Hilbert curve.
    """
    register = columns.register
    view = public_view(register, is_past=False)
    fields = {item.name: item for item in columns.fields}
    source: Any = view
    province: Any = cast(None, Text)
    commune = view.c.commune_code if "commune_code" in fields else None
    if "province_code" in fields:
        province = view.c.province_code
    elif commune is not None:
        source = view.outerjoin(_COMMUNES, and_(_COMMUNES.c.code == commune, _COMMUNES.c.valid_to.is_(None)))
        province = _COMMUNES.c.province_code
    shapes: list[Any] = [view.c[name] for name in geometry_names(register)]
    shape = shapes[0] if len(shapes) == 1 else func.coalesce(*shapes, type_=shapes[0].type)
    values = [
        cast(view.c[name], DoubleType) if kind == pa.float64() else view.c[name]
        for name, kind in columns.types.items()
        if name != ID
    ]
    units = province.label("province"), (cast(None, Text) if commune is None else commune).label("commune")
    wkb = func.ST_AsBinary(shape, "NDR").label("wkb")
    statement = select(*units, cast(view.c.uuid, Text), *values, wkb).select_from(source)
    return statement.order_by(units[0], units[1], shape, view.c.id)


def _batches(connection: Connection, columns: OpenColumns) -> Iterator[tuple[list[tuple[Any, Any]], pa.RecordBatch]]:
    """Yield rows as they come: province and commune of each, and the rest as columns."""
    schema = _schema(columns)
    dated = {side.name: _dated_keys(columns, side) for side in columns.lists}
    answer = connection.execute(_statement(columns).execution_options(yield_per=FETCHED_ROWS))
    for rows in answer.partitions(_WRITTEN_ROWS):
        province, commune, *values = zip(*rows, strict=True)
        for at, name in enumerate(columns.names):
            if name in dated:
                values[at] = tuple(_with_days(listed, dated[name]) for listed in values[at])
        arrays = [pa.array(column, kind) for column, kind in zip(values, schema.types, strict=True)]
        yield list(zip(province, commune, strict=True)), pa.RecordBatch.from_arrays(arrays, schema=schema)


def _dated_keys(columns: OpenColumns, side: Any) -> list[str]:
    return [part.name for part in columns.row_type(side) if part.type == pa.date32()]


def _with_days(listed: list[dict[str, Any]] | None, keys: list[str]) -> list[dict[str, Any]] | None:
    """Return a list that the database wrote as JSON with its days as days."""
    for row in listed or []:
        for key in keys:
            row[key] = row[key] and date.fromisoformat(row[key])
    return listed


class _Areas:
    """Notes where provinces and communes begin and end, while the rows pass in their order."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._runs: list[tuple[str | None, str | None, int, int, Boxes]] = []
        self._count = 0

    def note(self, units: list[tuple[Any, Any]], boxes: Boxes) -> None:
        """Take in rows: province and commune of each, and its box."""
        starts = [at for at in range(len(units)) if at == 0 or units[at] != units[at - 1]]
        for start, stop in zip(starts, [*starts[1:], len(units)], strict=True):
            box = _around(boxes[start:stop])
            self._runs.append((*units[start], self._count + start, self._count + stop, box))
        self._count += len(units)

    def found(self) -> list[Area]:
        """Return the areas that have records."""
        provinces = {run[0] for run in self._runs}
        (only,) = provinces if len(provinces) == 1 else (None,)
        areas = [self._area(VIETNAM, only, self._runs)] if self._runs else []
        for code in sorted(provinces - {None}, key=str):
            areas.append(self._area(f"province-{code}", code, [run for run in self._runs if run[0] == code]))
        communes: dict[str, list[Any]] = {}
        for run in self._runs:
            if run[1] is not None:
                communes.setdefault(run[1], []).append(run)
        return [*areas, *(self._area(f"commune-{code}", runs[0][0], runs) for code, runs in sorted(communes.items()))]

    def _area(self, area: str, province: str | None, runs: list[Any]) -> Area:
        box = _around(np.array([run[4] for run in runs]))
        sides = None if np.isnan(box[0]) else tuple(float(side) for side in box)
        return Area(area, self._names.get(area), province, _joined(runs), sides)  # type: ignore[arg-type]  # four sides


def _joined(runs: list[Any]) -> tuple[tuple[int, int], ...]:
    """Return where runs begin and end, those that follow each other as one."""
    found: list[tuple[int, int]] = []
    for _, _, start, stop, _ in runs:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], stop)
        else:
            found.append((start, stop))
    return tuple(found)


def _around(boxes: Boxes) -> Boxes:
    known = boxes[~np.isnan(boxes[:, 0])]
    if not len(known):
        return np.full(4, np.nan)
    return np.concatenate([known[:, :2].min(axis=0), known[:, 2:].max(axis=0)])


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one area, read from a snapshot as often as there are formats.

    Attributes
    ----------
    columns : OpenColumns
    snapshot : Path
    area : Area
    about : dict of str to str
        Said in files that can say something of themselves: title, licence, attribution, revision.
    changed_at : str
        When the state was published, ISO 8601 in UTC: files say so, and no other time.
    """

    columns: OpenColumns
    snapshot: Path
    area: Area
    about: dict[str, str]
    changed_at: str

    @property
    def register(self) -> Register:
        """Whose rows they are."""
        return self.columns.register

    def batches(self, names: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows, in the order of the snapshot.

        Parameters
        ----------
        names : list of str, optional
            Columns wanted; all but the boxes when not given.
        """
        wanted = [*self.columns.names, GEOMETRY] if names is None else names
        with pq.ParquetFile(self.snapshot, pre_buffer=False) as file:
            begun = 0
            for group in range(file.metadata.num_row_groups):
                ended = begun + file.metadata.row_group(group).num_rows
                for start, stop in self.area.runs:
                    if ended > start and begun < stop:
                        yield from _sliced(file, group, wanted, start - begun, stop - begun)
                begun = ended

    def schema(self) -> pa.Schema:
        """Return the schema of all columns but the boxes."""
        return _schema(self.columns)


def _sliced(file: pq.ParquetFile, group: int, names: list[str], start: int, stop: int) -> Iterator[pa.RecordBatch]:
    at = 0
    for batch in file.iter_batches(_WRITTEN_ROWS, row_groups=[group], columns=names):
        first, last = max(start - at, 0), min(stop - at, batch.num_rows)
        at += batch.num_rows
        if first < last:
            yield batch.slice(first, last - first).select(names)


def write_parquet(part: Part, path: Path) -> None:
    """Write a part as GeoParquet; that of the whole register is its snapshot."""
    about = {"bandoso": json.dumps(part.about, ensure_ascii=False)}
    with GeoParquetWriter(path, part.schema(), about) as file:
        for batch in part.batches():
            file.write(batch)
