"""How many pages of addresses and single ones a second, and what a page far on costs: the product and its peers."""

import json
import math
import urllib.request
from contextlib import ExitStack
from typing import Any

import psycopg

from geodata.features import EXACT_COUNT_UP_TO
from geodata.registers import get_register
from tests.benchmarks import peers, servers
from tests.benchmarks.cases import Bench, Measured
from tests.benchmarks.data import IMPORTED, Tiles, occupied_tiles, settle_database
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.places import REGISTER
from tests.benchmarks.servers import Serving
from tests.conftest import Server

LIMITS = {100: 14, 1000: 13}
"""How many features a page has at most, and the zoom whose tiles are the boxes."""

PEERS = ("tipg", "pygeoapi")
AGAIN = "bandoso again"
"""The product with its memory for pages, which holds all that are asked for."""

FAR, FAR_LIMIT = 5000, 100
"""The number of the page far on, and how many features a page has there."""

_SINGLES = 2000
_STRIDE = 1000
"""How many features are taken at once on the way to the page far on, and where servers are compared."""

_MEMORY_MB = 512
_COMPARED = 20
_TIMEOUT_S = 60


def run_items(server: Server, rounds: int, seconds: float) -> Measured:
    """Measure items of the addresses that were imported.

    Raises
    ------
    BenchmarkError
        When a peer does not give the features that the product gives.
    """
    register = get_register(REGISTER)
    table = peers.public_table(register)
    settle_database(server, IMPORTED)
    url, peer_url = server.url(IMPORTED), peers.peer_url(server, IMPORTED)
    with server.administrator(IMPORTED) as connection:
        peers.copy_public(connection, register)
        connection.execute("VACUUM (ANALYZE)")
        found, ids = occupied_tiles(connection, 14), _some_ids(connection)
    bench = Bench(server)
    with ExitStack() as stack:
        places = {
            "bandoso": (stack.enter_context(servers.bandoso(url, cache_mb=0)), f"/collections/{REGISTER}/items"),
            "tipg": (stack.enter_context(servers.tipg(peer_url)), f"/collections/public.{table}/items"),
            "pygeoapi": (
                stack.enter_context(servers.pygeoapi(peer_url, table, register.geometry.key)),
                f"/collections/{table}/items",
            ),
        }
        for name, place in places.items():
            _add(bench, name, place, found, [pair[name in PEERS] for pair in ids])
        kept = stack.enter_context(servers.bandoso(url, cache_mb=_MEMORY_MB)), places["bandoso"][1]
        _add_pages(bench, AGAIN, kept, found)
        _tell_agreement(bench, places, _boxes(found)[:_COMPARED])
        _add_far(bench, places)
        return bench.run(rounds, seconds)


def _some_ids(connection: psycopg.Connection) -> list[tuple[str, str]]:
    """Return ids of some addresses, as the product has them and as the peers do."""
    rows = connection.execute(
        "SELECT uuid::text, id::text FROM reg.addresses WHERE id %% (SELECT count(*) / %s FROM reg.addresses) = 0",
        [_SINGLES],
    )
    return rows.fetchall()


def _add(bench: Bench, name: str, place: tuple[Serving, str], found: Tiles, ids: list[str]) -> None:
    serving, path = place
    _add_pages(bench, name, place, found)
    bench.ask(f"{name} item", serving, [f"{path}/{feature_id}" for feature_id in ids])


def _add_pages(bench: Bench, name: str, place: tuple[Serving, str], found: Tiles) -> None:
    serving, path = place
    for limit, z in LIMITS.items():
        boxes = _boxes(found if z == found.z else found.above(z))
        bench.ask(f"{name} items {limit}", serving, [f"{path}?bbox={box}&limit={limit}" for box in boxes])


def _add_far(bench: Bench, places: dict[str, tuple[Serving, str]]) -> None:
    """Add the first page and one far on, over one connection, so that a page has the machine to itself."""
    (ours, path), (tipg, its) = places["bandoso"], places["tipg"]
    bench.ask("bandoso page 1", ours, [f"{path}?limit={FAR_LIMIT}"], connections=1)
    far = f"{path}?limit={FAR_LIMIT}&cursor={_cursor_at(ours.address + path, (FAR - 1) * FAR_LIMIT)}"
    bench.ask("bandoso far page", ours, [far], connections=1)
    bench.ask("tipg far page", tipg, [f"{its}?limit={FAR_LIMIT}&offset={(FAR - 1) * FAR_LIMIT}"], connections=1)


def _cursor_at(at: str, number: int) -> str:
    """Follow the pages up to where the feature with this number is the next one."""
    asked = f"{at}?limit={_STRIDE}"
    while number > 0:
        step = min(_STRIDE, number)
        page = _read(asked if step == _STRIDE else asked.replace(f"limit={_STRIDE}", f"limit={step}"))
        asked = next(link["href"] for link in page["links"] if link["rel"] == "next")
        number -= step
    return next(part for part in asked.split("&") if "cursor=" in part).partition("cursor=")[2]


def _tell_agreement(bench: Bench, places: dict[str, tuple[Serving, str]], boxes: list[str]) -> None:
    """Note who counts what, and refuse to measure peers that give other features."""
    answers = {
        name: [_read(f"{serving.address}{path}?bbox={box}&limit={_STRIDE}") for box in boxes]
        for name, (serving, path) in places.items()
    }
    # Servers give the first of many in no common order.
    whole = [n for n, page in enumerate(answers["bandoso"]) if page["numberMatched"] == page["numberReturned"]]
    codes = {name: [_codes(pages[n]) for n in whole] for name, pages in answers.items()}
    for name in PEERS:
        if any(mine != theirs for mine, theirs in zip(codes["bandoso"], codes[name], strict=True)):
            raise BenchmarkError(f"{name} gives other features than the product")
    counted = ", ".join(name for name, pages in answers.items() if all("numberMatched" in page for page in pages))
    bench.measured.facts.append(
        f"The same {sum(map(len, codes['bandoso'])):,} addresses in {len(whole)} boxes from all. "
        f"`numberMatched` is told by {counted}; the product counts up to {EXACT_COUNT_UP_TO:,} in a box, and estimates beyond."
    )


def _codes(page: dict[str, Any]) -> set[str]:
    return {feature["properties"]["code"] for feature in page["features"]}


def _read(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
        found: dict[str, Any] = json.loads(answer.read())
    return found


def _boxes(tiles: Tiles) -> list[str]:
    """Return west, south, east, north of tiles in degrees, near enough for a search."""
    across = 1 << tiles.z

    def latitude(row: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / across))))

    return [
        f"{x / across * 360 - 180:.6f},{latitude(y + 1):.6f},{(x + 1) / across * 360 - 180:.6f},{latitude(y):.6f}"
        for x, y in tiles.addresses
    ]
