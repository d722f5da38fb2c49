"""Tables of growing areas and of their registrations per market."""

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import WGS84, Day, Feature, rule
from geodata.db import Base


class GrowingArea(Feature, Base):
    """A growing area; approved per market, see `GrowingAreaMarket`."""

    __tablename__ = "growing_areas"
    __table_args__ = (
        rule(
            "geom IS NOT NULL OR point IS NOT NULL", "place", "có ranh giới hoặc điểm", "there is a boundary or a point"
        ),
        Index("uq_growing_areas_code", "code", unique=True),
        Index("ix_growing_areas_commune_code", "commune_code"),
        Index("idx_growing_areas_geom", "geom", postgresql_using="gist"),
        Index("idx_growing_areas_point", "point", postgresql_using="gist"),
        {"schema": "reg", "comment": "Growing areas (mã số vùng trồng)"},
    )

    code: Mapped[str] = mapped_column(Text, comment="Normalised; the province is never derived from its letters")
    code_raw: Mapped[str | None] = mapped_column(Text, comment="As the source wrote it, where that differs")
    name: Mapped[str | None] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text, comment="As written; may be that of a family, not public")
    regime: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    crop: Mapped[str] = mapped_column(Text)
    crop_latin: Mapped[str | None] = mapped_column(Text, comment="Scientific name, as markets ask for it")
    variety: Mapped[str | None] = mapped_column(Text)
    area_ha: Mapped[float | None]
    organisation: Mapped[str | None] = mapped_column(Text, comment="Cooperative or company that holds the code")
    household_count: Mapped[int | None]
    tree_count: Mapped[int | None]
    expected_yield_t: Mapped[float | None]
    harvest_months: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    certificate: Mapped[str | None] = mapped_column(Text)
    certificate_valid_to: Mapped[Day | None]
    issued_on: Mapped[Day | None]
    decision_number: Mapped[str | None] = mapped_column(Text)
    inspected_on: Mapped[Day | None] = mapped_column(comment="Latest inspection; earlier ones are in the history")
    inspection_kind: Mapped[str | None] = mapped_column(Text)
    inspection_result: Mapped[str | None] = mapped_column(Text)
    diary_ref: Mapped[str | None] = mapped_column(Text, comment="Where the farm diary is kept")
    commune_code: Mapped[str] = mapped_column(Text)
    province_code: Mapped[str] = mapped_column(Text)
    boundary_method: Mapped[str | None] = mapped_column(Text)
    representative: Mapped[str | None] = mapped_column(Text, comment="Personal data")
    phone: Mapped[str | None] = mapped_column(Text, comment="Personal data")
    markets: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), comment="All the list names; what is known of each in growing_area_markets"
    )
    geom: Mapped[WKBElement | None] = mapped_column(Geometry("MULTIPOLYGON", WGS84, spatial_index=False))
    point: Mapped[WKBElement | None] = mapped_column(Geometry("POINT", WGS84, spatial_index=False))


class GrowingAreaMarket(Base):
    """The registration of a growing area with one importing country, through time."""

    __tablename__ = "growing_area_markets"
    __table_args__ = ({"schema": "reg", "comment": "State of a growing area per market"},)

    feature_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("reg.growing_areas.id", ondelete="CASCADE"), primary_key=True
    )
    market: Mapped[str] = mapped_column(Text, primary_key=True, comment="ISO 3166-1 alpha-3")
    valid_from: Mapped[Day] = mapped_column(primary_key=True)
    valid_to: Mapped[Day | None]
    status: Mapped[str] = mapped_column(Text)
    market_code: Mapped[str | None] = mapped_column(Text, comment="The importing country's own number")
    decision_number: Mapped[str | None] = mapped_column(Text)
