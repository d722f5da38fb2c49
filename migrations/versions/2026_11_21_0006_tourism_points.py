"""Create the register of tourism points."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from migrations.sql import run_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply the change."""
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
        sa.Column("festivals", sa.Text(), nullable=True, comment="Days of the lunar calendar too, as written"),
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
        sa.Column(
            "photo_url", sa.Text(), nullable=True, comment="Shown as a link only: nothing is loaded from elsewhere"
        ),
        sa.Column("photo_credit", sa.Text(), nullable=True),
        sa.Column("photo_licence", sa.Text(), nullable=True),
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
    run_file("0006_tourism_points.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP TABLE reg.tourism_points, reg.tourism_points_tile CASCADE")
