"""The folder of a job: its own, and never left behind for long."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from geodata.importing.work_folder import work_folder


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def make_old(folder: Path) -> None:
    hour_ago = time.time() - 3600
    os.utime(folder, (hour_ago, hour_ago))


def leave_behind(parent: Path) -> Path:
    """Have a process make a folder with a person's name in it, and kill it."""
    code = (
        "import time; from geodata.importing.work_folder import work_folder\n"
        "with work_folder() as folder:\n"
        "    (folder / 'rows.arrow').write_text('Nguyễn Văn Bí Mật')\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(60)"
    )
    environment = {**os.environ, "TMPDIR": str(parent)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as job:
        assert job.stdout is not None
        folder = Path(job.stdout.readline().strip())
        job.kill()
    return folder


def test_a_folder_is_for_its_owner_alone_and_goes_with_the_job(parent: Path) -> None:
    with work_folder() as folder:
        assert folder.parent == parent
        assert folder.stat().st_mode & 0o077 == 0
    assert list(parent.iterdir()) == []


def test_what_a_killed_job_left_is_removed_by_the_next_one(parent: Path) -> None:
    left = leave_behind(parent)
    assert (left / "rows.arrow").exists()
    make_old(left)
    with work_folder():
        assert not left.exists()


def test_the_folder_of_a_job_at_work_stays(parent: Path) -> None:
    with work_folder() as first:
        make_old(first)
        with work_folder():
            assert first.exists()


def test_a_folder_that_was_made_just_now_stays(parent: Path) -> None:
    left = leave_behind(parent)
    with work_folder():
        assert left.exists()
