"""What eight provinces cost beside one: tiles of addresses again, with eight times the rows."""

from contextlib import ExitStack

from sqlalchemy import Connection, func, select, text

from geodata.db import Database
from geodata.history import Counts, announce, lock_register, start_revision
from geodata.importing.publish import SORT_MEMORY
from geodata.refresh import Refresh
from geodata.register import Register
from geodata.registers import get_register
from tests.benchmarks import servers
from tests.benchmarks.cases import Bench, Measured, connections_for
from tests.benchmarks.data import GROWN, IMPORTED, Tiles, occupied_tiles, settle_database
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.places import REGISTER, VAR
from tests.benchmarks.tiles import paths
from tests.conftest import Server, settings_for

PROVINCES = 8
ZOOMS = (14, 10, 8, 6)
APART_DEGREES = 360 / (1 << 6)
"""A tile of zoom 6: a province moved by that fills its tiles as it did before, and no tile holds two provinces."""

_TABLES = ("household_private", "address_codes", "addresses")
"""Those of the register, what belongs to an address first."""


def run_growth(server: Server, rounds: int, seconds: float) -> Measured:
    """Measure the same zooms on the province that was imported, and on eight of them."""
    url, bench = server.url(IMPORTED), Bench(server)
    grown_url = build_grown(server)
    small, large = _settled_tiles(server, IMPORTED), _settled_tiles(server, GROWN)
    for name, tiles in (("one province", small), ("eight", large)):
        counts = ", ".join(f"{len(tiles[z].addresses):,} at z{z}" for z in ZOOMS)
        bench.measured.facts.append(f"Tiles in which addresses of {name} lie: {counts}.")
    with ExitStack() as stack:
        one = stack.enter_context(servers.bandoso(url, cache_mb=0))
        eight = stack.enter_context(servers.bandoso(grown_url, cache_mb=0))
        pattern = f"/tiles/{REGISTER}/{{z}}/{{x}}/{{y}}.mvt"
        for z in ZOOMS:
            connections = connections_for(small[z], large[z])
            bench.ask(f"one z{z}", one, paths(small[z], pattern), connections=connections)
            bench.ask(f"eight z{z}", eight, paths(large[z], pattern), connections=connections)
        found = bench.run(rounds, seconds)
    server.drop(GROWN)
    return found


def _settled_tiles(server: Server, database: str) -> dict[int, Tiles]:
    """List the tiles of a database in which nothing is left to do in the background."""
    settle_database(server, database)
    with server.administrator(database) as connection:
        found = occupied_tiles(connection, ZOOMS[0])
    return {z: found.above(z) for z in ZOOMS}


def build_grown(server: Server) -> str:
    """Make a database of eight provinces, as the first load of one file with all of them would leave it.

    The addresses are those of the import, moved east, without codes and private data, which no tile reads. What tiles
    are cut from is derived from them by the product's own refresh.

    Raises
    ------
    BenchmarkError
        When it does not count eight times as many.
    """
    url = server.create(GROWN, IMPORTED)
    with server.administrator(GROWN) as connection:
        row = connection.execute("SELECT count(*), max(id) FROM reg.addresses").fetchone()
        assert row is not None
        count, step = row
        # The register starts anew, with the rows kept aside.
        connection.execute("CREATE UNLOGGED TABLE public.province AS SELECT * FROM reg.addresses")
        connection.execute("GRANT SELECT ON public.province TO bandoso_worker")
        # Whatever is derived for tiles is named after the register.
        derived = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'reg' AND starts_with(tablename, %s)", [f"{REGISTER}_"]
        ).fetchall()
        tables = [*_TABLES, *(name for (name,) in derived)]
        connection.execute(f"TRUNCATE {', '.join(f'reg.{name}' for name in tables)}")
        connection.execute("DELETE FROM ops.tile_stamp WHERE layer = %s", [REGISTER])
    with Database(settings_for(url, var_dir=VAR / "service")) as database, database.worker() as connection:
        _fill(connection, get_register(REGISTER), count, step)
    with server.administrator(GROWN) as connection:
        connection.execute("DROP TABLE public.province")
        row = connection.execute(
            "SELECT (SELECT count(*) FROM reg.addresses_tile), (SELECT sum(count) FROM reg.addresses_grid WHERE z = 8)"
        ).fetchone()
    if row != (PROVINCES * count,) * 2:
        raise BenchmarkError(f"eight provinces of {count} addresses make {row}")
    return url


def _fill(connection: Connection, register: Register, count: int, step: int) -> None:
    """Write the records in the order of a first load, and what is derived from them, as one revision."""
    lock_register(connection, register)
    connection.execute(text("SELECT set_config('work_mem', :memory, true)"), {"memory": SORT_MEMORY})
    revision = start_revision(
        connection, register, Counts(PROVINCES * count, 0), author="benchmark", note=None, upload_id=None
    )
    for name in _TABLES:
        connection.execute(select(func.ops.begin_bulk_load(name)))
    changed = {
        "id": f"id + n * {step}", "uuid": "gen_random_uuid()", "revision": str(revision),
        "geom": f"ST_Translate(geom, n * {APART_DEGREES}, 0)",
    }  # fmt: skip
    names = [column.name for column in register.table.c]
    columns = ", ".join(f"{changed.get(name, name)} AS {name}" for name in names)
    connection.execute(
        text(
            f"INSERT INTO reg.addresses ({', '.join(names)}) SELECT * FROM (SELECT {columns}"
            f" FROM public.province, generate_series(0, {PROVINCES - 1}) AS n) moved ORDER BY geom"
        )
    )
    for name in reversed(_TABLES):
        connection.execute(select(func.ops.end_bulk_load(name)))
    Refresh(connection, register, revision).run(None)
    announce(connection, register, revision)
