"""Keep the features of dense registers written out."""

import sqlalchemy as sa
from alembic import op

from migrations.sql import run_file

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "addresses_written",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("feature", sa.Text(), nullable=False, comment="GeoJSON, with all that is public"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses_written")),
        schema="reg",
        comment="Features of addresses written out",
    )
    run_file("0021_written.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP TABLE reg.addresses_written CASCADE")
