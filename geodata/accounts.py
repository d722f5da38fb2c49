"""Tables of people and programs that may sign in, and the audit of what they did."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, ForeignKey, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import Timestamp
from geodata.db import Base


class User(Base):
    """An officer or administrator."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("role IN ('commune_officer', 'provincial_officer', 'administrator')", name="role"),
        Index("uq_account_username", text("lower(username)"), unique=True),
        {"schema": "ops"},
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, server_default=text("gen_random_uuid()"))
    username: Mapped[str] = mapped_column(Text)
    display_name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text, comment="argon2id")
    is_disabled: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[Timestamp]


class UserScope(Base):
    """A commune or province that an officer is responsible for."""

    __tablename__ = "account_scope"
    __table_args__ = ({"schema": "ops"},)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("ops.account.id", ondelete="CASCADE"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(Text, primary_key=True, comment="5 digits: commune; 2 digits: province")


class SignIn(Base):
    """A signed-in browser. The cookie's value is not stored, only its SHA-256."""

    __tablename__ = "sign_in"
    __table_args__ = ({"schema": "ops"},)

    token_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("ops.account.id", ondelete="CASCADE"))
    csrf: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Timestamp]
    last_seen_at: Mapped[Timestamp]
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ApiKey(Base):
    """A program's key: ``prefix.secret``, of which the secret is stored as SHA-256."""

    __tablename__ = "api_key"
    __table_args__ = ({"schema": "ops"},)

    prefix: Mapped[str] = mapped_column(Text, primary_key=True)
    secret_sha256: Mapped[str] = mapped_column(Text)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("ops.account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[str] = mapped_column(Text, comment="Blank-separated: upload")
    created_at: Mapped[Timestamp]
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Audit(Base):
    """Who did what, when. Append-only; holds names of fields, never personal values."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at", "at"), {"schema": "ops"})

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[Timestamp]
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    target: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
