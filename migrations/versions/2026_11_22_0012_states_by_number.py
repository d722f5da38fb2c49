"""Let pages of the past go along the history's index: a replaced state's number is that of its row, not its document."""

from alembic import op

from migrations.sql import run_file

revision = "0012"
down_revision = "0011"

REGISTERS = ("addresses", "communes", "growing_areas", "provinces", "tourism_points", "villages")


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    run_file("0012_states_by_number.sql")


def downgrade() -> None:
    """Take the change back."""
    for name in REGISTERS:
        op.execute(f"DROP VIEW open.{name}_replaced")
    run_file("0012_states_by_document.sql")
