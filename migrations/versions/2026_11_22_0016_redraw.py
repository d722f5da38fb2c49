"""Mark the registers whose areas share borders for `bandoso setup` to draw their copies anew, all together."""

from alembic import op

from migrations.sql import run_file

revision = "0016"
down_revision = "0014"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    run_file("0016_redraw.sql")


def downgrade() -> None:
    """Take the change back; the copies stay, which every version can read."""
    op.execute("DELETE FROM ops.setting WHERE name = 'redraw'")
