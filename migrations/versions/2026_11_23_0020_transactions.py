"""Number revisions over all registers, in the order of their commits."""

import sqlalchemy as sa
from alembic import op

from migrations.sql import run_file

revision = "0020"
down_revision = "0019"

VIEW_BEFORE = """
CREATE VIEW open.revision AS
SELECT register, number, published_at, added, changed, removed, author = 'sample' AS is_sample FROM ops.revision
"""


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("revision", sa.Column("kind", sa.Text(), server_default="publish", nullable=False, comment="What made it"), schema="ops")  # fmt: skip
    op.create_check_constraint(
        op.f("ck_revision_kind"), "revision", "kind IN ('publish', 'undo', 'redraw', 'policy')", schema="ops"
    )
    number = sa.Column("transaction", sa.BigInteger(), nullable=True, comment="Its number over all registers; null until the commit")  # fmt: skip
    op.add_column("revision", number, schema="ops")
    op.create_unique_constraint(op.f("uq_revision_transaction"), "revision", ["transaction"], schema="ops")
    highest = sa.Column(
        "last_id", sa.BigInteger(), nullable=True,
        comment="The highest number that the register had given to a record; null where that was not noted",
    )  # fmt: skip
    op.add_column("revision", highest, schema="ops")
    run_file("0020_transactions.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP FUNCTION open.touched_ids")
    op.execute("DROP VIEW open.revision")
    op.execute(VIEW_BEFORE)
    op.execute("GRANT SELECT ON open.revision TO bandoso_public, bandoso_staff, bandoso_worker")
    op.execute("DROP TRIGGER number_transaction ON ops.revision")
    op.execute("DROP FUNCTION ops.number_transaction")
    for name in ("last_id", "transaction", "kind"):
        op.drop_column("revision", name, schema="ops")
