"""The worker process: takes uploads from the queue, and looks after those that another worker left behind."""

import threading
import time
from uuid import UUID

import psycopg
import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from sqlalchemy import select

from geodata.db import Database
from geodata.importing import sandbox
from geodata.importing.check import warm_up
from geodata.importing.publish import settle
from geodata.importing.work_folder import remove_left_behind
from geodata.ops import Upload
from geodata.priority import give_way
from service.jobs.bulk_files import FileKeeper
from service.jobs.cleaning import clean_files, clean_staging
from service.jobs.imports import UploadJob, recover_lost
from service.jobs.queue import IMPORT_TASK, IMPORTS, ROLLBACK_TASK, make_queue
from service.jobs.rollbacks import RollbackJob, recover_rollbacks
from service.logs import is_outage, note_outage
from service.settings import ServiceSettings
from service.storage import open_storage
from service.webhooks.keeper import WebhookKeeper

log = structlog.get_logger()

RECOVERY_S = 2
RETRY_S = 2.0
CLEANING_S = 3600
FILES_S = 30


def build_worker(database: Database, settings: ServiceSettings) -> App:
    """Return the queue with its tasks: the import of an upload, the undoing of a large revision."""
    queue = make_queue(settings)

    @queue.task(name=IMPORT_TASK, queue=IMPORTS)
    def import_upload(upload_id: str) -> None:
        UploadJob(database, settings, UUID(upload_id)).run()

    @queue.task(name=ROLLBACK_TASK, queue=IMPORTS)
    def undo(rollback_id: str) -> None:
        RollbackJob(database, UUID(rollback_id)).run()

    return queue


def run_worker(settings: ServiceSettings) -> None:
    """Work until told to stop; a database that is there at the start and goes away later is waited for.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        When at the start the database does not answer or is not migrated.
    """
    mode = sandbox.check()
    warm_up()
    give_way()
    database = Database(settings, gives_way=True)
    with database.worker() as connection:
        # A database without our tables will not get them by waiting.
        connection.execute(select(Upload).limit(0))
    log.info("worker starts", sandbox=mode, storage=open_storage(settings).name)
    stop = threading.Event()
    files = FileKeeper(database, settings, stop)
    keepers = [
        threading.Thread(target=_every, args=(seconds, stop, work), daemon=True)
        for seconds, work in (
            (RECOVERY_S, lambda: _recover(database)),
            (RECOVERY_S, lambda: settle(database)),
            (CLEANING_S, lambda: clean_files(database, open_storage(settings), settings.raw_file_days)),
            (CLEANING_S, lambda: clean_staging(database, settings.staged_days)),
            (CLEANING_S, remove_left_behind),
            (FILES_S, files),
            (RECOVERY_S, WebhookKeeper(database, settings, stop)),
        )
    ]
    for keeper in keepers:
        keeper.start()
    try:
        while not _work(database, settings):
            time.sleep(RETRY_S)
    finally:
        stop.set()
        files.end()
        database.dispose()


def _work(database: Database, settings: ServiceSettings) -> bool:
    """Take uploads from the queue; whether that ended as it was asked to and not for want of the database."""
    try:
        with build_worker(database, settings).open() as queue:
            queue.run_worker(queues=[IMPORTS], concurrency=1, fetch_job_polling_interval=2.0, delete_jobs="successful")
    except (ConnectorException, psycopg.OperationalError) as error:
        note_outage(type(error).__name__)
        return False
    return True


def _every(seconds: float, stop: threading.Event, work: object) -> None:
    assert callable(work)
    """Do the work now and then, first at once: a worker that is often started anew would else never come to it."""
    while not stop.is_set():
        try:
            work()
        except Exception as error:
            if is_outage(error):
                note_outage(type(error).__name__)
            else:
                log.warning("keeper failed", kind=type(error).__name__)
        stop.wait(seconds)


def _recover(database: Database) -> None:
    with database.worker() as connection:
        found = recover_lost(connection)
    if found:
        log.warning("uploads put back", uploads=[str(upload) for upload in found])
    with database.worker() as connection:
        undone = recover_rollbacks(connection)
    if undone:
        log.warning("rollbacks put back", rollbacks=[str(one) for one in undone])
