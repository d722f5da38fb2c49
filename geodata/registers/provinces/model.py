"""Table of provinces."""

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import WGS84, Day, Feature, rule
from geodata.db import Base


class Province(Feature, Base):
    """A province or centrally run city, in one of its forms through time."""

    __tablename__ = "provinces"
    __table_args__ = (
        rule("code ~ '^[0-9]{2}$'", "code", "mã tỉnh có 2 chữ số", "a province code has two digits"),
        rule(
            "valid_to IS NULL OR valid_to > valid_from",
            "validity",
            "ngày hết hiệu lực sau ngày có hiệu lực",
            "the last day of validity is after the first",
        ),
        Index("uq_provinces_code_valid_from", "code", "valid_from", unique=True),
        Index("idx_provinces_geom", "geom", postgresql_using="gist"),
        {"schema": "reg", "comment": "Provinces with validity dates"},
    )

    code: Mapped[str] = mapped_column(Text, comment="Two digits, text; Decision 19/2025/QĐ-TTg")
    name: Mapped[str] = mapped_column(Text)
    full_name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    area_km2: Mapped[float | None]
    valid_from: Mapped[Day]
    valid_to: Mapped[Day | None]
    legal_note: Mapped[str | None] = mapped_column(Text)
    geom: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", WGS84, spatial_index=False))
