"""The sample: convincing, marked as what it is, the same for the same seed; and address files of any size."""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from uuid import uuid4

import geopandas
import numpy as np
import pyarrow as pa
import pyogrio
import pyogrio.raw
import pytest
import shapely
from sqlalchemy import func, select, text

from geodata import reference
from geodata.crs import VN2000_ZONES, WGS84_DEGREES, from_epsg
from geodata.db import SYSTEM, Database
from geodata.errors import CoordinateSystemError, ParameterError
from geodata.geometry import as_kind
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.place import PlaceChecker
from geodata.importing.report import Report
from geodata.ops import Revision
from geodata.registers import get_register
from geodata.registers.growing_areas.codes import is_known_format
from geodata.registers.tourism_points.register import CATEGORIES
from geodata.registers.tourism_points.schemas import TourismPointIn
from geodata.sample.areas import SampleAreaError, read_commune_areas
from geodata.sample.load import SampleRefusedError, load_sample
from geodata.sample.marks import COMMUNE_CODES, MARK, MARK_EN, SOURCE
from geodata.sample.plane import METRES_PER_DEGREE
from geodata.sample.scatter import scatter
from geodata.sample.world import REGISTERS, Record, Sample, make_sample
from geodata.sample.writer import from_wgs84, write_addresses
from geodata.text import search_key
from geodata.units.index import UnitIndex
from tests.conftest import settings_for

COUNTS = {"communes": 3, "villages": 36, "addresses": 5000, "growing_areas": 300, "tourism_points": 60}
OFFICERS_COLUMNS = ["ma_dia_chi", "loai", "chu_ho", "dien_thoai", "so_nha", "ten_duong", "thon", "ma_xa"]


@pytest.fixture(scope="module")
def sample() -> Sample:
    return make_sample()


@pytest.fixture(scope="module")
def units(sample: Sample) -> UnitIndex:
    communes = sample.records["communes"]
    return UnitIndex(
        provinces={values["code"]: values["province_code"] for values, _ in communes},
        boundaries={values["code"]: shape for values, shape in communes},
        names={values["code"]: values["full_name"] for values, _ in communes},
    )


def shapes(records: Sequence[Record]) -> np.ndarray:
    return np.array([shape for _, shape in records], dtype=object)


# --- the sample as a whole


def test_sample_has_the_promised_numbers(sample: Sample) -> None:
    assert {name: len(found) for name, found in sample.records.items()} == COUNTS
    assert tuple(sample.records) == REGISTERS


@pytest.mark.parametrize("seed", [1, 51, 75])
def test_other_seeds_make_as_much_and_something_else(seed: int, sample: Sample) -> None:
    other = make_sample(seed)
    assert {name: len(found) for name, found in other.records.items()} == COUNTS
    assert other.records["addresses"][0] != sample.records["addresses"][0]


def test_same_seed_makes_the_same_sample(sample: Sample) -> None:
    again = make_sample(sample.seed)
    for name in REGISTERS:
        assert [values for values, _ in again.records[name]] == [values for values, _ in sample.records[name]]
        assert shapely.equals_exact(shapes(again.records[name]), shapes(sample.records[name])).all()


@pytest.mark.parametrize("name", REGISTERS)
def test_every_record_passes_the_write_model(name: str, sample: Sample) -> None:
    write = get_register(name).write
    for values, _ in sample.records[name]:
        written = write.model_validate(values)
        assert {field: getattr(written, field) for field in values} == values


@pytest.mark.parametrize("name", REGISTERS)
def test_every_record_passes_the_place_checks(name: str, sample: Sample, units: UnitIndex) -> None:
    register, records = get_register(name), sample.records[name]
    stored, problems = as_kind(shapes(records), register.geometry_kind, points_too=register.point is not None)
    assert set(problems) == {None}
    good, report = np.ones(len(records), dtype=bool), Report(name)
    if name != "communes":
        given = [values["commune_code"] for values, _ in records]
        PlaceChecker(register, WGS84_DEGREES, units, SYSTEM, None).communes(
            pa.array(given), stored, range(len(records)), good, report
        )
        inside = [units.boundaries[code].contains(shape) for code, (_, shape) in zip(given, records, strict=True)]
        assert all(inside)
    assert good.all()
    assert not report.messages


