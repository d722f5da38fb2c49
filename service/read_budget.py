"""How fast one client may read: as long as it has tokens, which come back with time.

Each process counts in its memory. Clients of the machine itself are not counted: behind a proxy that does not say for whom
it asks, everybody would share one budget.
"""

import ipaddress
import math
import time
from collections import OrderedDict
from functools import lru_cache

from geodata.errors import GeodataError
from service.limits import CLIENTS_KEPT
from service.middleware import PRIVATE_PATHS, Scope

PROBES = frozenset({"/healthz", "/readyz"})
_OF_ONE_SUBSCRIBER = 64
"""Bits of an IPv6 address that are the same for all addresses of one subscriber."""


class ReadLimitError(GeodataError):
    """The client reads faster than it may."""

    code = "READ_LIMIT"
    vi_template = (
        "Địa chỉ mạng này gửi yêu cầu quá nhanh. Hãy thử lại sau {wait_s} giây; để lấy toàn bộ dữ liệu, hãy tải tệp."
    )
    en_template = (
        "This network address asks too fast. Try again in {wait_s} seconds; to take all data, download the files."
    )


class ReadBudget:
    """Tokens of each client: one is spent for each request, ``per_second`` come back, at most ``burst`` are kept.

    Parameters
    ----------
    per_second : float
        0 for no limit.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second, self._burst = per_second, max(burst, 1)
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, scope: Scope) -> int:
        """Count a request and return after how many seconds it may come again; 0 where it is let through."""
        client = scope["client"][0] if scope.get("client") else ""
        if not self._per_second or not _is_public_read(scope) or (name := _counted_as(client)) is None:
            return 0
        now = time.monotonic()
        left, since = self._clients.pop(name, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._per_second)
        self._clients[name] = (left - 1 if left >= 1 else left, now)
        if len(self._clients) > CLIENTS_KEPT:
            self._clients.popitem(last=False)
        return 0 if left >= 1 else math.ceil((1 - left) / self._per_second)


def _is_public_read(scope: Scope) -> bool:
    path = scope["path"]
    return scope["method"] in {"GET", "HEAD"} and path not in PROBES and not path.startswith(PRIVATE_PATHS)


@lru_cache(maxsize=4096)
def _counted_as(client: str) -> str | None:
    """Return under which name a client is counted; None for those that are not."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return None
    if address.is_loopback:
        return None
    if address.version == 4:  # noqa: PLR2004
        return client
    return str(ipaddress.ip_network((client, _OF_ONE_SUBSCRIBER), strict=False))
