"""Background work gives way to everybody, however the kernel shares out the processor."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from geodata.priority import BACKGROUND_NICENESS

AUTOGROUP = Path("/proc/self/autogroup")
ASK = "import os, pathlib; from geodata.priority import give_way; give_way(); "
ASK_SESSION = "print(os.nice(0), pathlib.Path('/proc/self/autogroup').read_text())"


def test_a_process_that_gives_way_is_as_nice_as_it_says() -> None:
    said = subprocess.check_output([sys.executable, "-c", f"{ASK} print(os.nice(0))"], text=True)
    assert int(said) == min(os.nice(0) + BACKGROUND_NICENESS, 19)


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="the kernel does not group processes by session")
def test_the_session_of_a_process_gives_way_only_if_it_is_the_process_s_own() -> None:
    before = AUTOGROUP.read_text()
    own = subprocess.check_output([sys.executable, "-c", ASK + ASK_SESSION], text=True, start_new_session=True)
    nice, session = own.split(maxsplit=1)
    assert session.split("nice")[1].strip() == nice
    subprocess.check_call([sys.executable, "-c", ASK])
    assert AUTOGROUP.read_text() == before