@pytest.mark.parametrize("name", REGISTERS)
def test_every_record_says_that_it_is_sample(name: str, sample: Sample) -> None:
    shown = {"communes": "full_name", "addresses": "village"}.get(name, "name")
    for values, _ in sample.records[name]:
        assert values["source"] == SOURCE
        assert values[shown].endswith(MARK)
        assert values.get("name_en", MARK_EN).endswith(MARK_EN)


def test_sample_lies_in_the_red_river_delta(sample: Sample) -> None:
    for found in sample.records.values():
        west, south, east, north = shapely.total_bounds(shapes(found))
        assert west > 106.15
        assert south > 20.25
        assert east < 106.35
        assert north < 20.42


# --- communes and villages


def test_commune_codes_and_names_are_nobodys(sample: Sample) -> None:
    real = reference.read_communes()
    communes = [values for values, _ in sample.records["communes"]]
    assert [values["code"] for values in communes] == list(COMMUNE_CODES)
    assert not {row.code for row in real} & set(COMMUNE_CODES)
    assert not {search_key(row.name) for row in real} & {search_key(values["name"]) for values in communes}


def test_communes_share_their_borders_exactly(sample: Sample) -> None:
    outlines = shapes(sample.records["communes"])
    assert shapely.is_valid(outlines).all()
    assert shapely.coverage_is_valid(outlines)
    together = shapely.coverage_union_all(outlines)
    assert together.geom_type == "Polygon"
    assert not together.interiors
    for n in range(len(outlines)):
        assert outlines[n].boundary.intersection(outlines[n - 1].boundary).length > 0.01
    ground = shapely.transform(together, lambda degrees: degrees * METRES_PER_DEGREE)
    assert 60e6 < ground.area < 90e6
    stated = sum(values["area_km2"] for values, _ in sample.records["communes"])
    assert stated * 1e6 == pytest.approx(ground.area, rel=1e-3)


def test_villages_hold_their_addresses(sample: Sample) -> None:
    cores = {values["name"] + values["commune_code"]: shape for values, shape in sample.records["villages"]}
    assert {shape.geom_type for shape in cores.values()} == {"Polygon", "Point"}
    for values, place in sample.records["addresses"]:
        core = cores[values["village"] + values["commune_code"]]
        assert core.geom_type == "Point" or core.contains(place)


def test_coverage_of_every_village_is_worth_a_statistic(sample: Sample) -> None:
    coded = Counter(
        (values["commune_code"], values["village"])
        for values, _ in sample.records["addresses"]
        if values["kind"] == "household"
    )
    coverage = {}
    for values, _ in sample.records["villages"]:
        key = (values["commune_code"], values["name"])
        coverage[key] = coded[key] / values["household_count"]
        assert values["household_count_on"] <= date(2026, 6, 30)
        assert 2.5 < values["population"] / values["household_count"] < 4.5
    assert set(coverage) == set(coded)
    assert 0.8 <= min(coverage.values()) < 0.9
    assert max(coverage.values()) == 1.0
    assert len(set(coverage.values())) > 15


# --- addresses


def test_address_codes_are_unique_and_follow_the_commune(sample: Sample) -> None:
    codes = [values["code"] for values, _ in sample.records["addresses"]]
    assert len(set(codes)) == len(codes)
    for values, _ in sample.records["addresses"]:
        assert values["code"].startswith(values["postcode"])
    assert {values["postcode"] for values, _ in sample.records["addresses"]} == {"07997", "07998", "07999"}


