"""The queue: procrastinate on the same database, its tables in schema ``ops``."""

from typing import Any
from uuid import UUID

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from sqlalchemy import Connection, text

from geodata.db import WORKER_ROLE, role_options
from geodata.settings import GeodataSettings

IMPORTS = "imports"
IMPORT_TASK = "import_upload"
ROLLBACK_TASK = "roll_back"

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
    _defer(connection, IMPORT_TASK, upload_id=str(upload_id))


def defer_rollback(connection: Connection, rollback_id: UUID) -> None:
    """Put the undoing of a revision on the queue, in the caller's transaction too."""
    _defer(connection, ROLLBACK_TASK, rollback_id=str(rollback_id))


def _defer(connection: Connection, task: str, **arguments: str) -> None:
    _find_tables(connection)
    driver = connection.connection.driver_connection
    _SENDER.configure_task(task, queue=IMPORTS, connection=driver).defer(**arguments)


def is_queued(connection: Connection, **argument: UUID) -> bool:
    """Whether a job with this argument waits for a worker."""
    ((name, value),) = argument.items()
    query = "SELECT EXISTS (SELECT 1 FROM ops.procrastinate_jobs WHERE status = 'todo' AND args ->> :name = :value)"
    return bool(connection.scalar(text(query), {"name": name, "value": str(value)}))


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
