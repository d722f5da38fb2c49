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
    connection.execute(text("SELECT set_config('search_path', 'ops,public', true)"))
    driver = connection.connection.driver_connection
    _SENDER.configure_task(IMPORT_TASK, queue=IMPORTS, connection=driver).defer(upload_id=str(upload_id))
