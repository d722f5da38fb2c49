"""The ground of every measurement: a server of its own, a migrated template, one big shapefile, lists of tiles."""

import gzip
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import geopandas
import psycopg
import pyogrio
from psycopg import sql
from sqlalchemy import make_url

from geodata.db import Database
from geodata.history import lock_register
from geodata.importing.publish import settle
from geodata.registers import discover, get_register
from geodata.sample.load import _publish
from geodata.sample.world import make_sample
from geodata.sample.writer import write_addresses
from geodata.units.load import load_boundaries
from service import setup
from service.cluster import EXTENSIONS, Cluster
from tests.benchmarks.places import CRS, PROVINCE, SEED, SHARED_UNITS, VAR
from tests.conftest import Server, migrate, settings_for
from tiles.grid import HALF_WORLD_M

TEMPLATE, COPIED, IMPORTED, VIEWED = "bench_template", "bench_copied", "bench_imported", "bench_viewed"
AREAS, GROWN = "bench_areas", "bench_grown"


@dataclass(frozen=True)
class Ground:
    """Commune polygons on which addresses lie; ``is_real`` when they are those of a province."""

    path: Path
    is_real: bool

    @property
    def name(self) -> str:
        return f"the communes of province {PROVINCE}" if self.is_real else "the fictional communes of the sample"


@contextmanager
def benchmark_server() -> Iterator[Server]:
    """Run the server for as long as the block lasts."""
    server = Server(Cluster(VAR / "pg"))
    server.cluster.ensure()
    try:
        yield server
    finally:
        server.cluster.stop()


def find_ground() -> Ground:
    """Take real communes where the shared data lies beside the repository, made-up ones elsewhere."""
    is_real = SHARED_UNITS.exists()
    ground = Ground(VAR / ("communes.gpkg" if is_real else "communes-sample.gpkg"), is_real)
    if not ground.path.exists():
        frame = _real_communes() if is_real else _sample_communes()
        pyogrio.write_dataframe(frame, ground.path, layer="communes", driver="GPKG")
    return ground


def _real_communes() -> geopandas.GeoDataFrame:
    with tempfile.TemporaryDirectory(dir=VAR) as folder:
        plain = Path(folder) / SHARED_UNITS.stem
        with gzip.open(SHARED_UNITS) as packed, plain.open("wb") as out:
            shutil.copyfileobj(packed, out)
        where = f"province_code = '{PROVINCE}'"
        return pyogrio.read_dataframe(plain, layer="commune_seed", columns=["code"], where=where)


def _sample_communes() -> geopandas.GeoDataFrame:
    records = make_sample(SEED).records["communes"]
    codes = [values["code"] for values, _ in records]
    return geopandas.GeoDataFrame({"code": codes}, geometry=[shape for _, shape in records], crs="EPSG:4326")


def write_shapefile(ground: Ground, count: int) -> Path:
    """Write the file that is imported, once for each number of addresses."""
    folder = VAR / f"{ground.path.stem}-{count}"
    path = folder / "addresses.shp"
    if not (folder / "written").exists():
        folder.mkdir(exist_ok=True)
        write_addresses(ground.path, count, path, format="shp", crs=CRS, seed=SEED)
        (folder / "written").touch()
    return path


def build_template(server: Server, ground: Ground) -> None:
    """Make the database that every round starts from: migrated, units and boundaries loaded, no address."""
    url = server.create(TEMPLATE)
    with server.administrator(TEMPLATE) as connection:
        for extension in EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
    migrate(url)
    settings = settings_for(url, var_dir=VAR / "service")
    setup.apply_settings(settings)
    database = Database(settings)
    setup.load_units(database)
    communes = get_register("communes")
    if ground.is_real:
        load_boundaries(database, ground.path, communes)
    else:
        _publish(database, communes, make_sample(SEED).records["communes"], None, if_empty=False)
    database.dispose()
    with server.administrator(TEMPLATE) as connection:
        connection.execute("VACUUM (ANALYZE)")


def fresh(server: Server, name: str) -> str:
    """Copy the template and settle the server, so that no round pays for the one before."""
    url = server.create(name, TEMPLATE)
    with server.administrator() as connection:
        connection.execute("CHECKPOINT")
    return url


def settle_database(server: Server, name: str) -> None:
    """Do all that a load leaves for later, so that none of it runs beside a measurement."""
    with Database(settings_for(server.url(name), var_dir=VAR / "service")) as database:
        with database.worker() as connection:
            # A worker that was stopped may be at it still; settling waits for nobody.
            for register in discover().values():
                lock_register(connection, register)
        settle(database)
    with server.administrator(name) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def libpq(url: str) -> dict[str, str]:
    """Return the environment that leads libpq's programs to a database, over the Unix socket."""
    parts = make_url(url)
    found = {
        "PGHOST": str(parts.query["host"]), "PGPORT": str(parts.query["port"]), "PGUSER": parts.username,
        "PGPASSWORD": parts.password, "PGDATABASE": parts.database,
    }  # fmt: skip
    return {name: str(value) for name, value in found.items()}


@dataclass(frozen=True)
class Tiles:
    """Tiles of one zoom in which something lies, shuffled."""

    z: int
    addresses: list[tuple[int, int]]

    def above(self, z: int) -> "Tiles":
        """Return the tiles of a lower zoom in which these lie."""
        shift = self.z - z
        return _shuffled(z, {(x >> shift, y >> shift) for x, y in self.addresses})


def _shuffled(z: int, found: set[tuple[int, int]]) -> Tiles:
    addresses = sorted(found)
    random.Random(SEED).shuffle(addresses)
    return Tiles(z, addresses)


def occupied_tiles(connection: psycopg.Connection, z: int) -> Tiles:
    """List the tiles in which addresses lie."""
    rows = connection.execute(
        "SELECT DISTINCT floor((ST_X(point) + %(half)s) / %(size)s)::int, floor((%(half)s - ST_Y(point)) / %(size)s)::int"
        " FROM reg.addresses_tile",
        {"half": HALF_WORLD_M, "size": 2 * HALF_WORLD_M / (1 << z)},
    )
    return _shuffled(z, {(x, y) for x, y in rows})


def met_tiles(connection: psycopg.Connection, register: str, z: int) -> Tiles:
    """List the tiles that areas of a register meet."""
    rows = connection.execute(
        "SELECT DISTINCT x, y FROM (SELECT geom, ST_Envelope(geom) AS box, %(half)s AS half, %(size)s AS size"
        f" FROM reg.{register}_tile WHERE geom IS NOT NULL) t"
        ", generate_series(floor((ST_XMin(box) + half) / size)::int, floor((ST_XMax(box) + half) / size)::int) AS x"
        ", generate_series(floor((half - ST_YMax(box)) / size)::int, floor((half - ST_YMin(box)) / size)::int) AS y"
        " WHERE ST_Intersects(geom, ST_TileEnvelope(%(z)s, x, y))",
        {"half": HALF_WORLD_M, "size": 2 * HALF_WORLD_M / (1 << z), "z": z},
    )
    return _shuffled(z, {(x, y) for x, y in rows})
