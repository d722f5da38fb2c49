"""Create the register of New Rural Development results, which stood beside communes."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from migrations.sql import run_file

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_geospatial_table(
        "ntm_results",
        sa.Column("commune_code", sa.Text(), nullable=False),
        sa.Column(
            "commune_name", sa.Text(), nullable=False, comment="Of the commune that was recognised, as in the decision"
        ),
        sa.Column("period", sa.Text(), nullable=False, comment="First and last year, as 2021-2025"),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True, comment="Of a model commune: the subject it excels in"),
        sa.Column("criteria_met", sa.SmallInteger(), nullable=True),
        sa.Column("decision_number", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("province_code", sa.Text(), nullable=False),
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
        sa.CheckConstraint("period ~ '^20[0-9]{2}-20[0-9]{2}$'", name=op.f("ck_ntm_results_period")),
        sa.CheckConstraint("criteria_met >= 0", name=op.f("ck_ntm_results_criteria_met")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_ntm_results_validity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ntm_results")),
        sa.UniqueConstraint("uuid", name=op.f("uq_ntm_results_uuid")),
        schema="reg",
    )
    op.create_geospatial_index(
        "idx_ntm_results_geom", "ntm_results", ["geom"], unique=False, schema="reg", postgresql_using="gist"
    )
    op.create_index(
        "uq_ntm_results_key",
        "ntm_results",
        ["commune_code", "commune_name", "period", "level"],
        unique=True,
        schema="reg",
    )
    op.create_geospatial_table(
        "ntm_results_tile",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("commune_code", sa.Text(), nullable=True),
        sa.Column("commune_name", sa.Text(), nullable=True),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ntm_results_tile")),
        schema="reg",
    )
    op.create_geospatial_index(
        "idx_ntm_results_tile_geom", "ntm_results_tile", ["geom"], unique=False, schema="reg", postgresql_using="gist"
    )
    op.create_geospatial_index(
        "idx_ntm_results_tile_point", "ntm_results_tile", ["point"], unique=False, schema="reg", postgresql_using="gist"
    )
    op.create_table_comment("ntm_results", "New Rural Development results of communes", schema="reg")
    op.create_table_comment("ntm_results_tile", "Slim copy of ntm_results for tiles", schema="reg")
    run_file("0023_ntm_results.sql")
    run_file("0023_communes.sql")


def downgrade() -> None:
    """Take the change back."""
    run_file("0023_communes_before.sql")
    op.execute("DROP TABLE reg.ntm_results, reg.ntm_results_tile CASCADE")
