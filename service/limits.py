"""How often one client may look codes up where the publication policy shows households by exact code only.

Codes end in a five-digit serial, so a plain rate per second is no defence: at one a second the serials of a commune
are walked in a day. A client therefore has a number of look-ups a day, with a smaller one for each minute. The
counts are kept by each process in its memory: with two processes a client has at most twice as much.
"""

import threading
import time
from collections import OrderedDict, deque

from geodata.errors import GeodataError

PER_MINUTE, PER_DAY = 20, 100
MINUTE_S, DAY_S = 60.0, 86_400.0
CLIENTS_KEPT = 50_000


class LookupLimitError(GeodataError):
    """The client has looked up as many codes as it may."""

    code = "LOOKUP_LIMIT"
    vi_template = "Đã tra quá nhiều mã địa chỉ. Hãy thử lại sau."
    en_template = "Too many address codes were looked up. Try again later."


class LookupBudget:
    """Counts look-ups by client address."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, client: str) -> None:
        """Count one look-up.

        Raises
        ------
        LookupLimitError
            When the client has none left for this minute or this day.
        """
        now = time.monotonic()
        with self._lock:
            times = self._times.setdefault(client, deque())
            self._times.move_to_end(client)
            while times and times[0] < now - DAY_S:
                times.popleft()
            recent = sum(moment > now - MINUTE_S for moment in times)
            if len(times) >= PER_DAY or recent >= PER_MINUTE:
                raise LookupLimitError
            times.append(now)
            if len(self._times) > CLIENTS_KEPT:
                self._times.popitem(last=False)
