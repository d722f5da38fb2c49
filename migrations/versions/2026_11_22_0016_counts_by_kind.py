"""Count addresses by kind, with the area that they cover, and guard households in groups of five."""

from alembic import op

from migrations.sql import run_file

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    run_file("0016_addresses_counts.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    run_file("0016_addresses_counts_before.sql")
