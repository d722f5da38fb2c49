"""How work that nobody waits for by the second leaves the processor to those who do."""

import os
from contextlib import suppress
from pathlib import Path

BACKGROUND_NICENESS = 10
"""Of imports: viewers' requests go first."""


def give_way() -> None:
    """Lower the priority of this process, and of those it starts, for good."""
    os.nice(BACKGROUND_NICENESS)
    let_session_give_way()


def let_session_give_way() -> None:
    """Have the session that this process leads give way as the process does.

    Notes
    -----
    Linux shares out the processor by session before it looks at single processes, where ``sched_autogroup_enabled`` is set
    (sched(7)). A session begins without niceness, whatever its first process has inherited.
    """
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(os.nice(0)), encoding="ascii")
