"""Create search, and the look-up of one address by its code."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from migrations.sql import run_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply the change."""
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
    run_file("0007_search.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP FUNCTION open.find_address(text), open.address_card(uuid)")
    op.execute("DROP TABLE reg.search_entry CASCADE")
