"""Keep the points of the largest zoom by the tiles that show them."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from migrations.sql import run_file

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_geospatial_table(
        "addresses_placed",
        sa.Column("tile", sa.Integer(), autoincrement=False, nullable=False, comment="Column * 16384 + row, zoom 14"),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("house_number", sa.Text(), nullable=True),
        sa.Column(
            "place",
            Geometry(geometry_type="POINT", dimension=2, spatial_index=False, name="geometry", nullable=False),
            nullable=False,
            comment="In units of the tile",
        ),
        sa.PrimaryKeyConstraint("tile", "id", name=op.f("pk_addresses_placed")),
        schema="reg",
    )
    op.create_table_comment("addresses_placed", "Points of addresses in their tiles of zoom 14", schema="reg")
    run_file("0015_placed.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP FUNCTION ops.analyze_derived")
    op.execute("DROP TABLE reg.addresses_placed CASCADE")
