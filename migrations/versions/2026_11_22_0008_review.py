"""Let uploads wait for review: mode, staged rows, diff, approval; note a revision's communes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

_BEFORE = "'received', 'reading', 'validating', 'publishing', 'published', 'rejected', 'failed'"
_ADDED = "'staged', 'needs_choice', 'needs_approval', 'cancelled'"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.add_column(
        "revision",
        sa.Column(
            "communes",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="Communes whose records it touched; null where that was not noted",
        ),
        schema="ops",
    )
    for column in (
        sa.Column(
            "parts",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Stored and given name of each file, where several were sent together",
        ),
        sa.Column("mode", sa.Text(), server_default="upsert", nullable=False),
        sa.Column(
            "publish",
            sa.Text(),
            server_default="ask",
            nullable=False,
            comment="ask: wait for the officer; auto: go on",
        ),
        sa.Column(
            "preview",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Sample places in each likely CRS",
        ),
        sa.Column(
            "staged",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="How to open the rows that wait in staging",
        ),
        sa.Column(
            "diff", postgresql.JSONB(astext_type=sa.Text()), nullable=True, comment="What publishing would change"
        ),
        sa.Column(
            "tries", sa.Integer(), server_default="0", nullable=False, comment="Attempts at the work asked for last"
        ),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True, comment="The second officer, where one was needed"),
    ):
        op.add_column("upload", column, schema="ops")
    op.drop_constraint(op.f("ck_upload_state"), "upload", schema="ops")
    op.create_check_constraint(op.f("ck_upload_state"), "upload", f"state IN ({_BEFORE}, {_ADDED})", schema="ops")
    op.create_check_constraint(
        op.f("ck_upload_mode"), "upload", "mode IN ('upsert', 'replace', 'append')", schema="ops"
    )
    op.create_check_constraint(op.f("ck_upload_publish"), "upload", "publish IN ('ask', 'auto')", schema="ops")


def downgrade() -> None:
    """Take the change back; uploads that wait for review are cancelled ones then."""
    op.drop_constraint(op.f("ck_upload_publish"), "upload", schema="ops")
    op.drop_constraint(op.f("ck_upload_mode"), "upload", schema="ops")
    op.drop_constraint(op.f("ck_upload_state"), "upload", schema="ops")
    op.execute(f"UPDATE ops.upload SET state = 'failed' WHERE state IN ({_ADDED})")  # noqa: S608  constants of this file
    op.create_check_constraint(op.f("ck_upload_state"), "upload", f"state IN ({_BEFORE})", schema="ops")
    for name in ("approved_by", "queued_at", "tries", "diff", "staged", "preview", "publish", "mode", "parts"):
        op.drop_column("upload", name, schema="ops")
    op.drop_column("revision", "communes", schema="ops")
