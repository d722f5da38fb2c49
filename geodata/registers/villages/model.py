"""Table of villages."""

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import WGS84, Day, Feature, rule
from geodata.db import Base


class Village(Feature, Base):
    """A settlement below the commune; has no legal code of its own everywhere."""

    __tablename__ = "villages"
    __table_args__ = (
        rule("household_count >= 0", "household_count", "số hộ không âm", "the household count is not negative"),
        rule(
            "geom IS NOT NULL OR point IS NOT NULL", "place", "có ranh giới hoặc điểm", "there is a boundary or a point"
        ),
        Index("uq_villages_commune_code_name", "commune_code", "name", unique=True),
        Index("idx_villages_geom", "geom", postgresql_using="gist"),
        Index("idx_villages_point", "point", postgresql_using="gist"),
        {"schema": "reg", "comment": "Villages with the household count that coverage is measured against"},
    )

    code: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    commune_code: Mapped[str] = mapped_column(Text)
    household_count: Mapped[int | None]
    household_count_on: Mapped[Day | None]
    household_count_source: Mapped[str | None] = mapped_column(Text)
    population: Mapped[int | None]
    geom: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", WGS84, spatial_index=False))
    point: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", WGS84, spatial_index=False))
