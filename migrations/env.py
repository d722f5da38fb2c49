"""Alembic's environment: where the database is and what it is compared with."""

from collections.abc import Callable
from typing import Any

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import create_engine, text

from geodata import accounts, ops  # noqa: F401  their tables belong to the metadata
from geodata.derived import declare_all
from geodata.settings import GeodataSettings

metadata = declare_all()
SCHEMAS = {"reg", "ops"}


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Compare only our own schemas (``staging`` and ``open`` hold no tables of the metadata)."""
    return name in SCHEMAS if kind == "schema" else True


def include_object(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:  # noqa: FBT001
    """Leave out what is not in the metadata on purpose: the queue's own tables and the bulk load's note pad."""
    if kind == "table" and name and (name.startswith("procrastinate_") or name == "set_aside"):
        return False
    decide: Callable[..., bool] = alembic_helpers.include_object
    return decide(thing, name, kind, reflected, compare_to)


def run() -> None:
    """Migrate the database named by ``DATABASE_URL`` (or the connection handed over by a caller)."""
    handed_over = context.config.attributes.get("connection")
    if handed_over is not None:
        migrate(handed_over)
        return
    with create_engine(GeodataSettings().sqlalchemy_url).connect() as connection:
        migrate(connection)


def migrate(connection: Any) -> None:
    """Run the migrations on one connection, one at a time even when several processes start at once."""
    connection.execute(text("SELECT pg_advisory_lock(hashtext('bandoso migrations'))"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_schemas=True,
        include_name=include_name,
        include_object=include_object,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
        version_table="schema_version",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
