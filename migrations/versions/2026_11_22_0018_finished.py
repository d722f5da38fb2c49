"""Keep finished layers of tiles with counts."""

import sqlalchemy as sa
from alembic import op

from migrations.sql import run_file

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Apply the change."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "addresses_finished",
        sa.Column("z", sa.SmallInteger(), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=True, comment="Publication policy that it was made under"),
        sa.Column("drawing", sa.Text(), nullable=True, comment="Mark of the expressions that it was made with"),
        sa.Column("mvt", sa.LargeBinary(), nullable=True, comment="The tile's layer; null while it is to be made"),
        sa.PrimaryKeyConstraint("z", "x", "y", name=op.f("pk_addresses_finished")),
        schema="reg",
        comment="Finished layers of addresses in tiles with counts",
    )
    run_file("0018_finished.sql")


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP TABLE reg.addresses_finished CASCADE")
