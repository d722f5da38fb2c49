"""Tables of schema ``ops``: revisions, the append-only history, uploads, tile stamps, settings."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Index,
    Integer,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Mapped, mapped_column

from geodata.columns import Timestamp
from geodata.db import Base


class Revision(Base):
    """One publish of one register: everything it changed became visible at once.

    Numbers count up without a gap per register in the order of commits: they are taken under an advisory lock,
    and the primary key refuses what a lock alone could let through. Transactions count up in the same way over all
    registers: the database gives them as the last thing before the commit (docs/decisions/0034).
    """

    __tablename__ = "revision"
    __table_args__ = (
        CheckConstraint("kind IN ('publish', 'undo', 'redraw', 'policy', 'erasure')", name="kind"),
        {"schema": "ops"},
    )

    register: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    published_at: Mapped[Timestamp]
    author: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    upload_id: Mapped[UUID | None] = mapped_column(PgUuid)
    communes: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), comment="Communes whose records it touched; null where that was not noted"
    )
    added: Mapped[int] = mapped_column(Integer)
    changed: Mapped[int] = mapped_column(Integer)
    removed: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(Text, server_default="publish", comment="What made it")
    transaction: Mapped[int | None] = mapped_column(
        BigInteger, unique=True, comment="Its number over all registers; null until the commit"
    )
    last_id: Mapped[int | None] = mapped_column(
        BigInteger, comment="The highest number that the register had given to a record; null where that was not noted"
    )


class Change(Base):
    """A state of one feature that a revision replaced or removed. Never updated; deleted when the feature is erased.

    ``before`` is the whole row as it was, with the revision that had made it. What came after is the ``before`` of
    the feature's next change, or its live row, so no value is stored twice; a state that follows on no other is an
    insert, which needs no row of its own. The revision is written in the same transaction under the register's lock;
    a foreign key would say the same at the price of a look-up for each row.
    """

    __tablename__ = "change"
    __table_args__ = (
        CheckConstraint("operation IN ('U', 'D')", name="operation"),
        Index("ix_change_register_feature_id_revision", "register", "feature_id", "revision"),
        Index("ix_change_feature_uuid", "feature_uuid"),
        Index("ix_change_made", "register", text("(CAST(before ->> 'revision' AS bigint))"), "feature_id"),
        Index("ix_change_commune", "register", text("(before ->> 'commune_code')"), "feature_id"),
        {"schema": "ops"},
    )

    register: Mapped[str] = mapped_column(Text, primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    feature_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    feature_uuid: Mapped[UUID] = mapped_column(PgUuid)
    operation: Mapped[str] = mapped_column(Text)
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)


class ChangePrivate(Base):
    """What was private beside the row in the `Change` of the same key; kept as long as raw files, then deleted.

    A register with private companion tables has one for each of its changes, an empty one too: where none is, it is
    no longer known what was private.
    """

    __tablename__ = "change_private"
    __table_args__ = ({"schema": "ops"},)

    register: Mapped[str] = mapped_column(Text, primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    feature_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Erasure(Base):
    """A record that was erased with its history: what those have to know who hold a copy of it, and nothing else."""

    __tablename__ = "erasure"
    __table_args__ = (
        Index("ix_erasure_register_revision", "register", "revision"),
        {"schema": "ops"},
    )

    register: Mapped[str] = mapped_column(Text, primary_key=True)
    feature_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    feature_uuid: Mapped[UUID] = mapped_column(PgUuid)
    revision: Mapped[int] = mapped_column(BigInteger, comment="The one that erased it")
    unit: Mapped[str | None] = mapped_column(Text, comment="Code of the commune that it was in last")
    was_public: Mapped[bool] = mapped_column(Boolean, comment="Whether anybody could have a copy of it")


class Rollback(Base):
    """A request to undo a revision: one that a worker carries out, or one answered that may come again."""

    __tablename__ = "rollback"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'working', 'done', 'refused', 'failed')", name="state"),
        Index("uq_rollback_author_idempotency_key", "author", "idempotency_key", unique=True),
        {"schema": "ops"},
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, server_default=text("gen_random_uuid()"))
    author: Mapped[str] = mapped_column(Text)
    author_communes: Mapped[str] = mapped_column(
        Text, server_default="", comment="Communes the author could change; * for all"
    )
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    register: Mapped[str] = mapped_column(Text)
    undone: Mapped[int] = mapped_column(BigInteger, comment="Number of the revision that was to be undone")
    is_dry: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), comment="Nothing is to be changed")
    expected: Mapped[int | None] = mapped_column(
        BigInteger, comment="Latest revision that the author knew; null for any"
    )
    state: Mapped[str] = mapped_column(Text, server_default="done")
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    progress: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB, comment="Code and sentences of what refused it")
    requested_at: Mapped[Timestamp]
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class EditAnswer(Base):
    """What an edit with an Idempotency-Key was answered, for the same request that comes again."""

    __tablename__ = "edit_answer"
    __table_args__ = ({"schema": "ops"},)

    author: Mapped[str] = mapped_column(Text, primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Text, comment="SHA-256 of method, item and body")
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB, comment="Status, uuid and ETag; nothing of the record")
    answered_at: Mapped[Timestamp]


class Upload(Base):
    """A file that an officer gave, from the moment it is durable to its revision or refusal."""

    __tablename__ = "upload"
    __table_args__ = (
        CheckConstraint(
            "state IN ('received', 'reading', 'validating', 'staged', 'needs_choice', 'needs_approval', 'publishing', "
            "'published', 'rejected', 'failed', 'cancelled')",
            name="state",
        ),
        CheckConstraint("mode IN ('upsert', 'replace', 'append')", name="mode"),
        CheckConstraint("publish IN ('ask', 'auto')", name="publish"),
        Index("ix_upload_author_received_at", "author", "received_at"),
        Index("uq_upload_author_idempotency_key", "author", "idempotency_key", unique=True),
        {"schema": "ops"},
    )

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, server_default=text("gen_random_uuid()"))
    register: Mapped[str] = mapped_column(Text)
    commune: Mapped[str | None] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    author_communes: Mapped[str] = mapped_column(Text, comment="Communes the author could change; * for all")
    file_name: Mapped[str] = mapped_column(Text, comment="As the officer's machine called it; never a path of ours")
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(Text)
    parts: Mapped[list[dict[str, Any]] | None] = mapped_column(
        JSONB, comment="Stored and given name of each file, where several were sent together"
    )
    mode: Mapped[str] = mapped_column(Text, server_default="upsert")
    publish: Mapped[str] = mapped_column(Text, server_default="ask", comment="ask: wait for the officer; auto: go on")
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="received")
    attempt: Mapped[int] = mapped_column(Integer, server_default="0", comment="Fencing token of the worker at work")
    tries: Mapped[int] = mapped_column(Integer, server_default="0", comment="Attempts at the work asked for last")
    queued_at: Mapped[Timestamp]
    heartbeat_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    progress: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    preview: Mapped[dict[str, Any] | None] = mapped_column(JSONB, comment="Sample places in each likely CRS")
    staged: Mapped[dict[str, Any] | None] = mapped_column(JSONB, comment="How to open the rows that wait in staging")
    diff: Mapped[dict[str, Any] | None] = mapped_column(JSONB, comment="What publishing would change")
    approved_by: Mapped[str | None] = mapped_column(Text, comment="The second officer, where one was needed")
    revision: Mapped[int | None] = mapped_column(BigInteger)
    received_at: Mapped[Timestamp]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ColumnMemory(Base):
    """Which field officers chose for a column of their files; a null field leaves the column out.

    The unit is a commune, or the sender of files of no one commune (`geodata.importing.column_memory.memory_unit`).
    """

    __tablename__ = "column_memory"
    __table_args__ = ({"schema": "ops"},)

    register: Mapped[str] = mapped_column(Text, primary_key=True)
    unit: Mapped[str] = mapped_column(
        Text, primary_key=True, comment="Commune code; @ and an account for files of no one commune"
    )
    column_key: Mapped[str] = mapped_column(Text, primary_key=True, comment="Header without accents and case")
    field: Mapped[str | None] = mapped_column(Text)
    last_used_at: Mapped[Timestamp]


class TileStamp(Base):
    """The last revision that touched a tile of a layer (z up to 14). A tile without a row was never touched."""

    __tablename__ = "tile_stamp"
    __table_args__ = (Index("ix_tile_stamp_layer_revision", "layer", "revision"), {"schema": "ops"})

    layer: Mapped[str] = mapped_column(Text, primary_key=True)
    z: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    x: Mapped[int] = mapped_column(Integer, primary_key=True)
    y: Mapped[int] = mapped_column(Integer, primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)


class Setting(Base):
    """Settings that the database itself must know, written when a process with the owner's URL starts."""

    __tablename__ = "setting"
    __table_args__ = ({"schema": "ops"},)

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[Timestamp] = mapped_column(onupdate=func.now())


