"""Table of facilities."""

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import WGS84, Feature, rule
from geodata.db import Base


class Facility(Feature, Base):
    """A place of public service in a village."""

    __tablename__ = "facilities"
    __table_args__ = (
        rule(
            "kind IN ('wifi', 'culture_house', 'post_office', 'loudspeaker')",
            "kind",
            "loại có trong danh mục",
            "the kind is one of the list",
        ),
        Index("ix_facilities_commune_code", "commune_code"),
        {"schema": "reg", "comment": "Facilities of the villages"},
    )

    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    operator: Mapped[str | None] = mapped_column(Text)
    opening_hours: Mapped[str | None] = mapped_column(Text, comment="OpenStreetMap opening_hours grammar")
    phone: Mapped[str | None] = mapped_column(Text, comment="Of the person in charge; not public")
    commune_code: Mapped[str] = mapped_column(Text)
    province_code: Mapped[str] = mapped_column(Text)
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", WGS84, spatial_index=False))
