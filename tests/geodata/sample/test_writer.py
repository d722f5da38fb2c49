"""Files of addresses, of any size, as officers send them."""

import gzip
import json
import shutil
from pathlib import Path
from uuid import uuid4

import geopandas
import numpy as np
import pyogrio
import pyogrio.raw
import pytest
import shapely

from geodata.crs import VN2000_ZONES, from_epsg
from geodata.db import SYSTEM
from geodata.errors import CoordinateSystemError, ParameterError
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.registers import get_register
from geodata.sample.areas import SampleAreaError, read_commune_areas
from geodata.sample.marks import COMMUNE_CODES, MARK
from geodata.sample.scatter import scatter
from geodata.sample.world import Sample
from geodata.sample.writer import from_wgs84, write_addresses
from geodata.units.index import UnitIndex

OFFICERS_COLUMNS = ["ma_dia_chi", "loai", "chu_ho", "dien_thoai", "so_nha", "ten_duong", "thon", "ma_xa"]


@pytest.fixture(scope="module")
def communes_file(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's communes with a layer of something else before them, in a GeoPackage."""
    path = tmp_path_factory.mktemp("areas") / "units.gpkg"
    codes = [values["code"] for values, _ in sample.records["communes"]]
    outlines = [shape for _, shape in sample.records["communes"]]
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
    # Nobody can tell from places within a commune whether the datum was shifted.
    assert [message["code"] for message in report.messages] == ["CRS_NOT_PROVEN"]
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
