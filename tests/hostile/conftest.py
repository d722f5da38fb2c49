"""How the hostile files are sent: each family's first by readers of their own, more of the same by forks of one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from geodata.importing import sandbox
from tests.hostile.cases import Case
from tests.hostile.trial import LIMIT_S, is_alive, run
from tests.hostile.warm_reader import warm_reader

FRESH = 5
"""How many of each family's files are read by processes started for them."""

Send = Callable[[Case, int], None]


@pytest.fixture(scope="module", autouse=True)
def _by_readers_of_their_own(own_reader: None) -> None:
    """Let the reader's whole process be what hostile files meet."""


@pytest.fixture(scope="module", autouse=True)
def _this_process_still_takes_a_good_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    assert is_alive(tmp_path_factory.mktemp("alive") / "good")


@pytest.fixture(scope="module")
def warm_commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bool], list[str]]]:
    """Start the warm readers that are asked for."""
    with ExitStack() as stack:
        started: dict[bool, list[str]] = {}

        def command(is_networked: bool) -> list[str]:
            if is_networked not in started:
                folder = tmp_path_factory.mktemp("warm")
                started[is_networked] = stack.enter_context(warm_reader(folder, is_networked=is_networked))
            return started[is_networked]

        yield command


@pytest.fixture
def send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm_commands: Callable[[bool], list[str]]) -> Send:
    """Send a hostile file, the n-th of its family, and hold it to what is promised of all."""

    def sent(case: Case, number: int) -> None:
        if number >= FRESH:
            command = warm_commands(case.is_networked)
            monkeypatch.setattr(sandbox, "_command", lambda: command)
        trial = run(case, tmp_path, monkeypatch)
        assert trial.told == case.expected
        assert trial.seconds <= LIMIT_S
        assert trial.calls == 0
        assert trial.strays == []

    return sent