def test_addresses_are_mostly_households_with_something_to_protect(sample: Sample) -> None:
    addresses = [values for values, _ in sample.records["addresses"]]
    kinds = Counter(values["kind"] for values in addresses)
    assert set(kinds) == {"household", "agency", "organisation", "business", "public_place", "structure"}
    assert kinds["household"] == 4650
    for values in addresses:
        is_household = values["kind"] == "household"
        assert ("head_name" in values) == is_household
        assert ("name" in values) != is_household
        assert is_household or "phone" not in values
    phones = [values["phone"] for values in addresses if "phone" in values]
    assert len(phones) > 3000
    assert all(len(phone) == 10 and phone.startswith("0900") for phone in phones)
    names = [(values["commune_code"], values["name"]) for values in addresses if "name" in values]
    assert len(set(names)) == len(names)


def test_houses_stand_apart_in_rows(sample: Sample) -> None:
    places = shapely.transform(shapes(sample.records["addresses"]), lambda degrees: degrees * METRES_PER_DEGREE)
    tree = shapely.STRtree(places)
    (_, other), nearest = tree.query_nearest(places, exclusive=True, return_distance=True, all_matches=False)
    assert len(other) == len(places)
    assert nearest.min() > 6.9
    assert 8 < np.median(nearest) < 15
    assert np.quantile(nearest, 0.95) < 25


def test_steps_of_an_address_come_in_order(sample: Sample) -> None:
    addresses = [values for values, _ in sample.records["addresses"]]
    for values in addresses:
        days = [values[name] for name in ("recorded_on", "notified_on", "plate_attached_on") if name in values]
        assert days == sorted(days)
        assert "plate_attached_on" not in values or "notified_on" in values
    with_plate = sum("plate_attached_on" in values for values in addresses)
    assert 0.5 < with_plate / len(addresses) < 0.7


# --- growing areas and tourism


def test_fields_overlap_neither_each_other_nor_a_village(sample: Sample) -> None:
    fields = shapes(sample.records["growing_areas"])
    assert shapely.is_valid(fields).all()
    one, other = shapely.STRtree(fields).query(fields, predicate="intersects")
    assert (one == other).all()
    places = shapely.union_all([*shapes(sample.records["villages"]), *shapes(sample.records["addresses"])])
    assert not shapely.intersects(fields, places).any()


def test_fields_look_like_fields(sample: Sample) -> None:
    fields = shapes(sample.records["growing_areas"])
    corners = shapely.get_num_coordinates(fields)
    assert (corners == 5).sum() > 60
    assert ((corners > 12) & (corners <= 41)).sum() > 60
    assert (shapely.get_num_geometries(fields) == 2).sum() > 10
    for values, shape in sample.records["growing_areas"]:
        ground = shapely.transform(shape, lambda degrees: degrees * METRES_PER_DEGREE)
        assert values["area_ha"] == pytest.approx(ground.area / 1e4, abs=0.02)


def test_growing_areas_cover_the_registers_words(sample: Sample) -> None:
    areas = [values for values, _ in sample.records["growing_areas"]]
    codes = [values["code"] for values in areas]
    assert len(set(codes)) == len(codes)
    assert all(is_known_format(code) for code in codes)
    assert any(code.startswith("VN-NBOR-9") for code in codes)
    assert {values["regime"] for values in areas} == {"domestic", "export"}
    assert len({values["status"] for values in areas}) == 7
    assert len({values["crop"] for values in areas}) >= 8
    for values in areas:
        assert ("markets" in values) == (values["regime"] == "export")
        assert values["status"] not in {"proposed", "submitted"} or "issued_on" not in values
        assert values["phone"].startswith("0900")


def test_tourism_points_cover_categories_stars_and_consent(sample: Sample) -> None:
    points = [values for values, _ in sample.records["tourism_points"]]
    assert Counter(values["category"] for values in points) == dict.fromkeys(CATEGORIES, 6)
    written = [TourismPointIn.model_validate(values) for values in points]
    assert len({record.slug for record in written}) == 60
    assert {values["contact_consent"] for values in points} == {True, False}
    ends = [values["ocop_valid_to"] for values in points if "ocop_stars" in values]
    assert min(ends) < date(2026, 6, 30) < max(ends)
    for values in points:
        assert values["description"].endswith("Dữ liệu mẫu, không có thật.")
        assert values["description_en"].endswith("this place does not exist.")
        assert ".example" in values.get("website", ".example")


