"""Tables of digital addresses: the place, its codes, and what is private about a household."""

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import WGS84, Day, Feature, rule
from geodata.db import Base


class Address(Feature, Base):
    """A place with a digital address. Nothing here is about a person."""

    __tablename__ = "addresses"
    __table_args__ = (
        rule(
            "kind <> 'household' OR name IS NULL",
            "household_has_no_name",
            "hộ gia đình không có tên công khai; tên chủ hộ ghi ở cột “Chủ hộ”",
            "a household has no public name; its head goes in “Head of household”",
        ),
        Index("ix_addresses_commune_code", "commune_code"),
        {"schema": "reg", "comment": "Digital addresses"},
    )

    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text, comment="Of an agency, business or place; never of a household")
    house_number: Mapped[str | None] = mapped_column(Text)
    alley: Mapped[str | None] = mapped_column(Text)
    street: Mapped[str | None] = mapped_column(Text)
    village: Mapped[str | None] = mapped_column(Text)
    settlement_kind: Mapped[str | None] = mapped_column(Text, comment="Kind of the village, where the list says it")
    commune_code: Mapped[str] = mapped_column(Text)
    province_code: Mapped[str] = mapped_column(Text)
    legacy_district: Mapped[str | None] = mapped_column(Text, comment="District before 2025-07-01, as written")
    postcode: Mapped[str | None] = mapped_column(Text)
    full_address: Mapped[str | None] = mapped_column(Text, comment="The address as the officer wrote it")
    status: Mapped[str] = mapped_column(Text)
    position_method: Mapped[str | None] = mapped_column(Text)
    position_accuracy_m: Mapped[float | None]
    entrances: Mapped[list[str] | None] = mapped_column(ARRAY(Text), comment="Each “longitude latitude”, WGS 84")
    recorded_on: Mapped[Day | None]
    notified_on: Mapped[Day | None]
    plate_attached_on: Mapped[Day | None]
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", WGS84, spatial_index=False))


class AddressCode(Base):
    """A code that some scheme gave to an address; an address may have several."""

    __tablename__ = "address_codes"
    __table_args__ = (
        Index(
            "uq_address_codes_scheme_value", "scheme", "value", unique=True, postgresql_where=text("status = 'active'")
        ),
        {"schema": "reg", "comment": "Typed codes of addresses, recorded and never issued by us"},
    )

    feature_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("reg.addresses.id", ondelete="CASCADE"), primary_key=True
    )
    scheme: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True, comment="Normalised")
    raw: Mapped[str | None] = mapped_column(Text, comment="As the source wrote it, where that differs")
    status: Mapped[str] = mapped_column(Text, server_default="active", comment="active or retired")
    issued_on: Mapped[Day | None]
    source: Mapped[str | None] = mapped_column(Text, comment="Who gave the code, or the file it came from")


class HouseholdPrivate(Base):
    """What is known about the people of a household. Own grants; every read is audited."""

    __tablename__ = "household_private"
    __table_args__ = ({"schema": "reg", "comment": "Personal data: never public, erased with the address"},)

    feature_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("reg.addresses.id", ondelete="CASCADE"), primary_key=True
    )
    head_name: Mapped[str | None] = mapped_column(Text, comment="Head of household (chủ hộ)")
    phone: Mapped[str | None] = mapped_column(Text)
