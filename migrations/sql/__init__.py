"""SQL that migrations run: frozen once released, never edited."""

from importlib.resources import files

from alembic import op
from procrastinate.schema import SchemaManager


def run_script(script: str) -> None:
    """Run several statements at once, as they stand."""
    # The driver's own cursor, without parameters: SQLAlchemy always prepares, and one prepared statement holds one.
    op.get_bind().connection.cursor().execute(script)


def run_file(name: str) -> None:
    """Run one file of this folder."""
    run_script(files(__package__).joinpath(name).read_text(encoding="utf-8"))


def run_jobs_schema() -> None:
    """Create the job queue's own tables in schema ``ops`` and let both sides of the queue use them."""
    run_script("SET LOCAL search_path = ops, public")
    run_script(SchemaManager.get_schema())
    run_script("SET LOCAL search_path = public")
    run_file("0001_jobs.sql")
