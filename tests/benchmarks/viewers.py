"""People who look at maps: each moves every few seconds and asks for twelve tiles and two documents a move.

One process and raw sockets, so that the load generator takes little of the machine it shares.
"""

import asyncio
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.benchmarks.places import SEED

VIEWERS, TILES_A_MOVE, THINK_S, CONNECTIONS = 50, 12, 2.0, 4
LAYERS = "provinces,communes,addresses"
ZOOMS = range(9, 15)


@dataclass
class Views:
    """What viewers met: times of tiles and of documents in milliseconds, and answers that were errors."""

    tiles_ms: list[float] = field(default_factory=list)
    documents_ms: list[float] = field(default_factory=list)
    errors: int = 0

    def p(self, share: int) -> float:
        """Return a percentile of the tile times."""
        return statistics.quantiles(self.tiles_ms, n=100)[share - 1]


def watch(address: str, box: Sequence[float], until: Callable[[], bool]) -> Views:
    """Let viewers look at a box (degrees) until a condition holds."""
    return asyncio.run(_watch(address, box, until))


async def _watch(address: str, box: Sequence[float], until: Callable[[], bool]) -> Views:
    views = Views()
    parts = urlsplit(address)
    assert parts.hostname is not None
    viewers = [_Viewer(parts.hostname, parts.port or 80, box, views, number) for number in range(VIEWERS)]
    tasks = [asyncio.create_task(viewer.look()) for viewer in viewers]
    while not until():
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return views


@dataclass
class _Viewer:
    host: str
    port: int
    box: Sequence[float]
    views: Views
    number: int

    async def look(self) -> None:
        """Move about for ever; all begin at another moment."""
        chance = random.Random(SEED + self.number)
        streams = [await asyncio.open_connection(self.host, self.port) for _ in range(CONNECTIONS)]
        await asyncio.sleep(chance.uniform(0, THINK_S))
        try:
            while True:
                paths = self._move(chance)
                shares = [paths[n::CONNECTIONS] for n in range(CONNECTIONS)]
                pairs = zip(streams, shares, strict=True)
                await asyncio.gather(*(self._ask(*stream, share) for stream, share in pairs))
                await asyncio.sleep(THINK_S)
        finally:
            for _, writer in streams:
                writer.close()

    def _move(self, chance: random.Random) -> list[str]:
        west, south, east, north = self.box
        lon, lat, z = chance.uniform(west, east), chance.uniform(south, north), chance.choice(ZOOMS)
        x = int((lon + 180) / 360 * (1 << z))
        y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * (1 << z))
        tiles = [f"/tiles/{LAYERS}/{z}/{x + dx}/{y + dy}.mvt" for dx in range(4) for dy in range(TILES_A_MOVE // 4)]
        around = f"{lon:.4f},{lat:.4f},{lon + 0.01:.4f},{lat + 0.01:.4f}"
        return [*tiles, f"/tiles/{LAYERS}.json", f"/collections/communes/items?limit=10&bbox={around}"]

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, paths: Sequence[str]) -> None:
        for path in paths:
            began = time.perf_counter()
            request = f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\nAccept-Encoding: gzip\r\n\r\n"
            writer.write(request.encode())
            status = await _read_answer(reader)
            took_ms = (time.perf_counter() - began) * 1000
            (self.views.tiles_ms if path.endswith(".mvt") else self.views.documents_ms).append(took_ms)
            self.views.errors += status not in {200, 204}


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = int(head.split(" ", 2)[1])
    if "transfer-encoding: chunked" in head:
        while size := int((await reader.readline()).strip(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    elif "content-length:" in head:
        await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    return status
