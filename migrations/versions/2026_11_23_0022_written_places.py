"""Keep the places of features that are written out, in an index that alone tells what a box holds."""

from alembic import op

from migrations.sql import run_file

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    run_file("0022_written_places.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP VIEW open.addresses_written")
    op.execute("ALTER TABLE reg.addresses_written DROP COLUMN place")
    run_file("0021_written.sql")
