"""A file that is only checked, against the areas that everybody may see.

Whoever asks may be anybody, so nothing is compared with but what the public reads: the register's open view. Points are
not compared: who may ask which households stand at a place could list them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, column, func, select, table

from geodata.db import Database
from geodata.geometry import Geometries
from geodata.importing.check import ImportRequest, NoSink, Progress, check_file, no_progress
from geodata.importing.file_places import MOST_VERTICES
from geodata.importing.given_ids import STAGED
from geodata.importing.overlaps import AREAS_AT_ONCE, RecordsBelow, boxes_of, select_in_boxes
from geodata.importing.report import Report
from geodata.register import Register
from geodata.units.index import UnitIndex

_AREAS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def check_against_public(
    request: ImportRequest, units: UnitIndex, work_dir: Any, database: Database | None, progress: Progress = no_progress
) -> Report:
    """Check a file for anybody: its rows, and of areas what public records they lie on.

    Parameters
    ----------
    database : Database, optional
        Without one, rows are compared with one another alone.
    """
    if database is None or request.register.geometry_kind != "polygon":
        return check_file(request, units, work_dir, NoSink(), progress)
    kept = KeptAreas(request.register)
    report = check_file(request, units, work_dir, kept, progress)
    with database.read() as connection:
        report_public_overlaps(connection, kept, report)
    return report


@dataclass
class KeptAreas:
    """Keeps the areas of a file's valid rows, and which records its rows are."""

    register: Register
    areas: list[Geometries] = field(default_factory=list)
    rows: list[NDArray[np.int64]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    keys: set[tuple[str | None, ...]] = field(default_factory=set)
    first_left_out: int | None = None
    _vertices: int = 0

    def open(self, fields: Sequence[str]) -> None:
        """Do nothing."""

    def write(self, columns: Mapping[str, pa.Array], geometries: Geometries, rows: pa.Array) -> None:
        """Take one batch."""
        if self.register.key and set(self.register.key) <= columns.keys():
            self.keys.update(zip(*(columns[name].to_pylist() for name in self.register.key), strict=True))
        if STAGED in columns:
            self.ids.update(str(given) for given in columns[STAGED].drop_null().to_pylist())
        is_area = np.isin(shapely.get_type_id(geometries), _AREAS)
        numbers = rows.to_numpy()[is_area]
        self._vertices += int(shapely.get_num_coordinates(geometries[is_area]).sum())
        if self._vertices > MOST_VERTICES:
            self.first_left_out = self.first_left_out or int(numbers.min())
        elif len(numbers):
            self.areas.append(geometries[is_area])
            self.rows.append(numbers)

    def is_of_file(self, record: Any) -> bool:
        """Whether a record is one that the file itself changes: its old place goes."""
        return str(record.uuid) in self.ids or tuple(record[3:]) in self.keys


def report_public_overlaps(connection: Connection, kept: KeptAreas, report: Report) -> None:
    """Warn of areas that lie on records that the public sees.

    Parameters
    ----------
    connection : Connection
        Of the role of public readers.
    """
    checking = RecordsBelow(report, sum(map(len, kept.rows)))
    for areas, rows in _portions(kept):
        found = connection.execute(_records(kept.register), boxes_of(areas)).all()
        if not checking.say(areas, rows, [record for record in found if not kept.is_of_file(record)]):
            return


def _portions(kept: KeptAreas) -> Iterator[tuple[Geometries, NDArray[np.int64]]]:
    for areas, rows in zip(kept.areas, kept.rows, strict=True):
        for start in range(0, len(rows), AREAS_AT_ONCE):
            yield areas[start : start + AREAS_AT_ONCE], rows[start : start + AREAS_AT_ONCE]


def _records(register: Register) -> Select[Any]:
    """Return uuid, label, shape and key of the public records in some boxes."""
    label, key, place = register.label, register.key, register.geometry.key
    names = {"id", "uuid", label, *key, place, *(["valid_to"] if register.has_validity else [])}
    there = table(register.id, *map(column, sorted(names)), schema="open")
    ids = select_in_boxes(there.c.id, there.c[place])
    parts = [there.c.uuid, there.c[label].label("label"), func.ST_AsBinary(there.c[place]).label("shape")]
    found = select(*parts, *(there.c[name].label(f"key_{name}") for name in key)).where(there.c.id.in_(ids))
    return found.where(there.c.valid_to.is_(None)) if register.has_validity else found
