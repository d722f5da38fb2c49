"""Create the register of growing areas."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from migrations.sql import run_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply the change."""
    op.create_geospatial_table(
        "growing_areas",
        sa.Column(
            "code", sa.Text(), nullable=False, comment="Normalised; the province is never derived from its letters"
        ),
        sa.Column("code_raw", sa.Text(), nullable=True, comment="As the source wrote it, where that differs"),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True, comment="As written; may be that of a family, not public"),
        sa.Column("regime", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("crop", sa.Text(), nullable=False),
        sa.Column("crop_latin", sa.Text(), nullable=True, comment="Scientific name, as markets ask for it"),
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
        sa.Column(
            "inspected_on", sa.Date(), nullable=True, comment="Latest inspection; earlier ones are in the history"
        ),
        sa.Column("inspection_kind", sa.Text(), nullable=True),
        sa.Column("inspection_result", sa.Text(), nullable=True),
        sa.Column("diary_ref", sa.Text(), nullable=True, comment="Where the farm diary is kept"),
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column("province_code", sa.Text(), nullable=False),
        sa.Column("boundary_method", sa.Text(), nullable=True),
        sa.Column("representative", sa.Text(), nullable=True, comment="Personal data"),
        sa.Column("phone", sa.Text(), nullable=True, comment="Personal data"),
        sa.Column(
            "markets",
            sa.ARRAY(sa.Text()),
            nullable=True,
            comment="All the list names; what is known of each in growing_area_markets",
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
    run_file("0005_growing_areas.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP TABLE reg.growing_areas, reg.growing_areas_tile, reg.growing_area_markets CASCADE")
