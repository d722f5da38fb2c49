"""How work that nobody waits for by the second leaves the processor to those who do."""

import os
import time
from contextlib import suppress
from pathlib import Path

BACKGROUND_NICENESS = 10
"""Of imports: viewers' requests go first."""

_ATTEMPTS, _PAUSE_S = 20, 0.11


def give_way() -> None:
    """Lower the priority of this process, and of those it starts, for good."""
    os.nice(BACKGROUND_NICENESS)
    let_session_give_way()


def let_session_give_way() -> None:
    """Have the session that this process leads give way as the process does.

    Notes
    -----
    Linux shares out the processor by session before it looks at single processes, where ``sched_autogroup_enabled`` is set
    (sched(7)). A session begins without niceness, whatever its first process has inherited. The kernel lets users say
    this ten times a second, all of them together.
    """
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            _write_patiently(Path("/proc/self/autogroup"), str(os.nice(0)))


def _write_patiently(path: Path, value: str) -> None:
    for _ in range(_ATTEMPTS):
        with suppress(BlockingIOError):
            path.write_text(value, encoding="ascii")
            return
        time.sleep(_PAUSE_S)
