"""Good files of every format broken at random: each ends in rows or a coded refusal, and nothing dies but a reader."""

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from geodata.importing import sandbox
from tests.hostile.mutations import SEEDS, Seed, broken
from tests.hostile.trial import LIMIT_S, check, told
from tests.hostile.warm_reader import warm_reader

FEW, MANY, LEAST_FILES = 4, 240, 5_000
REGISTERS = ("tourism_points", "villages", "addresses", "growing_areas")


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: seed.name)
def seed(request: pytest.FixtureRequest) -> Seed:
    found: Seed = request.param
    return found


@pytest.fixture(scope="module")
def command(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Command of a reader that has started already."""
    with warm_reader(tmp_path_factory.mktemp("warm"), with_gdal=seed.needs_gdal) as found:
        yield found


def send(seed: Seed, number: int, folder: Path) -> str:
    """Send one broken file; say what became of it."""
    folder.mkdir()
    stored = folder / "stored"
    stored.write_bytes(broken(seed, number))
    started = time.monotonic()
    report = check(stored, f"a{seed.suffix}", folder / "work", REGISTERS[number % len(REGISTERS)])
    assert time.monotonic() - started <= LIMIT_S, (seed.name, number)
    assert report.read == report.valid + report.rejected
    found = told(report)
    # Our own code refuses; only a library in C may end its process, which the sandbox then reports.
    is_death = found.endswith("READER_DIED") and not seed.needs_gdal
    assert not is_death, (seed.name, number, (folder / "work" / sandbox.LOG_FILE).read_text(errors="replace")[-2000:])
    assert not found.endswith("TIMEOUT"), (seed.name, number)
    shutil.rmtree(folder)
    return found


def send_all(seed: Seed, count: int, folder: Path) -> Counter[str]:
    """Send many; count what became of them."""
    return Counter(send(seed, number, folder / str(number)) for number in range(count))


def use(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sandbox take the warm reader."""
    monkeypatch.setattr(sandbox, "_command", lambda: command)


def test_broken_files_end_in_rows_or_a_coded_refusal(
    seed: Seed, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(command, monkeypatch)
    assert send_all(seed, FEW, tmp_path).total() == FEW


@pytest.mark.long
def test_many_broken_files_end_in_rows_or_a_coded_refusal(
    seed: Seed, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(command, monkeypatch)
    found = send_all(seed, MANY, tmp_path)
    assert found.total() == MANY
    assert len(found) > 1


def test_there_are_as_many_broken_files_as_promised() -> None:
    assert len(SEEDS) * MANY >= LEAST_FILES
    made = {broken(seed, number) for seed in SEEDS for number in range(30)}
    assert len(made) > 0.95 * 30 * len(SEEDS)
