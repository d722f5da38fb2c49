"""Table of communes."""

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import Computed, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import WGS84, Day, Feature, rule
from geodata.db import Base


class Commune(Feature, Base):
    """A commune, ward or special zone, in one of its forms through time."""

    __tablename__ = "communes"
    __table_args__ = (
        rule("code ~ '^[0-9]{5}$'", "code", "mã xã có 5 chữ số", "a commune code has five digits"),
        rule(
            "valid_to IS NULL OR valid_to > valid_from",
            "validity",
            "ngày hết hiệu lực sau ngày có hiệu lực",
            "the last day of validity is after the first",
        ),
        Index("uq_communes_code_valid_from", "code", "valid_from", unique=True),
        Index("ix_communes_province_code", "province_code"),
        Index("idx_communes_geom", "geom", postgresql_using="gist"),
        {"schema": "reg", "comment": "Communes with validity dates"},
    )

    code: Mapped[str] = mapped_column(Text, comment="Five digits, text; Decision 19/2025/QĐ-TTg")
    commune_code: Mapped[str] = mapped_column(Text, Computed("code", persisted=True))
    name: Mapped[str] = mapped_column(Text)
    full_name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    province_code: Mapped[str] = mapped_column(Text)
    area_km2: Mapped[float | None]
    valid_from: Mapped[Day]
    valid_to: Mapped[Day | None]
    legal_note: Mapped[str | None] = mapped_column(Text)
    geom: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", WGS84, spatial_index=False))
