"""How much memory one process of the API takes once its cache of tiles is full."""

import http.client
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from urllib.parse import urlsplit

from service.settings import ServiceSettings
from tests.benchmarks import servers
from tests.benchmarks.data import IMPORTED, occupied_tiles
from tests.benchmarks.places import REGISTER
from tests.conftest import Server

_ENTRY_BYTES = 600
"""What the cache counts for a tile beside its bytes; see `tiles.cache`."""

_ZOOMS = (14, 13, 12)
_OVERFULL = 1.3
_WALKERS = 6
_BATCH = 600


@dataclass(frozen=True)
class Memory:
    """What a process took.

    Attributes
    ----------
    first_mb, highest_mb : float
        Resident memory before the first tile, and the most it ever was (million bytes).
    walked_mb, cache_mb : float
        Compressed tiles that were asked for, all different, and what the cache may hold.
    """

    first_mb: float
    highest_mb: float
    walked_mb: float
    cache_mb: float
    tiles: int

    @property
    def is_full(self) -> bool:
        """Whether more was asked for than the cache can hold."""
        return self.walked_mb > self.cache_mb


def fill_cache(server: Server) -> Memory:
    """Ask one process with its default cache for ever other tiles until that must drop some; each tile once."""
    cache_mb = ServiceSettings.model_fields["tile_cache_mb"].default
    limit = cache_mb * (1 << 20)
    with servers.bandoso(server.url(IMPORTED), cache_mb=cache_mb, processes=1) as serving:
        todo, bytes_, tiles = _paths(server), 0, 0
        first_mb = _resident_mb(serving.pids[0], "VmRSS")
        with ThreadPoolExecutor(_WALKERS) as walkers:
            while todo and bytes_ < _OVERFULL * limit:
                batch, todo = todo[:_BATCH], todo[_BATCH:]
                shares = [batch[n::_WALKERS] for n in range(_WALKERS)]
                bytes_ += sum(walkers.map(_walk, [serving.address] * _WALKERS, shares))
                tiles += len(batch)
        highest_mb = _resident_mb(serving.pids[0], "VmHWM")
    return Memory(first_mb, highest_mb, bytes_ / 1e6, limit / 1e6, tiles)


def _paths(server: Server) -> list[str]:
    """Return tiles of addresses with the other layers of a map in every order: to the cache all are different."""
    with server.administrator(IMPORTED) as connection:
        found = occupied_tiles(connection, _ZOOMS[0])
    others = ("communes", "provinces", "villages")
    layers = [order for n in range(len(others) + 1) for order in permutations((REGISTER, *others), n + 1)]
    tiles = [(z, x, y) for z in _ZOOMS for x, y in found.above(z).addresses]
    return [f"/tiles/{','.join(order)}/{z}/{x}/{y}.mvt" for order in layers if REGISTER in order for z, x, y in tiles]


def _walk(address: str, paths: Sequence[str]) -> int:
    """Ask for tiles over one connection; return what they take in the cache."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    size = 0
    for path in paths:
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        size += len(connection.getresponse().read()) + _ENTRY_BYTES
    connection.close()
    return size


def _resident_mb(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith(name))
    return kilobytes * 1024 / 1e6
