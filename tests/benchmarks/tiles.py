"""How many tiles and items a second: the product, the statement alone, and tipg, in alternating rounds."""

import math
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from service.app import tile_settings
from tests.benchmarks import servers
from tests.benchmarks.agreement import same_points
from tests.benchmarks.data import IMPORTED, Tiles, libpq, occupied_tiles
from tests.benchmarks.load import Run, Target, run_pgbench, run_wrk, write_paths, write_pgbench_script
from tests.benchmarks.meter import postmaster
from tests.benchmarks.places import REGISTER, VAR
from tests.conftest import Server, settings_for
from tiles.sql import tile_sql

PEER_ROLE, PEER_TABLE, SLIM_TABLE = "bench_peer", "addresses_peer", "addresses_slim"
CACHE_MB = 256
ZOOMS = (14, 10, 8)
COMPARED = 20
_TIPG_TILES = "/collections/public.{table}/tiles/WebMercatorQuad/{z}/{x}/{y}"
_OURS = f"/tiles/{REGISTER}/{{z}}/{{x}}/{{y}}.mvt"

Case = Callable[[float, int], Run]


@dataclass
class TileResult:
    """The runs of every case, the statement measured, and what was found out about the data.

    Attributes
    ----------
    runs : mapping of str to list of Run
        One a round.
    counts : mapping of int to int
        Occupied tiles of each zoom.
    agreed : tuple of int
        Points of a few z14 tiles on which the product and tipg agree, and all of them.
    """

    runs: dict[str, list[Run]] = field(default_factory=dict)
    statement: str = ""
    counts: dict[int, int] = field(default_factory=dict)
    agreed: tuple[int, int] = (0, 0)


def run_tiles(server: Server, rounds: int, seconds: float) -> TileResult:
    """Measure every case once a round, the order turned by one each time, after a round that does not count."""
    result = TileResult()
    peer_url = prepare_peer(server)
    with server.administrator(IMPORTED) as connection:
        tiles = {z: occupied_tiles(connection, z) for z in ZOOMS}
    result.counts = {z: len(found.addresses) for z, found in tiles.items()}
    url = server.url(IMPORTED)
    with ExitStack() as stack:
        plain = stack.enter_context(servers.bandoso(url, cache_mb=0))
        cached = stack.enter_context(servers.bandoso(url, cache_mb=CACHE_MB))
        peer = stack.enter_context(servers.tipg(peer_url))
        floor = stack.enter_context(servers.hello())
        result.agreed = _compare(tiles[14], plain.address, peer.address)
        cases = _cases(server, tiles, plain, cached, peer, floor, result)
        _rounds(cases, result, rounds, seconds)
    return result


def _compare(tiles: Tiles, ours: str, theirs: str) -> tuple[int, int]:
    few = tiles.addresses[:COMPARED]
    return same_points(
        [ours + _OURS.format(z=tiles.z, x=x, y=y) for x, y in few],
        [theirs + _TIPG_TILES.format(table=PEER_TABLE, z=tiles.z, x=x, y=y) for x, y in few],
    )


def _rounds(cases: Mapping[str, Case], result: TileResult, rounds: int, seconds: float) -> None:
    for case in cases.values():
        case(min(seconds, 2.0), 0)
    names = list(cases)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            result.runs.setdefault(name, []).append(cases[name](seconds, number * 271))


def prepare_peer(server: Server) -> str:
    """Give tipg a plain table of all that is public, in the order of the file, and the planner settings that ours has.

    Returns
    -------
    str
        URL over loopback TCP.
    """
    url = make_url(server.url(IMPORTED))
    role, password = sql.Identifier(PEER_ROLE), sql.Literal(url.password)
    with server.administrator(IMPORTED) as connection:
        connection.execute("SET search_path = public")
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [PEER_ROLE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))
        for name, value in (("jit", "off"), ("max_parallel_workers_per_gather", "0")):
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(name), sql.Literal(value))
            )
        _copy_table(connection, PEER_TABLE, "SELECT * FROM open.addresses ORDER BY id", "geom")
        _copy_table(connection, SLIM_TABLE, "SELECT * FROM reg.addresses_tile", "point")
        connection.execute("VACUUM (ANALYZE)")
    address = url.set(
        drivername="postgresql",
        username=PEER_ROLE,
        host="127.0.0.1",
        port=server.cluster.directory.read_port(),
        query={},
    )
    return address.render_as_string(hide_password=False)


