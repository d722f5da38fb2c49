"""Create the memory of what officers chose for the columns of their files."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "column_memory",
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False, comment="Commune code; empty for files of no one commune"),
        sa.Column("column_key", sa.Text(), nullable=False, comment="Header without accents and case"),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("register", "unit", "column_key", name=op.f("pk_column_memory")),
        schema="ops",
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ops.column_memory TO bandoso_worker")


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("column_memory", schema="ops")
