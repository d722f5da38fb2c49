"""How often one client may ask for what is not free: look-ups of codes, checks of files, edits.

Codes are looked up where the publication policy shows households by their exact code only.

Codes end in a five-digit serial, so a plain rate per second is no defence: at one a second the serials of a commune
are walked in a day. A client therefore has a number of look-ups a day, with a smaller one for each minute. The
counts are kept by each process in its memory: with two processes a client has at most twice as much.
"""

import math
import threading
import time
from collections import OrderedDict, deque

from geodata.errors import GeodataError

PER_MINUTE, PER_DAY = 20, 100
MINUTE_S, DAY_S = 60.0, 86_400.0
CLIENTS_KEPT = 50_000
_MINUTES_FROM_S, _HOURS_FROM_MIN = 100, 100
"""From here on a wait is told in minutes, and in hours."""


class LookupLimitError(GeodataError):
    """The client has looked up as many codes as it may."""

    code = "LOOKUP_LIMIT"
    vi_template = "Đã tra quá nhiều mã địa chỉ. Hãy thử lại sau {wait_vi}."
    en_template = "Too many address codes were looked up. Try again in {wait_en}."


class EditLimitError(GeodataError):
    """The account has edited as much as it may."""

    code = "EDIT_LIMIT"
    vi_template = "Tài khoản đã sửa quá nhiều đối tượng. Hãy thử lại sau {wait_vi}."
    en_template = "The account has edited too many items. Try again in {wait_en}."


class CheckLimitError(GeodataError):
    """The client has had as many files checked as it may."""

    code = "CHECK_LIMIT"
    vi_template = "Đã kiểm tra quá nhiều tệp. Hãy thử lại sau {wait_vi}."
    en_template = "Too many files were checked. Try again in {wait_en}."


class ChecksBusyError(GeodataError):
    """As many files as this process takes at once are being checked."""

    code = "CHECKS_BUSY"
    vi_template = "Đang có nhiều tệp được kiểm tra. Hãy thử lại sau giây lát."
    en_template = "Other files are being checked. Try again soon."


class MeasuringBusyError(GeodataError):
    """Tiles are being measured for somebody else, and a process does it for one person at a time."""

    code = "MEASURING_BUSY"
    vi_template = "Đang đo các ô bản đồ cho người khác. Hãy thử lại sau giây lát."
    en_template = "Tiles are being measured for somebody else. Try again in a moment."


class Budget:
    """Counts what each client address, or account, has asked for.

    Parameters
    ----------
    refusal : type of GeodataError
        Raised when a client has nothing left, with ``wait_s`` and the same in words.
    """

    def __init__(self, per_minute: int, per_day: int, refusal: type[GeodataError]) -> None:
        self._per_minute, self._per_day, self._refusal = per_minute, per_day, refusal
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, client: str) -> None:
        """Count one request.

        Raises
        ------
        GeodataError
            The refusal, when the client has none left for this minute or this day.
        """
        now = time.monotonic()
        with self._lock:
            times = self._times.setdefault(client, deque())
            self._times.move_to_end(client)
            while times and times[0] < now - DAY_S:
                times.popleft()
            wait_s = self._wait_s(times, now)
            if wait_s > 0:
                wait_vi, wait_en = _in_words(wait_s)
                raise self._refusal(wait_s=wait_s, wait_vi=wait_vi, wait_en=wait_en)
            times.append(now)
            if len(self._times) > CLIENTS_KEPT:
                self._times.popitem(last=False)

    def _wait_s(self, times: deque[float], now: float) -> int:
        """Return after how many seconds there is one left again; 0 for at once."""
        wait_s = 0.0
        for count, window_s in ((self._per_minute, MINUTE_S), (self._per_day, DAY_S)):
            if len(times) >= count:
                since = times[-count] if count else now
                wait_s = max(wait_s, since + window_s - now)
        return math.ceil(wait_s)


def _in_words(seconds: int) -> tuple[str, str]:
    if seconds < _MINUTES_FROM_S:
        return f"{seconds} giây", f"{seconds} seconds"
    minutes = math.ceil(seconds / MINUTE_S)
    if minutes < _HOURS_FROM_MIN:
        return f"{minutes} phút", f"{minutes} minutes"
    hours = math.ceil(minutes / 60)
    return f"{hours} giờ", f"{hours} hours"


class LookupBudget(Budget):
    """Look-ups of codes by client address."""

    def __init__(self) -> None:
        super().__init__(PER_MINUTE, PER_DAY, LookupLimitError)


class ReaderSlots:
    """Lets a fixed number of files be checked at once; the next one is told to come back, none waits in a thread.

    Parameters
    ----------
    count : int
    refusal : type of GeodataError
        What the next one is told.
    """

    def __init__(self, count: int, refusal: type[GeodataError] = ChecksBusyError) -> None:
        self._free, self._refusal = threading.BoundedSemaphore(count), refusal

    def __enter__(self) -> None:
        if not self._free.acquire(blocking=False):
            raise self._refusal

    def __exit__(self, *_: object) -> None:
        self._free.release()
