"""Create the registers of provinces and communes."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from migrations.sql import run_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply the change."""
    op.create_geospatial_table(
        "communes",
        sa.Column("code", sa.Text(), nullable=False, comment="Five digits, text; Decision 19/2025/QĐ-TTg"),
        sa.Column("commune_code", sa.Text(), sa.Computed("code", persisted=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("province_code", sa.Text(), nullable=False),
        sa.Column("area_km2", sa.Double(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("legal_note", sa.Text(), nullable=True),
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
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("uuid", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("source", sa.Text(), nullable=True, comment="Where the record comes from, in the officer's words"),
        sa.CheckConstraint("code ~ '^[0-9]{5}$'", name=op.f("ck_communes_code")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_communes_validity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_communes")),
        sa.UniqueConstraint("uuid", name=op.f("uq_communes_uuid")),
        schema="reg",
    )
    op.create_table_comment("communes", "Communes with validity dates", schema="reg")
    op.create_geospatial_index(
        "idx_communes_geom",
        "communes",
        ["geom"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index("ix_communes_province_code", "communes", ["province_code"], unique=False, schema="reg")
    op.create_index("uq_communes_code_valid_from", "communes", ["code", "valid_from"], unique=True, schema="reg")
    op.create_geospatial_table(
        "communes_tile",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("full_name", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("province_code", sa.Text(), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_communes_tile")),
        schema="reg",
    )
    op.create_table_comment("communes_tile", "Slim copy of communes for tiles", schema="reg")
    op.create_geospatial_index(
        "idx_communes_tile_geom",
        "communes_tile",
        ["geom"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_index(
        "idx_communes_tile_point",
        "communes_tile",
        ["point"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "provinces",
        sa.Column("code", sa.Text(), nullable=False, comment="Two digits, text; Decision 19/2025/QĐ-TTg"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("area_km2", sa.Double(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("legal_note", sa.Text(), nullable=True),
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
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("uuid", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("source", sa.Text(), nullable=True, comment="Where the record comes from, in the officer's words"),
        sa.CheckConstraint("code ~ '^[0-9]{2}$'", name=op.f("ck_provinces_code")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_provinces_validity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provinces")),
        sa.UniqueConstraint("uuid", name=op.f("uq_provinces_uuid")),
        schema="reg",
    )
    op.create_table_comment("provinces", "Provinces with validity dates", schema="reg")
    op.create_geospatial_index(
        "idx_provinces_geom",
        "provinces",
        ["geom"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_index("uq_provinces_code_valid_from", "provinces", ["code", "valid_from"], unique=True, schema="reg")
    op.create_geospatial_table(
        "provinces_tile",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("full_name", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provinces_tile")),
        schema="reg",
    )
    op.create_table_comment("provinces_tile", "Slim copy of provinces for tiles", schema="reg")
    op.create_geospatial_index(
        "idx_provinces_tile_geom",
        "provinces_tile",
        ["geom"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_index(
        "idx_provinces_tile_point",
        "provinces_tile",
        ["point"],
        unique=False,
        schema="reg",
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "commune_ntm",
        sa.Column("feature_id", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False, comment="First and last year, as 2021-2025"),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True, comment="Of a model commune: the subject it excels in"),
        sa.Column("decision_number", sa.Text(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feature_id"], ["reg.communes.id"], name=op.f("fk_commune_ntm_feature_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feature_id", "period", "level", name=op.f("pk_commune_ntm")),
        schema="reg",
        comment="New Rural Development results of communes",
    )
    run_file("0002_units.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP TABLE reg.communes, reg.commune_ntm, reg.communes_tile, reg.provinces, reg.provinces_tile CASCADE")
