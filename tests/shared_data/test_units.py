"""Boundaries of the real administrative units meet the lists that come with the software."""

import gzip
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyogrio
import pytest
import shapely
from sqlalchemy import text

from geodata.db import Database
from geodata.registers import get_register
from geodata.units.load import BoundaryReport, load_boundaries
from tests.conftest import TEMPLATE, Server, settings_for
from tests.tiles.area_sums import WIDEST, margin_m, measure

SEED = Path(__file__).parents[3] / "shared" / "data" / "boundaries" / "vn_units_seed.gpkg.gz"
LAYERS = {"provinces": "province_34", "communes": "commune_seed"}
COUNTS = {"provinces": (34, 34), "communes": (575, 3321)}
HOANG_SA, TRUONG_SA = "20333", "22736"

registers = pytest.mark.parametrize("register", LAYERS)


@dataclass(frozen=True)
class Loaded:
    """A database with the boundaries, and what was said when they were loaded once and once more."""

    database: Database
    file: Path
    first: dict[str, BoundaryReport]
    again: dict[str, BoundaryReport]

    def codes_in_file(self, register: str) -> list[str]:
        """Return the codes of a layer as another reader finds them."""
        frame = pyogrio.read_dataframe(self.file, layer=LAYERS[register], read_geometry=False)
        return sorted(frame["code"])


@pytest.fixture(scope="module")
def loaded(server: Server, worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """The seed's boundaries in a database of their own."""
    if not SEED.exists():
        pytest.skip("../shared/data/boundaries is not here")
    path = tmp_path_factory.mktemp("units") / "vn_units_seed.gpkg"
    with gzip.open(SEED) as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    name = f"unit_boundaries_{worker_name}"
    database = Database(settings_for(server.create(name, TEMPLATE)))
    first, again = (
        {register: load_boundaries(database, path, get_register(register), layer=layer) for register, layer in LAYERS.items()}
        for _ in range(2)
    )  # fmt: skip
    yield Loaded(database, path, first, again)
    database.dispose()
    server.drop(name)


@registers
def test_every_unit_of_the_file_gets_its_boundary(loaded: Loaded, register: str) -> None:
    drawn, listed = COUNTS[register]
    with loaded.database.read() as connection:
        row = connection.execute(text(f"SELECT count(geom), count(*) FROM open.{register}")).one()
    assert tuple(row) == (drawn, listed)


@registers
def test_every_boundary_is_valid_and_of_the_one_type(loaded: Loaded, register: str) -> None:
    query = (
        "SELECT DISTINCT ST_IsValid(geom), ST_GeometryType(geom), ST_SRID(geom) "
        f"FROM open.{register} WHERE geom IS NOT NULL"
    )
    with loaded.database.worker() as connection:
        assert [tuple(row) for row in connection.execute(text(query))] == [(True, "ST_MultiPolygon", 4326)]


def test_boundaries_are_the_file_s_to_a_tenth_of_a_millimetre(loaded: Loaded) -> None:
    wanted = pyogrio.read_dataframe(loaded.file, layer="commune_seed", where="province_code = '04'")
    with loaded.database.read() as connection:
        query = text("SELECT code, ST_AsBinary(geom) FROM open.communes WHERE province_code = '04'")
        found = {row[0]: shapely.from_wkb(bytes(row[1])) for row in connection.execute(query)}
    assert len(wanted) == len(found) == 56
    for code, shape in zip(wanted["code"], wanted.geometry, strict=True):
        assert shapely.normalize(found[code]).equals_exact(
            shapely.normalize(shapely.multipolygons(shapely.get_parts(shape))), 1e-9
        )


@registers
def test_the_report_names_what_matched_and_what_did_not(loaded: Loaded, register: str) -> None:
    report = loaded.first[register]
    drawn, listed = COUNTS[register]
    assert sorted(report.matched) == loaded.codes_in_file(register)
    assert (report.layer, report.unknown, report.invalid) == (LAYERS[register], [], [])
    assert len(report.without) == listed - drawn
    assert not set(report.without) & set(report.matched)
    assert report.crs is not None
    # Boundaries are what coordinate systems are proven by: nothing proves their own.
    assert (report.crs["chosen"], report.crs["certain"]) == ("EPSG:4326", False)


@registers
def test_the_same_boundaries_again_make_no_revision(loaded: Loaded, register: str) -> None:
    first, again = loaded.first[register], loaded.again[register]
    assert (first.revision, again.revision) == (2, None)
    assert sorted(again.matched) == sorted(first.matched)
    with loaded.database.read() as connection:
        query = text("SELECT max(number) FROM open.revision WHERE register = :register")
        assert connection.scalar(query, {"register": register}) == 2


def test_hoang_sa_has_its_boundary_and_truong_sa_is_in_the_list(loaded: Loaded) -> None:
    query = text(
        "SELECT code, full_name, kind, province_code, ST_XMax(geom) FROM open.communes WHERE code = ANY(:codes) ORDER BY 1"
    )
    with loaded.database.read() as connection:
        hoang_sa, truong_sa = connection.execute(query, {"codes": [HOANG_SA, TRUONG_SA]}).all()
    assert tuple(hoang_sa[:4]) == (HOANG_SA, "Đặc khu Hoàng Sa", "dac_khu", "48")
    assert hoang_sa[4] > 111
    assert tuple(truong_sa) == (TRUONG_SA, "Đặc khu Trường Sa", "dac_khu", "56", None)
    assert TRUONG_SA in loaded.first["communes"].without


@registers
def test_every_unit_says_since_when_it_is(loaded: Loaded, register: str) -> None:
    query = text(f"SELECT valid_from, valid_to, count(*) FROM open.{register} GROUP BY 1, 2 ORDER BY 1")
    with loaded.database.read() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    assert rows[0][0] == date(2025, 7, 1)
    assert {row[1] for row in rows} == {None}
    assert sum(row[2] for row in rows) == COUNTS[register][1]


@registers
def test_boundaries_change_nothing_but_the_boundary(loaded: Loaded, register: str) -> None:
    """The lists stay as they came with the software: the file's own names and areas are not taken."""
    query = text(f"SELECT count(*) FROM open.{register} WHERE full_name IS NULL OR kind IS NULL OR revision = 2")
    with loaded.database.read() as connection:
        assert connection.scalar(query) == COUNTS[register][0]
        changed = text("SELECT added, changed, removed FROM open.revision WHERE register = :register AND number = 2")
        assert tuple(connection.execute(changed, {"register": register}).one()) == (0, COUNTS[register][0], 0)


# --- files as they come


def square(west: float) -> dict[str, object]:
    """Return a square of a hundredth of a degree as GeoJSON."""
    return shapely.geometry.mapping(shapely.box(west, 20.0, west + 0.01, 20.01))


def write(path: Path, *features: tuple[str, dict[str, object]]) -> Path:
    """Write a GeoJSON of unit code and geometry."""
    rows = [{"type": "Feature", "properties": {"ma_xa": code}, "geometry": shape} for code, shape in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}), encoding="utf-8")
    return path


