"""What is to be done at the signal that ends the process, before the server waits for requests under way."""

import signal
import threading
from collections.abc import Callable
from types import FrameType


def at_end_of_process(do: Callable[[], None]) -> None:
    """Call ``do`` at SIGTERM and SIGINT, before the handler that is there already.

    Only the main thread may ask for it, and only it hears signals; elsewhere nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, _both(do, before))


def _both(
    do: Callable[[], None], before: Callable[[int, FrameType | None], object]
) -> Callable[[int, FrameType | None], None]:
    def end(number: int, frame: FrameType | None) -> None:
        do()
        before(number, frame)

    return end
