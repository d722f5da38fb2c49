"""Column types that every register shares."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Identity, Text, func, text
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

WGS84 = 4326

Timestamp = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]
Day = Annotated[date, mapped_column(Date)]
PointGeometry = Annotated[WKBElement, mapped_column(Geometry("POINT", WGS84, spatial_index=False))]
MultiPolygonGeometry = Annotated[WKBElement, mapped_column(Geometry("MULTIPOLYGON", WGS84, spatial_index=False))]


class BarePoint(UserDefinedType[str]):
    """PostgreSQL's own ``point``: two numbers in double precision, which an index gives back as they are, unlike PostGIS's."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name."""
        return "point"


ischema_names["point"] = BarePoint


def rule(condition: str, name: str, vi: str, en: str) -> CheckConstraint:
    """Return a rule of a register's table with the words in which a report tells that a row breaks it."""
    return CheckConstraint(condition, name=name, info={"vi": vi, "en": en})


class Feature:
    """What every register's table holds beside its own fields.

    ``id`` is the number tiles carry, ``uuid`` the opaque permanent identifier shown to people and programs;
    both stay for the life of the feature. ``revision`` is the revision that touched the row last.
    """

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    uuid: Mapped[UUID] = mapped_column(PgUuid, unique=True, server_default=text("gen_random_uuid()"))
    revision: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[Timestamp]
    source: Mapped[str | None] = mapped_column(Text, comment="Where the record comes from, in the officer's words")
