"""Lay the ground: schemas, roles, operations, accounts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.sql import run_file, run_jobs_schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply the change."""
    run_file("0001_ground.sql")
    op.create_table(
        "account",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False, comment="argon2id"),
        sa.Column("is_disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "role IN ('commune_officer', 'provincial_officer', 'administrator')", name=op.f("ck_account_role")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        schema="ops",
    )
    op.create_index("uq_account_username", "account", [sa.literal_column("lower(username)")], unique=True, schema="ops")
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        schema="ops",
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False, schema="ops")
    op.create_table(
        "revision",
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("upload_id", sa.UUID(), nullable=True),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("register", "number", name=op.f("pk_revision")),
        schema="ops",
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
        schema="ops",
    )
    op.create_table(
        "tile_stamp",
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("z", sa.SmallInteger(), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("layer", "z", "x", "y", name=op.f("pk_tile_stamp")),
        schema="ops",
    )
    op.create_index("ix_tile_stamp_layer_revision", "tile_stamp", ["layer", "revision"], unique=False, schema="ops")
    op.create_table(
        "upload",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("commune", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("author_communes", sa.Text(), nullable=False, comment="Communes the author could change; * for all"),
        sa.Column(
            "file_name", sa.Text(), nullable=False, comment="As the officer's machine called it; never a path of ours"
        ),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="received", nullable=False),
        sa.Column(
            "attempt", sa.Integer(), server_default="0", nullable=False, comment="Fencing token of the worker at work"
        ),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('received', 'reading', 'validating', 'publishing', 'published', 'rejected', 'failed')",
            name=op.f("ck_upload_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        schema="ops",
    )
    op.create_index("ix_upload_author_received_at", "upload", ["author", "received_at"], unique=False, schema="ops")
    op.create_index(
        "uq_upload_author_idempotency_key", "upload", ["author", "idempotency_key"], unique=True, schema="ops"
    )
    op.create_table(
        "account_scope",
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False, comment="5 digits: commune; 2 digits: province"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ops.account.id"], name=op.f("fk_account_scope_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "unit_code", name=op.f("pk_account_scope")),
        schema="ops",
    )
    op.create_table(
        "api_key",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.Text(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False, comment="Blank-separated: upload"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ops.account.id"], name=op.f("fk_api_key_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_api_key")),
        schema="ops",
    )
    op.create_table(
        "change",
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("feature_id", sa.BigInteger(), nullable=False),
        sa.Column("feature_uuid", sa.UUID(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("operation IN ('U', 'D')", name=op.f("ck_change_operation")),
        sa.PrimaryKeyConstraint("register", "revision", "feature_id", name=op.f("pk_change")),
        schema="ops",
    )
    op.create_table(
        "sign_in",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ops.account.id"], name=op.f("fk_sign_in_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_sign_in")),
        schema="ops",
    )
    run_file("0001_grants.sql")
    run_jobs_schema()


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP SCHEMA open, ops, reg, staging CASCADE")