def _copy_table(connection: psycopg.Connection, name: str, rows: str, geometry: str) -> None:
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TABLE {name} AS {rows}")
    connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
    srid = connection.execute(f"SELECT ST_SRID({geometry}) FROM {name} LIMIT 1").fetchone()
    assert srid is not None
    connection.execute(f"ALTER TABLE {name} ALTER COLUMN {geometry} TYPE geometry(Point, {srid[0]})")
    connection.execute(f"CREATE INDEX ON {name} USING gist ({geometry})")
    connection.execute(f"GRANT SELECT ON {name} TO {PEER_ROLE}")


def _cases(
    server: Server, tiles: Mapping[int, Tiles], plain: servers.Serving, cached: servers.Serving,
    peer: servers.Serving, floor: servers.Serving, result: TileResult,
) -> dict[str, Case]:  # fmt: skip
    database = postmaster(server.cluster)

    def ask(serving: servers.Serving, name: str, lines: Sequence[str], **options: bool) -> Case:
        target = Target(serving.address, write_paths(VAR / f"{name}.paths", lines), serving.pids, **options)
        return lambda seconds, first: run_wrk(target, seconds, first=first, database=database)

    def paths(z: int, pattern: str, table: str = PEER_TABLE) -> list[str]:
        return [pattern.format(z=z, x=x, y=y, table=table) for x, y in tiles[z].addresses]

    shown = "?properties=kind,house_number"
    boxes = [_box(tiles[14], n) for n in range(len(tiles[14].addresses))]
    return {
        "pgbench z14": _statement_case(server, tiles[14], result, database),
        "bandoso z14": ask(plain, "ours-z14", paths(14, _OURS)),
        "tipg z14": ask(peer, "tipg-z14", paths(14, _TIPG_TILES)),
        "tipg z14 same attributes": ask(peer, "tipg-z14-same", paths(14, _TIPG_TILES + shown)),
        "tipg z14 our table": ask(peer, "tipg-z14-slim", paths(14, _TIPG_TILES, SLIM_TABLE)),
        "bandoso z14 gzip": ask(plain, "ours-z14-gzip", paths(14, _OURS), is_compressed=True),
        "tipg z14 gzip": ask(peer, "tipg-z14-gzip", paths(14, _TIPG_TILES), is_compressed=True),
        "bandoso z10": ask(plain, "ours-z10", paths(10, _OURS)),
        "tipg z10": ask(peer, "tipg-z10", paths(10, _TIPG_TILES)),
        "bandoso z8": ask(plain, "ours-z8", paths(8, _OURS)),
        "tipg z8": ask(peer, "tipg-z8", paths(8, _TIPG_TILES)),
        "bandoso cached": ask(cached, "ours-cached", paths(14, _OURS)),
        "bandoso cached gzip": ask(cached, "ours-cached-gzip", paths(14, _OURS), is_compressed=True),
        "bandoso 304": ask(cached, "ours-304", _with_etags(cached.address, paths(14, _OURS))),
        "hello": ask(floor, "hello", ["/"]),
        "bandoso items": ask(
            plain, "ours-items", [f"/collections/{REGISTER}/items?bbox={box}&limit=100" for box in boxes]
        ),
        "tipg items": ask(
            peer, "tipg-items", [f"/collections/public.{PEER_TABLE}/items?bbox={box}&limit=100" for box in boxes]
        ),
    }


def _statement_case(server: Server, tiles: Tiles, result: TileResult, database: int) -> Case:
    """Return the product's own statement under its own role and settings, on its own kind of connection."""
    url = server.url(IMPORTED)
    result.statement = tile_sql((REGISTER,), tiles.z)
    script = write_pgbench_script(VAR / "z14.pgbench", result.statement, tiles.addresses)
    options = tile_settings(settings_for(url)).server_settings
    environment = {
        **libpq(url),
        "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in options.items() if " " not in value),
    }
    return lambda seconds, _first: run_pgbench(script, environment, seconds, database=database)


def _box(tiles: Tiles, number: int) -> str:
    """Return the west, south, east, north of a tile in degrees, near enough for a search."""
    x, y = tiles.addresses[number]
    across = 1 << tiles.z

    def latitude(row: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / across))))

    return f"{x / across * 360 - 180:.6f},{latitude(y + 1):.6f},{(x + 1) / across * 360 - 180:.6f},{latitude(y):.6f}"


def _with_etags(address: str, paths: Sequence[str]) -> list[str]:
    """Ask for every tile once, which also fills the cache, and note its ETag beside the path."""
    found = []
    for path in paths:
        with urllib.request.urlopen(f"{address}{path}", timeout=30) as answer:
            found.append(f"{path}\t{answer.headers['ETag']}")
    return found
