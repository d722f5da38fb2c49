"""The queue: procrastinate on the same database, its tables in schema ``ops``."""

from typing import Any
from uuid import UUID

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from sqlalchemy import Connection, text

from geodata.db import WORKER_ROLE, role_options
from geodata.settings import GeodataSettings

IMPORTS = "imports"
IMPORT_TASK = "import_upload"

# Never opened: it only writes jobs through connections that callers hand over.
_SENDER = App(connector=SyncPsycopgConnector())


def make_queue(settings: GeodataSettings) -> App:
    """Return the queue of a worker process."""
    options = role_options(WORKER_ROLE, 0, read_only=False).replace("search_path=public", "search_path=ops,public")
    url = settings.sqlalchemy_url.replace("+psycopg", "")
    kwargs: dict[str, Any] = {"options": options, "application_name": "bandoso queue"}
    return App(connector=PsycopgConnector(conninfo=url, kwargs=kwargs, min_size=1, max_size=4))


def defer_import(connection: Connection, upload_id: UUID) -> None:
    """Put an upload on the queue in the caller's transaction: the job is there exactly when the upload is."""
    _find_tables(connection)
    driver = connection.connection.driver_connection
    _SENDER.configure_task(IMPORT_TASK, queue=IMPORTS, connection=driver).defer(upload_id=str(upload_id))


def remove_dead_jobs(connection: Connection) -> None:
    """Remove the jobs that ended without success, and those whose worker has not beaten for a minute."""
    _find_tables(connection)
    connection.execute(
        text(
            "DELETE FROM procrastinate_jobs job WHERE queue_name = :queue "
            "AND (status IN ('failed', 'aborted', 'cancelled') OR status = 'doing' AND NOT EXISTS ("
            "SELECT FROM procrastinate_workers worker "
            "WHERE worker.id = job.worker_id AND worker.last_heartbeat > now() - interval '1 minute'))"
        ),
        {"queue": IMPORTS},
    )


def _find_tables(connection: Connection) -> None:
    """Make the transaction find the queue's tables and types by their bare names, as its triggers do."""
    connection.execute(text("SELECT set_config('search_path', 'ops,public', true)"))
