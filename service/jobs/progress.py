"""How far the work on an upload is, how fast it goes, and how long it will take."""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

WINDOW_S = 5.0
"""The rate is that of the last seconds: files are read in bursts, and the database has other work too."""

WRITTEN_EVERY_S = 0.5


class ProgressMeter:
    """Turns counts into what is told of an upload.

    Parameters
    ----------
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage = ""
        self._done = self._total = 0
        self._counts: deque[tuple[float, int]] = deque()
        self._written_at = -math.inf

    def note(self, stage: str, done: int, total: int) -> None:
        """Note how many rows of how many (0: not known) are done with."""
        now = self._clock()
        if stage != self._stage:
            self._stage, self._written_at = stage, -math.inf
            self._counts.clear()
        self._done, self._total = done, total
        self._counts.append((now, done))
        while len(self._counts) > 2 and now - self._counts[1][0] >= WINDOW_S:  # noqa: PLR2004  a rate has two ends
            self._counts.popleft()

    @property
    def is_due(self) -> bool:
        """Whether it is time to tell: at once in a new stage, then a few times a second at most."""
        return self._clock() - self._written_at >= WRITTEN_EVERY_S

    def tell(self) -> dict[str, Any]:
        """Return what is to be written into the upload's row now."""
        self._written_at = self._clock()
        rate = self._rate()
        left = self._total - self._done
        seconds = math.ceil(left / rate) if rate and left >= 0 and self._total else None
        return {
            "stage": self._stage, "done": self._done, "total": self._total,
            "rows_per_s": round(rate) if rate else None, "seconds_left": seconds,
        }  # fmt: skip

    def _rate(self) -> float | None:
        if not self._counts:
            return None
        since, before = self._counts[0]
        seconds, rows = self._clock() - since, self._done - before
        return rows / seconds if seconds > 0 and rows > 0 else None
