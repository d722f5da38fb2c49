"""First steps of the sandboxed process: tie its life to the worker's, then read.

Started only by ``geodata.importing.sandbox``, with the worker's process id and the job. Nothing but the standard
library is loaded before the tie, so that a worker killed meanwhile leaves no reader behind.
"""

import ctypes
import os
import signal
import sys
from typing import NoReturn

from geodata.priority import let_session_give_way

_SET_DEATH_SIGNAL = 1


def main() -> int:
    """Read what the second argument asks for, while the process named by the first lives."""
    worker, job = sys.argv[1:]
    die_with(int(worker))
    let_session_give_way()
    from geodata.importing import reader  # noqa: PLC0415 - loading it takes long, and the tie comes first

    return reader.main(job)


def die_with(worker: int) -> None:
    """Have this process killed as soon as the worker ends, however that ends; only Linux can do it.

    Parameters
    ----------
    worker : int
        Process id of the parent.

    Raises
    ------
    SystemExit
        If the worker has ended already.

    Notes
    -----
    ``PR_SET_PDEATHSIG`` of prctl(2). The signal comes when the thread that started this process ends.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, ctypes.c_ulong(signal.SIGKILL))
    # Of an end before that call the kernel tells nobody.
    if os.getppid() != worker:
        sys.exit("the worker has ended")


def leave(code: int) -> NoReturn:
    """End the process without taking the interpreter down.

    Threads of pyarrow that read ahead hold objects of Python's, and one that lets go of them while the interpreter ends
    aborts the process, or waits for ever: a file that has been read to its end would be refused.
    """
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