# --- into the database


@pytest.fixture
def empty(scratch_url: str) -> Database:
    return Database(settings_for(scratch_url))


def revisions(database: Database) -> dict[str, int]:
    with database.worker() as connection:
        rows = connection.execute(select(Revision.register, func.max(Revision.number)).group_by(Revision.register))
        return {name: int(number) for name, number in rows}


def test_sample_is_published_once(empty: Database) -> None:
    before = revisions(empty)
    assert load_sample(empty) == COUNTS
    after = revisions(empty)
    assert after == before | {name: before.get(name, 0) + 1 for name in REGISTERS}
    assert load_sample(empty) == dict.fromkeys(REGISTERS, 0)
    assert load_sample(empty, seed=7) == dict.fromkeys(REGISTERS, 0)
    assert load_sample(empty, if_empty=False) == dict.fromkeys(REGISTERS, 0)
    assert revisions(empty) == after
    empty.dispose()


def test_sample_needs_its_communes(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geodata.sample.load.REGISTERS", ("villages",))
    with pytest.raises(SampleRefusedError, match="COMMUNE_UNKNOWN"):
        load_sample(empty)
    assert "villages" not in revisions(empty)
    empty.dispose()


def test_database_holds_the_sample_as_it_was_made(sample_database: Database, sample: Sample) -> None:
    with sample_database.worker() as connection:
        people = connection.scalar(text("SELECT count(*) FROM reg.household_private WHERE head_name IS NOT NULL"))
        areas = connection.execute(text("SELECT area_ha, ST_Area(geom::geography) / 1e4 FROM reg.growing_areas")).all()
        communes = connection.scalar(text("SELECT count(*) FROM reg.communes"))
    assert people == 4650
    assert communes == 3321 + 3
    for stated, measured in areas:
        assert stated == pytest.approx(measured, rel=3e-3)
    with sample_database.read() as connection:
        public = connection.execute(text("SELECT * FROM open.addresses LIMIT 1")).mappings().one()
    assert {"head_name", "phone", "full_address"}.isdisjoint(public)


# --- files of addresses


@pytest.fixture(scope="module")
def communes_file(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's communes with a layer of something else before them, in a GeoPackage."""
    path = tmp_path_factory.mktemp("areas") / "units.gpkg"
    codes = [values["code"] for values, _ in sample.records["communes"]]
    outlines = shapes(sample.records["communes"])
    province = geopandas.GeoDataFrame({"code": ["37"]}, geometry=[shapely.union_all(outlines)], crs=4326)
    pyogrio.write_dataframe(province, path, layer="province")
    communes = geopandas.GeoDataFrame({"fid_cu": [1, 2, 3], "Mã xã": codes}, geometry=outlines, crs=4326)
    pyogrio.write_dataframe(communes, path, layer="commune", append=True)
    return path


def read_back(path: Path, crs: int) -> tuple[dict[str, list[str | None]], np.ndarray]:
    meta, _, wkb, columns = pyogrio.raw.read(path)
    plane = shapely.get_coordinates(shapely.from_wkb(wkb))
    degrees = np.column_stack(from_epsg(crs).to_wgs84(*plane.T))
    return {name: column.tolist() for name, column in zip(meta["fields"], columns, strict=True)}, degrees


@pytest.mark.parametrize(("format_", "crs"), [("shp", 9209), ("gpkg", 5897), ("geojson", 4326), ("gpkg", 32648)])
def test_written_addresses_are_inside_their_commune(
    format_: str, crs: int, communes_file: Path, units: UnitIndex, tmp_path: Path
) -> None:
    target = tmp_path / f"dia_chi.{format_}"
    write_addresses(communes_file, 4000, target, format=format_, crs=crs, seed=1)  # type: ignore[arg-type]
    columns, degrees = read_back(target, crs)
    assert list(columns) == OFFICERS_COLUMNS
    codes = columns["ma_dia_chi"]
    assert len(set(codes)) == len(codes) == 4000
    assert all(code is not None and len(code) == 10 for code in codes)
    for code, place in zip(columns["ma_xa"], degrees, strict=True):
        assert code is not None
        assert units.boundaries[code].contains(shapely.Point(place))
    assert all(name is not None and name.endswith(MARK) for name in columns["thon"])
    for kind, head in zip(columns["loai"], columns["chu_ho"], strict=True):
        assert (kind == "Hộ gia đình") == (head is not None)


def test_shapefile_is_what_an_officer_sends(communes_file: Path, tmp_path: Path, units: UnitIndex) -> None:
    folder = tmp_path / "gui"
    folder.mkdir()
    target = folder / "dia_chi.shp"
    write_addresses(communes_file, 500, target, format="shp", crs=9209, seed=1)
    assert (folder / "dia_chi.cpg").read_text() == "UTF-8"
    assert "105.5" in (folder / "dia_chi.prj").read_text()
    assert (folder / "dia_chi.dbf").stat().st_size < 500 * 300
    archive = Path(shutil.make_archive(str(tmp_path / "gui"), "zip", folder))
    request = ImportRequest(archive, "gui.zip", get_register("addresses"), SYSTEM)
    work = tmp_path / uuid4().hex
    work.mkdir()
    report = check_file(request, units, work, NoSink())
    assert (report.outcome, report.valid, report.rejected) == ("ok", 500, 0)
    assert report.messages == []
    assert report.crs is not None
    assert report.crs["chosen"] == "EPSG:9209"


@pytest.mark.parametrize(("crs", "axes"), [(4326, ["kinh_do", "vi_do"]), (9209, ["easting", "northing"])])
def test_table_carries_its_place_in_two_columns(
    crs: int, axes: list[str], communes_file: Path, tmp_path: Path, units: UnitIndex
) -> None:
    target = tmp_path / "dia_chi.csv"
    write_addresses(communes_file, 300, target, format="csv", crs=crs, seed=1)
    head = target.read_text(encoding="utf-8").splitlines()[0].replace('"', "").split(",")
    assert head == [*OFFICERS_COLUMNS, *axes]
    request = ImportRequest(target, target.name, get_register("addresses"), SYSTEM, crs=f"EPSG:{crs}")
    work = tmp_path / uuid4().hex
    work.mkdir()
    report = check_file(request, units, work, NoSink())
    assert (report.outcome, report.valid, report.rejected) == ("ok", 300, 0)


def test_same_seed_writes_the_same_addresses_over_an_old_file(communes_file: Path, tmp_path: Path) -> None:
    target, other = tmp_path / "dia_chi.shp", tmp_path / "khac.shp"
    write_addresses(communes_file, 900, target, format="shp", crs=9209, seed=3)
    write_addresses(communes_file, 400, target, format="shp", crs=9209, seed=5)
    write_addresses(communes_file, 400, other, format="shp", crs=9209, seed=5)
    first, second = read_back(target, 9209), read_back(other, 9209)
    assert first[0] == second[0]
    assert (first[1] == second[1]).all()
    assert len(first[1]) == 400


def test_packed_and_projected_communes_are_read_alike(communes_file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "units.gpkg.gz"
    packed.write_bytes(gzip.compress(communes_file.read_bytes()))
    frame = pyogrio.read_dataframe(communes_file, layer="commune").rename(columns={"Mã xã": "MAXA"})
    projected = tmp_path / "xa.geojson"
    pyogrio.write_dataframe(frame.to_crs(32648), projected, driver="GeoJSON", RFC7946="NO")
    plain = read_commune_areas(communes_file)
    for path in (packed, projected):
        found = read_commune_areas(path)
        assert found.codes == plain.codes == list(COMMUNE_CODES)
        assert shapely.equals_exact(found.shapes, plain.shapes, tolerance=1e-7).all()


def test_broken_commune_is_mended(tmp_path: Path) -> None:
    bow = {"type": "Polygon", "coordinates": [[[106, 20], [106.1, 20.1], [106.1, 20], [106, 20.1], [106, 20]]]}
    collection = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {"ma_xa": "99001"}, "geometry": bow}],
    }
    path = tmp_path / "xa.geojson"
    path.write_text(json.dumps(collection))
    found = read_commune_areas(path)
    assert shapely.is_valid(found.shapes).all()
    assert shapely.area(found.shapes)[0] == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("name", "properties", "layer", "said"),
    [
        ("khong_ma.geojson", {"ten": "An Mẫu"}, None, "5-digit commune codes"),
        ("tinh.geojson", {"code": "37"}, None, "5-digit commune codes"),
        ("xa.geojson", {"code": "99001"}, "khac", "there is no layer"),
        ("hong.geojson", None, None, "cannot serve"),
        ("khong_co.geojson", {}, None, "no such file"),
    ],
)
def test_unusable_communes_say_what_to_do(
    name: str, properties: dict[str, str] | None, layer: str | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    geometry = shapely.geometry.mapping(shapely.box(106, 20, 106.1, 20.1))
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    whole = json.dumps({"type": "FeatureCollection", "features": [feature]})
    if properties != {}:
        path.write_text(whole if properties is not None else whole[:80])
    with pytest.raises(SampleAreaError, match=said):
        read_commune_areas(path, layer)


def test_points_fall_on_islands_and_slivers_too() -> None:
    islands = shapely.MultiPolygon([shapely.box(111, 16, 111.002, 16.002), shapely.box(113, 17, 113.001, 17.001)])
    sliver = shapely.Polygon([(106, 20), (106.3, 20.3), (106.3, 20.30003)])
    square = shapely.box(105, 19, 105.05, 19.05)
    ground = np.array([islands, sliver, square], dtype=object)
    places = scatter(np.random.default_rng(0), ground, 3000)
    assert np.bincount(places.commune).sum() == 3000
    for n, shape in enumerate(ground):
        mine = places.lonlat[places.commune == n]
        assert len(mine)
        assert shapely.contains_xy(shape, mine).all()


def test_large_communes_get_more_addresses(units: UnitIndex) -> None:
    ground = np.array([shapely.box(106, 20, 106.1, 20.1), shapely.box(106.1, 20, 106.13, 20.1)], dtype=object)
    places = scatter(np.random.default_rng(0), ground, 1300)
    assert np.bincount(places.commune).tolist() == [1000, 300]


@pytest.mark.parametrize("zone", sorted(VN2000_ZONES))
def test_inverse_agrees_with_the_way_files_are_read(zone: int) -> None:
    meridian = VN2000_ZONES[zone][0]
    lon, lat = np.meshgrid(np.linspace(meridian - 3, meridian + 3, 7), np.linspace(8, 23.5, 7))
    degrees = np.column_stack([lon.ravel(), lat.ravel()])
    back = np.column_stack(from_epsg(zone).to_wgs84(*from_wgs84(degrees, zone).T))
    assert np.abs(back - degrees).max() < 1e-11


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"count": 0}, ParameterError), ({"format": "dwg"}, ParameterError), ({"crs": 99_999}, CoordinateSystemError)],
)
def test_impossible_wishes_are_refused(
    changes: dict[str, object], error: type[Exception], communes_file: Path, tmp_path: Path
) -> None:
    wishes = {"count": 10, "format": "gpkg", "crs": 9209, "seed": 1, **changes}
    count = wishes.pop("count")
    with pytest.raises(error):
        write_addresses(communes_file, count, tmp_path / "x.gpkg", **wishes)  # type: ignore[arg-type]
    assert not (tmp_path / "x.gpkg").exists()
