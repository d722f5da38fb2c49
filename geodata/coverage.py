"""Simplified copies of areas that share borders, drawn together so that neighbours keep one line between them.

Each border is simplified once for both its sides (`shapely.coverage_simplify`, Visvalingam and Whyatt). An area by
itself, as others are simplified, leaves gaps and overlaps of the tolerance's width.
"""

from importlib.resources import files
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    column,
    func,
    insert,
    or_,
    select,
    table,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on

from geodata.drawing import ANY_GEOMETRY, LOW_TOLERANCE_M, MID_TOLERANCE_M, slim_source
from geodata.register import Register

_COPY = table("shared_copy", column("id"), *(column(name, ANY_GEOMETRY) for name in ("geom_mid", "geom_low")))

Shapes = NDArray[np.object_]


def simplified(shapes: Shapes, tolerance_m: float) -> Shapes:
    """Return areas with fewer vertices and the same neighbours.

    Parameters
    ----------
    shapes : array of MultiPolygon
        In metres. Where two share a border they have the same vertices along it.
    tolerance_m : float
        Square root of the area of the largest triangle that is cut off.

    Returns
    -------
    array of MultiPolygon
        Vertices are some of those given; no area vanishes. Borders that do not match are simplified side by side, and
        an area that this breaks is simplified by itself.
    """
    drawn = shapely.coverage_simplify(shapes, tolerance_m)
    is_broken = ~shapely.is_valid(drawn) | shapely.is_empty(drawn)
    drawn[is_broken] = [_as_multi(one) for one in shapely.simplify(shapes[is_broken], tolerance_m)]
    return drawn  # type: ignore[no-any-return]  # untyped upstream


def _as_multi(shape: shapely.Geometry) -> shapely.Geometry:
    return shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])


class SharedBorders:
    """Keeps the simplified copies in the slim table of a register whose areas share borders.

    Parameters
    ----------
    connection : Connection
        In the publish's transaction, after the shapes were written.
    register : Register
    """

    def __init__(self, connection: Connection, register: Register) -> None:
        self.connection = connection
        self._slim = slim_source(register, f"{register.id}_tile", "reg")
        self._was = slim_source(register, "slim_was", None)

    def draw_all(self) -> None:
        """Draw the copies of a new register."""
        slim = self._slim
        rows = select(slim.c.id, func.ST_AsBinary(slim.c.geom).label("shape"), true().label("is_wanted"))
        if self._note_copies(rows.where(slim.c.geom.is_not(None)).order_by(slim.c.id)):
            self._write()

    def redraw(self, touched: Select[Any]) -> None:
        """Draw the copies anew that are missing, and those of the neighbours of what was touched.

        Parameters
        ----------
        touched : Select of ids
            Records that were written without copies and of which ``slim_was`` holds the rows as they were. Other rows
            whose copies come out otherwise are added to it.
        """
        self._keep_copies()
        if not self._note_copies(self._around(touched)):
            return
        names = [item.name for item in self._was.c]
        added = select(*(self._slim.c[name] for name in names)).where(self._is_drawn_otherwise())
        added = added.where(self._slim.c.id.not_in(touched), self._slim.c.id == _COPY.c.id)
        self.connection.execute(insert(self._was).from_select(names, added))
        self._write()

    def _keep_copies(self) -> None:
        slim, was = self._slim, self._was
        kept = {name: was.c[name] for name in ("geom_mid", "geom_low")}
        self.connection.execute(update(slim).values(kept).where(slim.c.id == was.c.id, slim.c.geom == was.c.geom))

    def _around(self, touched: Select[Any]) -> Select[Any]:
        """Select the areas that change, which are those drawn anew and what they border on, and around them theirs.

        A border ends where a third area begins; so it comes out as in the whole layer if all that touch it are there.
        """
        slim, was = self._slim, self._was
        gone = select(was.c.geom).select_from(was.outerjoin(slim, slim.c.id == was.c.id))
        gone = gone.where(was.c.geom.is_distinct_from(slim.c.geom))
        new = select(slim.c.geom).where(slim.c.id.in_(touched), slim.c.geom_mid.is_(None))
        seeds = union_all(gone, new).cte("seed")
        near = self._meeting(seeds).cte("near")
        around = self._meeting(near).cte("around")
        is_wanted = slim.c.id.in_(select(near.c.id)).label("is_wanted")
        rows = select(slim.c.id, func.ST_AsBinary(slim.c.geom).label("shape"), is_wanted)
        return rows.where(slim.c.id.in_(select(around.c.id))).order_by(slim.c.id)

    def _meeting(self, others: FromClause) -> Select[Any]:
        """Select the areas whose boxes meet one of the others'; where areas touch, their boxes do."""
        slim = self._slim.alias()
        meets = slim.c.geom.op("&&", is_comparison=True)(others.c.geom)
        found = select(slim.c.id, slim.c.geom).select_from(slim.join(others, meets))
        return found.ext(distinct_on(slim.c.id))

    def _note_copies(self, areas: Select[Any]) -> bool:
        rows = self.connection.execute(areas).all()
        if not rows:
            return False
        shapes = shapely.from_wkb(np.array([bytes(row.shape) for row in rows], dtype=object))
        wanted = np.array([row.is_wanted for row in rows])
        mid, low = (shapely.to_wkb(simplified(shapes, metres)[wanted]) for metres in (MID_TOLERANCE_M, LOW_TOLERANCE_M))
        script = files("geodata").joinpath("sql", "shared_copies.sql").read_text(encoding="utf-8")
        ids = [row.id for row in rows if row.is_wanted]
        self.connection.execute(text(script), {"ids": ids, "mid": list(mid), "low": list(low)})
        return True

    def _is_drawn_otherwise(self) -> ColumnElement[bool]:
        return or_(*(self._slim.c[name].is_distinct_from(_COPY.c[name]) for name in ("geom_mid", "geom_low")))

    def _write(self) -> None:
        copies = {name: _COPY.c[name] for name in ("geom_mid", "geom_low")}
        statement = update(self._slim).values(copies).where(self._slim.c.id == _COPY.c.id)
        self.connection.execute(statement.where(self._is_drawn_otherwise()))
        self.connection.execute(text("DROP TABLE shared_copy"))
