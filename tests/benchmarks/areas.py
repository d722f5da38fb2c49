"""How many tiles of growing areas and communes a second: the product, its statement alone, and tipg."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file, settle
from geodata.registers import get_register
from geodata.units.load import SHELL_LIMITS
from tests.benchmarks import data, peers, servers
from tests.benchmarks.cases import Bench, Measured, connections_for
from tests.benchmarks.data import AREAS, Ground, Tiles
from tests.benchmarks.fields import write_fields
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.places import SEED, VAR
from tests.benchmarks.servers import Serving
from tests.benchmarks.tiles import TIPG, paths, tell_agreement
from tests.conftest import Server, settings_for

LAYERS = ("growing_areas", "communes")
ZOOMS = (14, 12, 10, 8)
COMPARABLE = (14, 12)
"""Zooms at which the product draws the shapes as they are, as tipg does at all."""

_TIMEOUT_S = 600


def run_areas(server: Server, ground: Ground, count: int, rounds: int, seconds: float) -> Measured:
    """Publish the fields beside the communes, then measure tiles of both."""
    url, bench = data.fresh(server, AREAS), Bench(server)
    _publish_fields(url, write_once(ground, count))
    peer_url = peers.peer_url(server, AREAS)
    with server.administrator(AREAS) as connection:
        for layer in LAYERS:
            peers.copy_public(connection, get_register(layer))
        connection.execute("VACUUM (ANALYZE)")
        tiles = {layer: {z: data.met_tiles(connection, layer, z) for z in ZOOMS} for layer in LAYERS}
        row = connection.execute("SELECT count(*), sum(ST_NPoints(geom)) FROM reg.growing_areas").fetchone()
    assert row is not None
    bench.measured.facts.append(f"{row[0]:,} growing areas with {row[1] / row[0]:.0f} points each on average.")
    if row[0] != count:
        raise BenchmarkError(f"{row[0]} of {count} fields were published")
    with ExitStack() as stack:
        plain = stack.enter_context(servers.bandoso(url, cache_mb=0))
        tipg = stack.enter_context(servers.tipg(peer_url))
        for layer in LAYERS:
            _add_layer(bench, url, layer, tiles[layer], (plain, tipg))
        found = bench.run(rounds, seconds)
    server.drop(AREAS)
    return found


def write_once(ground: Ground, count: int) -> Path:
    """Write the file of fields, once for each number of them."""
    path = VAR / f"{ground.path.stem}-fields-{count}.gpkg"
    if not path.exists():
        draft = path.with_suffix(".draft.gpkg")
        write_fields(ground.path, count, draft, seed=SEED)
        draft.rename(path)
    return path


def _publish_fields(url: str, path: Path) -> None:
    with Database(settings_for(url, var_dir=VAR / "service")) as database:
        request = ImportRequest(
            path, path.name, get_register("growing_areas"), SYSTEM, limits=SHELL_LIMITS, timeout_s=_TIMEOUT_S
        )
        published = import_file(database, request)
        settle(database)
    if published.revision is None:
        raise BenchmarkError(f"the fields were not published: {str(published.report.as_dict())[:2000]}")


def _add_layer(
    bench: Bench, url: str, layer: str, tiles: Mapping[int, Tiles], serving: tuple[Serving, Serving]
) -> None:
    register, (plain, tipg) = get_register(layer), serving
    ours, whole = f"/tiles/{layer}/{{z}}/{{x}}/{{y}}.mvt", TIPG.format(table=peers.public_table(register))
    shown = f"?properties={','.join(item.name for item in register.tile_fields)}"
    counts = ", ".join(f"{len(found.addresses)} at z{z}" for z, found in tiles.items())
    bench.measured.facts.append(f"Tiles that {layer} meet: {counts}.")
    for z in ZOOMS:
        connections = connections_for(tiles[z])
        bench.state(f"pgbench {layer} z{z}", url, (layer,), tiles[z])
        bench.ask(f"bandoso {layer} z{z}", plain, paths(tiles[z], ours), connections=connections)
    for z in COMPARABLE:
        connections = connections_for(tiles[z])
        tell_agreement(bench, tiles[z], (plain, ours), (f"tipg ({layer})", tipg, whole))
        bench.ask(f"tipg {layer} z{z}", tipg, paths(tiles[z], whole), connections=connections)
        same = paths(tiles[z], whole + shown)
        bench.ask(f"tipg {layer} z{z} same attributes", tipg, same, connections=connections)
