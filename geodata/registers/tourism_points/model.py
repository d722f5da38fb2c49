"""Table of rural tourism points."""

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import ARRAY, Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import WGS84, Day, Feature, rule
from geodata.db import Base


class TourismPoint(Feature, Base):
    """A place that receives visitors in the countryside."""

    __tablename__ = "tourism_points"
    __table_args__ = (
        rule("ocop_stars BETWEEN 1 AND 5", "ocop_stars", "sao OCOP từ 1 đến 5", "OCOP stars are 1 to 5"),
        rule(
            "slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'",
            "slug",
            "tên đường dẫn chỉ gồm a–z, 0–9 và dấu gạch nối",
            "a slug is made of a–z, 0–9 and hyphens",
        ),
        Index("uq_tourism_points_slug", "slug", unique=True),
        Index("ix_tourism_points_commune_code", "commune_code"),
        {"schema": "reg", "comment": "Rural tourism points"},
    )

    slug: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    description_en: Mapped[str | None] = mapped_column(Text)
    organisation: Mapped[str | None] = mapped_column(Text)
    ocop_stars: Mapped[int | None] = mapped_column(SmallInteger)
    ocop_decision: Mapped[str | None] = mapped_column(Text)
    ocop_valid_to: Mapped[Day | None]
    beds: Mapped[int | None]
    guests_per_day: Mapped[int | None]
    opening_hours: Mapped[str | None] = mapped_column(Text, comment="OpenStreetMap opening_hours grammar")
    season_months: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    festivals: Mapped[str | None] = mapped_column(Text, comment="Days of the lunar calendar too, as written")
    price_from_vnd: Mapped[int | None]
    price_to_vnd: Mapped[int | None]
    languages: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    services: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    accessibility: Mapped[str | None] = mapped_column(Text)
    road_access: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    zalo: Mapped[str | None] = mapped_column(Text)
    contact_consent: Mapped[bool]
    website: Mapped[str | None] = mapped_column(Text)
    booking_url: Mapped[str | None] = mapped_column(Text)
    photo_url: Mapped[str | None] = mapped_column(
        Text, comment="Shown as a link only: nothing is loaded from elsewhere"
    )
    photo_credit: Mapped[str | None] = mapped_column(Text)
    photo_licence: Mapped[str | None] = mapped_column(Text)
    tour_url: Mapped[str | None] = mapped_column(Text, comment="360-degree or virtual visit")
    status: Mapped[str] = mapped_column(Text)
    verified_on: Mapped[Day | None]
    verified_by: Mapped[str | None] = mapped_column(Text, comment="Officer; not public")
    commune_code: Mapped[str] = mapped_column(Text)
    province_code: Mapped[str] = mapped_column(Text)
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", WGS84, spatial_index=False))
