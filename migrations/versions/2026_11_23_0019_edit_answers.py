"""Create the memory of what edits were answered, for requests that come again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "edit_answer",
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="SHA-256 of method, item and body"),
        sa.Column(
            "answer",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="Status, uuid and ETag; nothing of the record",
        ),
        sa.Column("answered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("author", "idempotency_key", name=op.f("pk_edit_answer")),
        schema="ops",
    )
    op.execute("GRANT SELECT, INSERT, DELETE ON ops.edit_answer TO bandoso_worker")


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("edit_answer", schema="ops")
