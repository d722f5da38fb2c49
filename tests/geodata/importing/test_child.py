"""How the sandboxed process ends."""

import os
import subprocess
import sys


def test_a_reader_that_is_done_does_not_wait_for_threads_of_its_libraries() -> None:
    """Those of pyarrow abort a process that takes its interpreter down while they let go of Python's objects."""
    code = (
        "import runpy, sys, threading, time; from geodata.importing import reader; "
        "reader.main = lambda job: (threading.Thread(target=time.sleep, args=(60,)).start(), print(job)) and 0; "
        "runpy.run_module('geodata.importing.child', run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(os.getpid()), "đã đọc xong"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "đã đọc xong\n", "")
