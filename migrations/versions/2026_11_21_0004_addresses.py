"""Create the register of addresses."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from migrations.sql import run_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply the change."""
    op.create_geospatial_table(
        "addresses",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True, comment="Of an agency, business or place; never of a household"),
        sa.Column("house_number", sa.Text(), nullable=True),
        sa.Column("alley", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("village", sa.Text(), nullable=True),
        sa.Column("settlement_kind", sa.Text(), nullable=True, comment="Kind of the village, where the list says it"),
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column("province_code", sa.Text(), nullable=False),
        sa.Column("legacy_district", sa.Text(), nullable=True, comment="District before 2025-07-01, as written"),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("full_address", sa.Text(), nullable=True, comment="The address as the officer wrote it"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("position_method", sa.Text(), nullable=True),
        sa.Column("position_accuracy_m", sa.Double(), nullable=True),
        sa.Column("entrances", sa.ARRAY(sa.Text()), nullable=True, comment="Each “longitude latitude”, WGS 84"),
        sa.Column("recorded_on", sa.Date(), nullable=True),
        sa.Column("notified_on", sa.Date(), nullable=True),
        sa.Column("plate_attached_on", sa.Date(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("uuid", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("source", sa.Text(), nullable=True, comment="Where the record comes from, in the officer's words"),
        sa.CheckConstraint("kind <> 'household' OR name IS NULL", name=op.f("ck_addresses_household_has_no_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
        sa.UniqueConstraint("uuid", name=op.f("uq_addresses_uuid")),
        schema="reg",
    )
    op.create_table_comment("addresses", "Digital addresses", schema="reg")
    op.create_index("ix_addresses_commune_code", "addresses", ["commune_code"], unique=False, schema="reg")
    op.create_table(
        "addresses_grid",
        sa.Column("z", sa.SmallInteger(), nullable=False, comment="Zoom of the tile that shows the cell"),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("cell", sa.SmallInteger(), nullable=False, comment="Row * 64 + column within the tile"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("z", "x", "y", "cell", name=op.f("pk_addresses_grid")),
        schema="reg",
        comment="Counts of addresses per cell, for low zooms",
    )
    op.create_geospatial_table(
        "addresses_tile",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("house_number", sa.Text(), nullable=True),
        sa.Column(
            "point",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses_tile")),
        schema="reg",
    )
    op.create_table_comment("addresses_tile", "Slim copy of addresses for tiles", schema="reg")
    op.create_geospatial_index(
        "idx_addresses_tile_point",
        "addresses_tile",
        ["point"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "address_codes",
        sa.Column("feature_id", sa.BigInteger(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="Normalised"),
        sa.Column("raw", sa.Text(), nullable=True, comment="As the source wrote it, where that differs"),
        sa.Column("status", sa.Text(), server_default="active", nullable=False, comment="active or retired"),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True, comment="Who gave the code, or the file it came from"),
        sa.ForeignKeyConstraint(
            ["feature_id"], ["reg.addresses.id"], name=op.f("fk_address_codes_feature_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feature_id", "scheme", "value", name=op.f("pk_address_codes")),
        schema="reg",
        comment="Typed codes of addresses, recorded and never issued by us",
    )
    op.create_index(
        "uq_address_codes_scheme_value",
        "address_codes",
        ["scheme", "value"],
        unique=True,
        schema="reg",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "household_private",
        sa.Column("feature_id", sa.BigInteger(), nullable=False),
        sa.Column("head_name", sa.Text(), nullable=True, comment="Head of household (chủ hộ)"),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feature_id"], ["reg.addresses.id"], name=op.f("fk_household_private_feature_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feature_id", name=op.f("pk_household_private")),
        schema="reg",
        comment="Personal data: never public, erased with the address",
    )
    run_file("0004_addresses.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute(
        "DROP TABLE reg.addresses, reg.addresses_grid, reg.addresses_tile, reg.address_codes, reg.household_private CASCADE"
    )