class Webhook(Base):
    """Somebody who wants to be told of revisions, and how far that is done.

    There is no queue: what is to be told follows from the revisions after the last one told. Secrets are not stored; they
    follow from the installation's own and the generation (docs/decisions/0038).
    """

    __tablename__ = "webhook"
    __table_args__ = ({"schema": "ops"},)

    id: Mapped[UUID] = mapped_column(PgUuid, primary_key=True, server_default=text("gen_random_uuid()"))
    name: Mapped[str] = mapped_column(Text, unique=True)
    url: Mapped[str] = mapped_column(Text)
    registers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}", comment="Of interest; none: all")
    unit: Mapped[str | None] = mapped_column(Text, comment="Code of the commune or province of interest")
    made_at: Mapped[Timestamp]
    generation: Mapped[int] = mapped_column(Integer, server_default="1", comment="Of the secret")
    renewed_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="When the present secret took the place of an earlier one"
    )
    told: Mapped[int] = mapped_column(BigInteger, comment="Transaction up to which everything was told")
    stopped: Mapped[str | None] = mapped_column(Text, comment="Why nothing is sent: paused, gone, failed")
    failures: Mapped[int] = mapped_column(Integer, server_default="0", comment="Attempts since the last success")
    failing_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    next_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), comment="Not before then; while a worker sends, when another one may"
    )
    tried_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str | None] = mapped_column(Text, comment="Of the latest attempt: delivered, or what went wrong")