def test_a_unit_drawn_in_several_rows_gets_them_all(scratch_url: str, tmp_path: Path) -> None:
    path = write(
        tmp_path / "đảo.geojson", (HOANG_SA, square(111.0)), ("20194", square(108.0)), (HOANG_SA, square(112.0))
    )
    database = Database(settings_for(scratch_url))
    first, again = (load_boundaries(database, path, get_register("communes")) for _ in range(2))
    with database.read() as connection:
        parts = connection.scalar(text("SELECT ST_NumGeometries(geom) FROM open.communes WHERE code = '20333'"))
    database.dispose()
    assert (sorted(first.matched), parts) == (["20194", HOANG_SA], 2)
    assert (first.revision, again.revision) == (2, None)


def test_a_unit_of_which_a_part_is_broken_is_not_half_drawn(scratch_url: str, tmp_path: Path) -> None:
    bow = {"type": "Polygon", "coordinates": [[[111, 16], [112, 17], [112, 16], [111, 17], [111, 16]]]}
    path = write(tmp_path / "a.geojson", (HOANG_SA, square(111.0)), (HOANG_SA, bow), ("99999", square(108.0)))
    database = Database(settings_for(scratch_url))
    report = load_boundaries(database, path, get_register("communes"))
    database.dispose()
    assert (report.matched, report.invalid, report.unknown) == ([], [HOANG_SA], ["99999"])
    assert report.revision is None


@pytest.mark.parametrize("z", [5, 7, 8, 10, 11, 13])
def test_neighbouring_communes_leave_no_gap_and_no_overlap(loaded: Loaded, z: int) -> None:
    """The source itself has 0.03 km² under two communes, on 21 of all its kilometres of borders."""
    query = text(
        "SELECT ST_AsBinary(ST_Union(geom)) FROM open.communes WHERE geom && ST_MakeEnvelope(:w, :s, :e, :n, 4326)"
    )
    box = {"w": 105.75, "s": 19.95, "e": 106.0, "n": 20.2}
    with loaded.database.worker() as connection:
        whole = shapely.from_wkb(bytes(connection.scalar(query, box)))
        sums = measure(connection, "communes", whole, z, margin_m(z))
    assert sums.border > 1000
    assert sums.width < WIDEST
