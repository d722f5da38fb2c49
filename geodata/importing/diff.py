"""What a staged file would change, row by row: for the officer who decides.

Private values are never shown: that they differ is all that is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from geoalchemy2 import Geometry
from sqlalchemy import ColumnElement, FromClause, Row, RowMapping, Select, case, func, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.selectable import ScalarSelect

from geodata.derived import geometry_names
from geodata.importing.merge import Merge, row_key
from geodata.importing.review import place_differs
from geodata.register import Field

Kind = Literal["added", "changed", "removed"]
KINDS: tuple[Kind, ...] = ("added", "changed", "removed")

HIDDEN = "…"
"""Stands for a private value."""

_Place = ColumnElement[Any]


@dataclass(frozen=True)
class Diff:
    """The rows of a staged file beside the records they meet.

    Attributes
    ----------
    merge : Merge
        Matched already; nothing is written.
    """

    merge: Merge

    def rows(self, kind: Kind, *, limit: int, after: int = 0) -> list[dict[str, Any]]:
        """Return rows of one kind in the order of the file, records that vanish in that of their ids.

        Parameters
        ----------
        limit : int
        after : int
            ``at`` of the last row of the page before.
        """
        statement = self._select(kind, after).limit(limit)
        return [self._describe(kind, row) for row in self.merge.connection.execute(statement)]

    def features(self, *, limit: int) -> dict[str, Any]:
        """Return the changes as GeoJSON: what is there now (``before``), and what comes.

        Parameters
        ----------
        limit : int
            Rows of each kind, at most.
        """
        features: list[dict[str, Any]] = []
        for kind in KINDS:
            for row in self.merge.connection.execute(self._select(kind, 0).limit(limit)):
                values = row._mapping
                drawn: dict[str, Any] = {kind: values["before_place"] if kind == "removed" else values["after_place"]}
                if values["moved_m"]:
                    drawn["before"] = values["before_place"]
                features += [
                    {
                        "type": "Feature",
                        "geometry": place,
                        "properties": {"kind": name, "label": values["label"], "row": values["row"]},
                    }
                    for name, place in drawn.items()
                    if place is not None
                ]
        return {"type": "FeatureCollection", "features": features}

    def _select(self, kind: Kind, after: int) -> Select[Any]:
        """Select the rows of a kind: one line each, with both values of every field."""
        staged, live = self.merge.staging, self.merge.live
        wanted: ColumnElement[bool]
        if kind == "removed":
            source: FromClause = live
            wanted = live.c.id.in_(self.merge.removed())
            at: ColumnElement[Any] = live.c.id
            row: ColumnElement[Any] = null()
        else:
            source = staged.outerjoin(live, live.c.id == staged.c.target)
            wanted = self.merge.is_new if kind == "added" else staged.c.is_changed
            at = row = staged.c.row_number
        columns = [at.label("at"), row.label("row"), live.c.uuid.label("id"), self._label(kind).label("label")]
        for number, (item, before, coming) in enumerate(self._fields):
            is_left_out = kind == "added" or (kind == "removed" and self._is_listed(item))
            columns.append((null() if is_left_out else func.to_jsonb(before)).label(f"before_{number}"))
            columns.append((null() if kind == "removed" else func.to_jsonb(coming)).label(f"after_{number}"))
        return select(*columns, *self._places(kind)).select_from(source).where(wanted, at > after).order_by(at)

    @cached_property
    def _fields(self) -> list[tuple[Field, ColumnElement[Any], ColumnElement[Any]]]:
        """Fields that the file gives, with what they are and what they become."""
        merge, found = self.merge, []
        companions = {
            name: table for table, columns in merge.companions() for name in (c.name for c in columns.values())
        }
        for item in merge.register.fields:
            if item.name not in merge.staging.c or item.name in geometry_names(merge.register):
                continue
            coming: ColumnElement[Any] = merge.staging.c[item.name]
            if item.column.class_ is merge.register.model:
                before: ColumnElement[Any] = merge.live.c[item.name]
                stays = before if item.name not in merge.updated_names else merge.updated(item.name)
                coming = case((merge.is_new, coming), else_=stays)
            elif item.scheme is not None:
                before = self._code(item)
                coming = func.coalesce(coming, before)
            elif item.name in companions:
                before = self._beside(companions[item.name], item)
                coming = coming if row_key(companions[item.name]) else func.coalesce(coming, before)
            else:
                continue
            found.append((item, before, coming))
        return found

    def _is_listed(self, item: Field) -> bool:
        """Whether a field is of a list, of which only the row that the file names can be shown."""
        return item.column.class_ in {side.model for side in self.merge.register.lists}

    def _code(self, item: Field) -> ScalarSelect[Any]:
        codes = item.column.class_.__table__
        rows = select(codes.c[item.column.key]).where(
            codes.c.feature_id == self.merge.live.c.id, codes.c.scheme == item.scheme, codes.c.status == "active"
        )
        return rows.order_by(codes.c.value).limit(1).scalar_subquery()

    def _beside(self, table: Any, item: Field) -> ScalarSelect[Any]:
        columns = next(columns for other, columns in self.merge.companions() if other is table)
        same = [table.c[name] == columns[name] for name in row_key(table)]
        rows = select(table.c[item.column.key]).where(table.c.feature_id == self.merge.live.c.id, *same)
        return rows.scalar_subquery()

    def _label(self, kind: Kind) -> ColumnElement[Any]:
        """Return what people call the record: its label, which may be a code."""
        name = self.merge.register.label
        for item, before, coming in self._fields:
            if item.name == name:
                return before if kind == "removed" else coming
        if name in self.merge.live.c:
            return self.merge.live.c[name]
        return literal(None)

    def _places(self, kind: Kind) -> list[ColumnElement[Any]]:
        staged, live = self.merge.staging, self.merge.live
        names = geometry_names(self.merge.register)
        before: _Place = _coalesce([live.c[name] for name in names])
        given = [staged.c[name] for name in names if name in staged.c]
        moved: ColumnElement[Any] = null()
        if given and kind == "changed":
            apart = func.ST_Distance(_centre(before), _centre(_coalesce(given)))
            moved = case((place_differs(self.merge), apart))
        coming = null() if kind == "removed" or not given else _geojson(_coalesce(given))
        return [
            moved.label("moved_m"),
            coming.label("after_place"),
            (null() if kind == "added" else _geojson(before)).label("before_place"),
        ]

    def _describe(self, kind: Kind, row: Row[Any]) -> dict[str, Any]:
        values = row._mapping
        return {
            "kind": kind,
            "at": values["at"],
            "row": values["row"],
            "id": str(values["id"]) if values["id"] else None,
            "label": values["label"],
            "moved_m": None if values["moved_m"] is None else round(values["moved_m"], 1),
            "fields": self._differences(values),
        }

    def _differences(self, values: RowMapping) -> Sequence[dict[str, Any]]:
        found = []
        for number, (item, _, _) in enumerate(self._fields):
            before, coming = values[f"before_{number}"], values[f"after_{number}"]
            if before == coming:
                continue
            if not item.public:
                before, coming = (None if value is None else HIDDEN for value in (before, coming))
            title = {"vi": item.title.vi, "en": item.title.en}
            found.append({"field": item.name, "title": title, "before": before, "after": coming})
        return found


def _coalesce(columns: Sequence[Any]) -> _Place:
    return func.coalesce(*columns, type_=Geometry) if len(columns) > 1 else columns[0]


def _centre(place: _Place) -> ColumnElement[Any]:
    """Return the middle of a place, as geography: distances are metres on the ellipsoid."""
    return func.geography(func.ST_Centroid(place))


def _geojson(place: _Place) -> ColumnElement[Any]:
    return func.ST_AsGeoJSON(place, 6).cast(JSONB)
