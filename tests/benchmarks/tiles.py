"""How many tiles of addresses a second: the product, its statement alone, and its peers."""

import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack

from geodata.registers import get_register
from tests.benchmarks import peers, servers
from tests.benchmarks.agreement import same_features
from tests.benchmarks.cases import Bench, Measured, connections_for
from tests.benchmarks.data import IMPORTED, Tiles, occupied_tiles, settle_database
from tests.benchmarks.places import REGISTER
from tests.benchmarks.servers import Serving
from tests.conftest import Server
from tiles.sql import tile_sql

CACHE_MB = 256
LOW_ZOOMS = (10, 8, 6)
BROWSERS = "gzip, deflate, br, zstd"
"""What browsers ask for."""

TIPG = "/collections/public.{table}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}"
SAME_ATTRIBUTES = "tipg z14 same attributes"

_INFORMATION = 0.4
"""Share of a round's time for cases without a goal."""

_COMPARED = 20
_OURS = f"/tiles/{REGISTER}/{{z}}/{{x}}/{{y}}.mvt"


def run_tiles(server: Server, rounds: int, seconds: float) -> Measured:
    """Measure tiles of the addresses that were imported."""
    register = get_register(REGISTER)
    settle_database(server, IMPORTED)
    url, peer_url = server.url(IMPORTED), peers.peer_url(server, IMPORTED)
    with server.administrator(IMPORTED) as connection:
        peers.copy_public(connection, register)
        peers.copy_slim(connection, register)
        peers.make_own_statement(connection, (REGISTER,), 14)
        connection.execute("VACUUM (ANALYZE)")
        found = occupied_tiles(connection, 14)
    tiles = {14: found, **{z: found.above(z) for z in LOW_ZOOMS}}
    bench = Bench(server)
    counts = ", ".join(f"{len(found.addresses)} at z{z}" for z, found in tiles.items())
    bench.measured.facts.append(f"Tiles in which addresses lie: {counts}.")
    with ExitStack() as stack:
        plain = stack.enter_context(servers.bandoso(url, cache_mb=0))
        cached = stack.enter_context(servers.bandoso(url, cache_mb=CACHE_MB))
        tipg = stack.enter_context(servers.tipg(peer_url))
        martin = stack.enter_context(servers.martin(peer_url, _martin_tables(), peers.OWN_STATEMENT))
        floor = stack.enter_context(servers.hello())
        bench.state("pgbench z14", url, (REGISTER,), tiles[14])
        _add_z14(bench, tiles[14], plain, tipg)
        _add_martin(bench, tiles[14], plain, martin)
        _add_low_zooms(bench, tiles, plain, tipg)
        _add_memory(bench, tiles[14], cached, floor)
        return bench.run(rounds, seconds)


def paths(tiles: Tiles, pattern: str) -> list[str]:
    """Fill a pattern with the tiles' numbers."""
    return [pattern.format(z=tiles.z, x=x, y=y) for x, y in tiles.addresses]


def tell_agreement(bench: Bench, tiles: Tiles, ours: tuple[Serving, str], other: tuple[str, Serving, str]) -> None:
    """Note on how many features the tiles of two servers agree."""
    few = Tiles(tiles.z, tiles.addresses[:_COMPARED])
    name, serving, pattern = other
    mine = [ours[0].address + path for path in paths(few, ours[1])]
    agreed, total = same_features(mine, [serving.address + path for path in paths(few, pattern)])
    bench.measured.facts.append(
        f"The product and {name} agree on {agreed:,} of {total:,} features of {len(few.addresses)} z{tiles.z} tiles."
    )


def _martin_tables() -> Mapping[str, Mapping[str, object]]:
    register = get_register(REGISTER)
    name = peers.slim_table(register)
    described = {
        "schema": "public", "table": name, "srid": 3857, "geometry_column": "point", "geometry_type": "POINT",
        "id_column": "id", "properties": {item.name: "text" for item in register.tile_fields},
    }  # fmt: skip
    return {name: described}


def _add_z14(bench: Bench, tiles: Tiles, plain: Serving, tipg: Serving) -> None:
    register = get_register(REGISTER)
    whole, slim = (TIPG.format(table=name(register)) for name in (peers.public_table, peers.slim_table))
    tell_agreement(bench, tiles, (plain, _OURS), ("tipg", tipg, whole))
    shown = f"?properties={','.join(item.name for item in register.tile_fields)}"
    bench.ask("bandoso z14", plain, paths(tiles, _OURS))
    bench.ask("tipg z14", tipg, paths(tiles, whole))
    bench.ask(SAME_ATTRIBUTES, tipg, paths(tiles, whole + shown))
    bench.ask("tipg z14 our table", tipg, paths(tiles, slim), share=_INFORMATION)
    bench.ask("bandoso z14 gzip", plain, paths(tiles, _OURS), encodings="gzip", share=_INFORMATION)
    bench.ask("tipg z14 gzip", tipg, paths(tiles, whole), encodings="gzip", share=_INFORMATION)


def _add_martin(bench: Bench, tiles: Tiles, plain: Serving, martin: Serving | None) -> None:
    if martin is None:
        return
    table = f"/{peers.slim_table(get_register(REGISTER))}/{{z}}/{{x}}/{{y}}"
    tell_agreement(bench, tiles, (plain, _OURS), ("martin", martin, table))
    bench.ask("martin z14", martin, paths(tiles, table))
    bench.ask("martin z14 our statement", martin, paths(tiles, f"/{peers.OWN_STATEMENT}/{{z}}/{{x}}/{{y}}"))


def _add_low_zooms(bench: Bench, tiles: Mapping[int, Tiles], plain: Serving, tipg: Serving) -> None:
    whole = TIPG.format(table=peers.public_table(get_register(REGISTER)))
    for z in LOW_ZOOMS:
        connections = connections_for(tiles[z])
        bench.measured.statements[f"addresses z{z}"] = tile_sql((REGISTER,), z)
        bench.ask(f"bandoso z{z}", plain, paths(tiles[z], _OURS), connections=connections)
        bench.ask(f"tipg z{z}", tipg, paths(tiles[z], whole), connections=connections)


def _add_memory(bench: Bench, tiles: Tiles, cached: Serving, floor: Serving) -> None:
    """Add what comes from memory, and the least that the same server can answer to the same requests."""
    asked = paths(tiles, _OURS)
    known = [_ask(f"{cached.address}{path}") for path in asked]
    with_etags = [f"{path}\t{etag}" for path, (etag, _) in zip(asked, known, strict=True)]
    bench.ask("bandoso cached", cached, asked)
    bench.ask("bandoso cached gzip", cached, asked, encodings=BROWSERS)
    bench.ask("bandoso 304", cached, with_etags, encodings=BROWSERS)
    bench.ask("hello", floor, asked, encodings=BROWSERS)
    sizes = [f"/bytes/{size}" for _, size in known]
    bench.ask("hello tile-sized", floor, sizes, encodings=BROWSERS, share=_INFORMATION)


def _ask(url: str) -> tuple[str, int]:
    """Return a tile's ETag and its size, compressed as browsers ask."""
    with urllib.request.urlopen(
        urllib.request.Request(url, headers={"Accept-Encoding": BROWSERS}), timeout=30
    ) as found:
        return found.headers["ETag"], len(found.read())
