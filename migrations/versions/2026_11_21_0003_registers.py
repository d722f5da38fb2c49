"""Create the registers of addresses, growing areas and tourism points."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from migrations.sql import run_file

revision = "0003"
down_revision = "0002"


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
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column("province_code", sa.Text(), nullable=False),
        sa.Column("legacy_district", sa.Text(), nullable=True, comment="District before 2025-07-01, as written"),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("full_address", sa.Text(), nullable=True, comment="The address as the officer wrote it"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("position_method", sa.Text(), nullable=True),
        sa.Column("position_accuracy_m", sa.Double(), nullable=True),
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
    op.create_geospatial_index(
        "idx_addresses_geom",
        "addresses",
        ["geom"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
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
        sa.Column("code", sa.Text(), nullable=True),
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
    op.create_geospatial_table(
        "growing_areas",
        sa.Column(
            "code", sa.Text(), nullable=False, comment="Normalised; the province is never derived from its letters"
        ),
        sa.Column("code_raw", sa.Text(), nullable=True, comment="As the source wrote it, where that differs"),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("regime", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("crop", sa.Text(), nullable=False),
        sa.Column("variety", sa.Text(), nullable=True),
        sa.Column("area_ha", sa.Double(), nullable=True),
        sa.Column("organisation", sa.Text(), nullable=True, comment="Cooperative or company that holds the code"),
        sa.Column("household_count", sa.Integer(), nullable=True),
        sa.Column("tree_count", sa.Integer(), nullable=True),
        sa.Column("expected_yield_t", sa.Double(), nullable=True),
        sa.Column("harvest_months", sa.ARRAY(sa.SmallInteger()), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("certificate_valid_to", sa.Date(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("decision_number", sa.Text(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column("province_code", sa.Text(), nullable=False),
        sa.Column("boundary_method", sa.Text(), nullable=True),
        sa.Column("representative", sa.Text(), nullable=True, comment="Personal data"),
        sa.Column("phone", sa.Text(), nullable=True, comment="Personal data"),
        sa.Column(
            "markets", sa.ARRAY(sa.Text()), nullable=True, comment="ISO 3166-1 alpha-3; states in growing_area_markets"
        ),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "point",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("uuid", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("source", sa.Text(), nullable=True, comment="Where the record comes from, in the officer's words"),
        sa.CheckConstraint("geom IS NOT NULL OR point IS NOT NULL", name=op.f("ck_growing_areas_place")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_growing_areas")),
        sa.UniqueConstraint("uuid", name=op.f("uq_growing_areas_uuid")),
        schema="reg",
    )
    op.create_table_comment("growing_areas", "Growing areas (mã số vùng trồng)", schema="reg")
    op.create_geospatial_index(
        "idx_growing_areas_geom",
        "growing_areas",
        ["geom"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_index(
        "idx_growing_areas_point",
        "growing_areas",
        ["point"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index("ix_growing_areas_commune_code", "growing_areas", ["commune_code"], unique=False, schema="reg")
    op.create_index("uq_growing_areas_code", "growing_areas", ["code"], unique=True, schema="reg")
    op.create_geospatial_table(
        "growing_areas_tile",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("crop", sa.Text(), nullable=True),
        sa.Column("area_ha", sa.Double(), nullable=True),
        sa.Column("size_m", sa.Integer(), nullable=False, comment="Longer side of the box, EPSG:3857 metres"),
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
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "geom_mid",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "geom_low",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_growing_areas_tile")),
        schema="reg",
    )
    op.create_table_comment("growing_areas_tile", "Slim copy of growing_areas for tiles", schema="reg")
    op.create_geospatial_index(
        "idx_growing_areas_tile_geom",
        "growing_areas_tile",
        ["geom"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_index(
        "idx_growing_areas_tile_point",
        "growing_areas_tile",
        ["point"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "search_entry",
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("feature_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("feature_uuid", sa.UUID(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False, comment="Label and code as search compares them"),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column(
            "point",
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
        sa.PrimaryKeyConstraint("register", "feature_id", name=op.f("pk_search_entry")),
        schema="reg",
    )
    op.create_table_comment("search_entry", "What search finds by name or code", schema="reg")
    op.create_index(
        "ix_search_entry_key",
        "search_entry",
        ["key"],
        unique=False,
        schema="reg",
        postgresql_using="gin",
        postgresql_ops={"key": "gin_trgm_ops"},
    )
    op.create_geospatial_table(
        "tourism_points",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("description_en", sa.Text(), nullable=True),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column("ocop_stars", sa.SmallInteger(), nullable=True),
        sa.Column("ocop_decision", sa.Text(), nullable=True),
        sa.Column("ocop_valid_to", sa.Date(), nullable=True),
        sa.Column("beds", sa.Integer(), nullable=True),
        sa.Column("guests_per_day", sa.Integer(), nullable=True),
        sa.Column("opening_hours", sa.Text(), nullable=True, comment="OpenStreetMap opening_hours grammar"),
        sa.Column("season_months", sa.ARRAY(sa.SmallInteger()), nullable=True),
        sa.Column("price_from_vnd", sa.Integer(), nullable=True),
        sa.Column("price_to_vnd", sa.Integer(), nullable=True),
        sa.Column("languages", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("services", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("accessibility", sa.Text(), nullable=True),
        sa.Column("road_access", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("zalo", sa.Text(), nullable=True),
        sa.Column("contact_consent", sa.Boolean(), nullable=False),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("booking_url", sa.Text(), nullable=True),
        sa.Column("tour_url", sa.Text(), nullable=True, comment="360-degree or virtual visit"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("verified_by", sa.Text(), nullable=True, comment="Officer; not public"),
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column("province_code", sa.Text(), nullable=False),
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
        sa.CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_tourism_points_slug")),
        sa.CheckConstraint("ocop_stars BETWEEN 1 AND 5", name=op.f("ck_tourism_points_ocop_stars")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tourism_points")),
        sa.UniqueConstraint("uuid", name=op.f("uq_tourism_points_uuid")),
        schema="reg",
    )
    op.create_table_comment("tourism_points", "Rural tourism points", schema="reg")
    op.create_geospatial_index(
        "idx_tourism_points_geom",
        "tourism_points",
        ["geom"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index("ix_tourism_points_commune_code", "tourism_points", ["commune_code"], unique=False, schema="reg")
    op.create_index("uq_tourism_points_slug", "tourism_points", ["slug"], unique=True, schema="reg")
    op.create_geospatial_table(
        "tourism_points_tile",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tourism_points_tile")),
        schema="reg",
    )
    op.create_table_comment("tourism_points_tile", "Slim copy of tourism_points for tiles", schema="reg")
    op.create_geospatial_index(
        "idx_tourism_points_tile_point",
        "tourism_points_tile",
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
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
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
        "growing_area_markets",
        sa.Column("feature_id", sa.BigInteger(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False, comment="ISO 3166-1 alpha-3"),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("market_code", sa.Text(), nullable=True, comment="The importing country's own number"),
        sa.Column("decision_number", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feature_id"],
            ["reg.growing_areas.id"],
            name=op.f("fk_growing_area_markets_feature_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("feature_id", "market", "valid_from", name=op.f("pk_growing_area_markets")),
        schema="reg",
        comment="State of a growing area per market",
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
    run_file("0003_registers.sql")
    run_file("0003_lookup.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute(
        "DROP TABLE reg.addresses, reg.addresses_grid, reg.addresses_tile, reg.growing_areas, reg.growing_areas_tile, reg.search_entry, reg.tourism_points, reg.tourism_points_tile, reg.address_codes, reg.growing_area_markets, reg.household_private CASCADE"
    )
