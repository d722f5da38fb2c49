"""API and workers on machines of their own: they share the database and an S3 store, and no folder."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from service.storage import open_storage
from tests.conftest import Server, environment_of, running
from tests.service.office import Office, finish, new_code, opened, publishing_is_held, send
from tests.service.people import address_csv, upload_parts
from tests.service.s3_server import s3_serving
from tests.service.test_worker_life import TAKEN_OVER_WITHIN_S, await_attempt, await_state
from tests.warm_process import WarmProcess

STARTED_WITHIN_S = 60


@pytest.fixture
def office(server: Server, worker_name: str, tmp_path: Path) -> Iterator[Office]:
    """An office that keeps its files in a store, and has no worker."""
    with s3_serving(tmp_path / "s3") as store, opened(server, f"store_{worker_name}", 8, **store.settings()) as found:
        yield found


@contextmanager
def worker_on(office: Office, folder: Path) -> Iterator[WarmProcess]:
    """Run a worker with an empty folder of its own; it has begun to take uploads."""
    settings, log = office.settings.model_copy(update={"var_dir": folder}), folder.with_suffix(".log")
    with running(["service", "worker"], environment_of(settings), log) as process:
        deadline = time.monotonic() + STARTED_WITHIN_S
        while "worker starts" not in log.read_text():
            assert time.monotonic() < deadline
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        assert f'"storage": "{open_storage(settings).name}"' in log.read_text()
        yield process


def test_a_file_sent_to_one_machine_is_published_by_a_third_when_the_second_dies(
    office: Office, tmp_path: Path
) -> None:
    officer, code = office.officer(), new_code()
    content = address_csv(code)
    place = send(officer, upload_parts(content))
    with worker_on(office, tmp_path / "hai") as second, ExitStack() as later:
        with publishing_is_held(office):
            await_state(officer, place, "publishing")
            later.enter_context(worker_on(office, tmp_path / "ba"))
            second.kill()
            assert await_attempt(office, place, 2, TAKEN_OVER_WITHIN_S)
        assert finish(officer, place)["state"] == "published"
    assert office.item(code) is not None
    assert officer.get(f"{place}/file").content == content
    assert open_storage(office.settings).find_older(-1)
    kept = [
        path for folder in (office.settings.var_dir, tmp_path / "hai", tmp_path / "ba") for path in folder.rglob("*")
    ]
    assert [path for path in kept if path.is_file() and path.suffix != ".log"] == []
