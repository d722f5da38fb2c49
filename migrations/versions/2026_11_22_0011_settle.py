"""Leave statistics and the check of a record's parts for right after a bulk load's commit."""

from alembic import op

from migrations.sql import run_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    run_file("0011_settle.sql")


def downgrade() -> None:
    """Take the change back."""
    run_file("0011_unsettle.sql")
