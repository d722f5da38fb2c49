"""Let the features that are written out be written anew: they have no blanks between their parts any more."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Apply the change; a worker writes them when it has time, and until then they are put together for who asks."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("TRUNCATE reg.addresses_written")


def downgrade() -> None:
    """Take the change back."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("TRUNCATE reg.addresses_written")
