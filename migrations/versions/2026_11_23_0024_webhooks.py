"""Create the list of those who are told of revisions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "webhook",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "registers",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
            comment="Of interest; none: all",
        ),
        sa.Column("unit", sa.Text(), nullable=True, comment="Code of the commune or province of interest"),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("generation", sa.Integer(), server_default="1", nullable=False, comment="Of the secret"),
        sa.Column(
            "renewed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the present secret took the place of an earlier one",
        ),
        sa.Column("told", sa.BigInteger(), nullable=False, comment="Transaction up to which everything was told"),
        sa.Column("stopped", sa.Text(), nullable=True, comment="Why nothing is sent: paused, gone, failed"),
        sa.Column(
            "failures", sa.Integer(), server_default="0", nullable=False, comment="Attempts since the last success"
        ),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "next_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Not before then; while a worker sends, when another one may",
        ),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True, comment="Of the latest attempt: delivered, or what went wrong"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("name", name=op.f("uq_webhook_name")),
        schema="ops",
    )
    op.execute("GRANT SELECT, UPDATE ON ops.webhook TO bandoso_worker")


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("webhook", schema="ops")
