"""Create what undo and reading of the past need: private before-images, states by record, answers to rollbacks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.sql import run_file

revision = "0009"
down_revision = "0008"

REGISTERS = ("addresses", "communes", "growing_areas", "provinces", "tourism_points", "villages")


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "change_private",
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("feature_id", sa.BigInteger(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("register", "revision", "feature_id", name=op.f("pk_change_private")),
        schema="ops",
    )
    op.create_table(
        "rollback",
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("undone", sa.BigInteger(), nullable=False, comment="Number of the revision that was to be undone"),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("author", "idempotency_key", name=op.f("pk_rollback")),
        schema="ops",
    )
    op.create_index(
        "ix_change_register_feature_id_revision", "change", ["register", "feature_id", "revision"], schema="ops"
    )
    run_file("0009_states.sql")


def downgrade() -> None:
    """Take the change back."""
    for name in REGISTERS:
        op.execute(f"DROP VIEW open.{name}_states")
    op.drop_index("ix_change_register_feature_id_revision", "change", schema="ops")
    op.drop_table("rollback", schema="ops")
    op.drop_table("change_private", schema="ops")
