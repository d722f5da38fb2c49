"""Let records be erased with their history."""

import sqlalchemy as sa
from alembic import op

from migrations.sql import run_file

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "erasure",
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("feature_id", sa.BigInteger(), nullable=False),
        sa.Column("feature_uuid", sa.UUID(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False, comment="The one that erased it"),
        sa.Column("unit", sa.Text(), nullable=True, comment="Code of the commune that it was in last"),
        sa.Column("was_public", sa.Boolean(), nullable=False, comment="Whether anybody could have a copy of it"),
        sa.PrimaryKeyConstraint("register", "feature_id", name=op.f("pk_erasure")),
        schema="ops",
    )
    op.create_index(op.f("ix_erasure_register_revision"), "erasure", ["register", "revision"], schema="ops")
    _set_kinds("'publish', 'undo', 'redraw', 'policy', 'erasure'")
    run_file("0026_erasures.sql")


def downgrade() -> None:
    """Take the change back; that something was erased is not known any more."""
    run_file("0026_erasures_before.sql")
    op.execute("UPDATE ops.revision SET kind = 'publish' WHERE kind = 'erasure'")
    _set_kinds("'publish', 'undo', 'redraw', 'policy'")
    op.drop_table("erasure", schema="ops")


def _set_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_revision_kind"), "revision", schema="ops")
    op.create_check_constraint(op.f("ck_revision_kind"), "revision", f"kind IN ({kinds})", schema="ops")
