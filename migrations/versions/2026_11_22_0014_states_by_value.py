"""Let the past be asked by commune, uuid and revision along indexes, and by other values without making rows."""

from alembic import op

from migrations.sql import run_file

revision = "0014"
down_revision = "0013"

UNIT = "Commune code; @ and an account for files of no one commune"
UNIT_BEFORE = "Commune code; empty for files of no one commune"
REGISTERS = ("addresses", "communes", "growing_areas", "provinces", "tourism_points", "villages")


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    run_file("0014_states_by_value.sql")
    op.execute(f"COMMENT ON COLUMN ops.column_memory.unit IS '{UNIT}'")
    op.execute("GRANT DELETE ON ops.rollback TO bandoso_worker")


def downgrade() -> None:
    """Take the change back."""
    op.execute("REVOKE DELETE ON ops.rollback FROM bandoso_worker")
    op.execute(f"COMMENT ON COLUMN ops.column_memory.unit IS '{UNIT_BEFORE}'")
    op.execute("DROP FUNCTION open.history_end")
    op.execute("DROP INDEX ops.ix_change_feature_uuid, ops.ix_change_made, ops.ix_change_commune")
    for name in REGISTERS:
        op.execute(f"DROP VIEW open.{name}_replaced")
    run_file("0012_states_by_number.sql")
