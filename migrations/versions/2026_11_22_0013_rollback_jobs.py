"""Let an undoing be a worker's job: its state, progress and answer."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

_JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint(op.f("pk_rollback"), "rollback", schema="ops")
    for column in (
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "author_communes",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="Communes the author could change; * for all",
        ),
        sa.Column("is_dry", sa.Boolean(), server_default="false", nullable=False, comment="Nothing is to be changed"),
        sa.Column(
            "expected", sa.BigInteger(), nullable=True, comment="Latest revision that the author knew; null for any"
        ),
        sa.Column("state", sa.Text(), server_default="done", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress", _JSON, server_default=sa.text("'{}'"), nullable=False),
        sa.Column("problem", _JSON, nullable=True, comment="Code and sentences of what refused it"),
        sa.Column("requested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    ):
        op.add_column("rollback", column, schema="ops")
    op.alter_column("rollback", "idempotency_key", nullable=True, schema="ops")
    op.alter_column("rollback", "answer", nullable=True, schema="ops")
    op.alter_column("rollback", "answered_at", nullable=True, server_default=None, schema="ops")
    op.create_primary_key(op.f("pk_rollback"), "rollback", ["id"], schema="ops")
    op.create_index(
        "uq_rollback_author_idempotency_key", "rollback", ["author", "idempotency_key"], unique=True, schema="ops"
    )
    op.create_check_constraint(
        op.f("ck_rollback_state"),
        "rollback",
        "state IN ('waiting', 'working', 'done', 'refused', 'failed')",
        schema="ops",
    )
    op.execute("GRANT UPDATE ON ops.rollback TO bandoso_worker")


def downgrade() -> None:
    """Take the change back; jobs that have no answer are gone then."""
    op.execute("REVOKE UPDATE ON ops.rollback FROM bandoso_worker")
    op.execute("DELETE FROM ops.rollback WHERE answer IS NULL OR idempotency_key IS NULL")
    op.drop_constraint(op.f("ck_rollback_state"), "rollback", schema="ops")
    op.drop_index("uq_rollback_author_idempotency_key", "rollback", schema="ops")
    op.drop_constraint(op.f("pk_rollback"), "rollback", schema="ops")
    for name in (
        "requested_at",
        "problem",
        "progress",
        "tries",
        "state",
        "expected",
        "is_dry",
        "author_communes",
        "id",
    ):
        op.drop_column("rollback", name, schema="ops")
    op.alter_column("rollback", "answered_at", nullable=False, server_default=sa.text("now()"), schema="ops")
    op.alter_column("rollback", "answer", nullable=False, schema="ops")
    op.create_primary_key(op.f("pk_rollback"), "rollback", ["author", "idempotency_key"], schema="ops")
