"""Open data in every format: the same records with the same values, as programs read them that others wrote."""

import csv
import gzip
import hashlib
import io
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import geopandas
import geoparquet_validator
import numpy as np
import openpyxl
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from sqlalchemy import Connection, text

from geodata.crs import from_epsg
from geodata.db import Database
from geodata.exporting.datapackage import Written, datapackage
from geodata.exporting.delimited import BOM
from geodata.exporting.flat_values import defused
from geodata.exporting.formats import BY_SUFFIX, FORMATS, formats_of
from geodata.exporting.open_columns import ID, SHORT_NAME_LENGTH, OpenColumns
from geodata.exporting.readme import readme_of
from geodata.exporting.shapefile import UTM_48, write_shapefile, zone_of
from geodata.exporting.snapshot import Area, Part, _Areas, take_snapshot
from geodata.exporting.workbook import MAX_ROWS
from geodata.register import Register
from geodata.registers import discover
from service.setup import apply_settings
from tests.conftest import settings_for

REGISTERS = list(discover().values())
ABOUT = {
    "title": "Thử", "description": "Dữ liệu thử", "licence": "CC-BY-4.0", "attribution": "UBND xã An Mẫu", "revision": "7",
}  # fmt: skip
VALIDATE_GPKG = Path("/usr/lib/python3/dist-packages/osgeo_utils/samples/validate_gpkg.py")

Features = dict[str, dict[str, Any]]


def snapshot_of(connection: Connection, register: Register, folder: Path) -> tuple[Path, list[Area]]:
    path = folder / f"{register.id}.parquet"
    return path, take_snapshot(connection, register, path, {})


@pytest.fixture(scope="module")
def parts(sample_database: Database, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Part]]:
    """The areas of every register of the sample."""
    folder, found = tmp_path_factory.mktemp("snapshots"), {}
    for register in REGISTERS:
        with sample_database.worker() as connection:
            path, areas = snapshot_of(connection, register, folder)
        made = "2026-11-20T01:02:03.000Z"
        found[register.id] = [Part(OpenColumns(register), path, area, ABOUT, made) for area in areas]
    return found


@pytest.fixture(params=REGISTERS, ids=lambda register: register.id)
def register(request: pytest.FixtureRequest) -> Register:
    found: Register = request.param
    return found


@pytest.fixture
def part(parts: dict[str, list[Part]], register: Register) -> Part:
    return parts[register.id][0]


@pytest.fixture
def features(part: Part, sample_database: Database) -> Features:
    """What the public view has of each record, as the API writes it."""
    register = part.register
    names = ", ".join(f"'{name}', \"{name}\"" for name in part.columns.names if name != ID)
    shape = "geom" if register.point is None else "coalesce(geom, point)"
    statement = (
        f'SELECT uuid::text, json_build_object({names}), ST_AsGeoJSON({shape}, 7)::json FROM open."{register.id}"'
    )
    with sample_database.read() as connection:
        rows = connection.execute(text(statement)).all()
    return {row[0]: {"properties": row[1], "geometry": row[2]} for row in rows}


def written(part: Part, suffix: str, folder: Path) -> Path:
    path = folder / f"{part.register.id}.{suffix}"
    write = BY_SUFFIX[suffix].write
    assert write is not None
    write(part, path)
    return path


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as formats have them that hold no lists."""
    return {name: orjson.dumps(value).decode() if isinstance(value, list) else value for name, value in values.items()}


def test_a_sequence_holds_the_features_of_the_api(part: Part, features: Features, tmp_path: Path) -> None:
    content = written(part, "geojsons", tmp_path).read_bytes()
    lines = content.split(b"\x1e")
    assert lines[0] == b""
    found = [json.loads(line) for line in lines[1:]]
    assert {one["id"]: {"properties": one["properties"], "geometry": one["geometry"]} for one in found} == features
    assert len(found) == len(features) == part.area.count


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_csv_holds_every_value(part: Part, features: Features, suffix: str, tmp_path: Path) -> None:
    content = written(part, suffix, tmp_path).read_bytes()
    content = gzip.decompress(content) if suffix == "csv.gz" else content
    assert content.startswith(BOM) is (suffix == "csv")
    rows = list(csv.DictReader(io.StringIO(content.removeprefix(BOM).decode(), newline="")))
    assert len(rows) == len(features)
    for row in rows:
        wanted = plain(features[row.pop(ID)]["properties"])
        for name, value in wanted.items():
            held: Any = row[name]
            assert (float(held) if isinstance(value, int | float) else held.removeprefix("'")) == (
                "" if value is None else value.removeprefix("'") if isinstance(value, str) else value
            )


def test_a_workbook_holds_every_value(part: Part, features: Features, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(written(part, "xlsx", tmp_path), read_only=True)
    header, *rows = book[part.register.id].iter_rows(values_only=True)
    lists = {side.name for side in part.register.lists}
    assert book.sheetnames == [part.register.id, *(side.name for side in part.register.lists)]
    assert len(rows) == len(features)
    for row in rows:
        held = dict(zip(header, row, strict=True))
        for name, value in plain(features[str(held[ID])]["properties"]).items():
            if name not in lists:
                cell: Any = held[name]
                day = cell.date().isoformat() if isinstance(cell, datetime) else cell
                assert day == (None if value == "" else value)
    for side in part.register.lists:
        count = sum(len(one["properties"][side.name] or []) for one in features.values())
        assert book[side.name].max_row == count + 1
    book.close()


@pytest.mark.parametrize("suffix", ["gpkg", "fgb", "parquet"])
def test_maps_read_every_record_in_its_place(part: Part, features: Features, suffix: str, tmp_path: Path) -> None:
    path = written(part, suffix, tmp_path)
    if suffix == "parquet":
        frame = geopandas.read_parquet(path)
    else:
        frame = pyogrio.read_dataframe(path, layer=part.register.id)
    assert len(frame) == len(features)
    assert frame.crs is not None
    assert frame.crs.is_geographic
    for uuid, shape in zip(frame["id"], frame.geometry, strict=True):
        geometry = features[uuid]["geometry"]
        assert (shape is None) is (geometry is None)
        if geometry is not None:
            assert shapely.hausdorff_distance(shape, shapely.from_geojson(json.dumps(geometry))) < 1e-6


def test_a_shapefile_is_in_vn2000_with_letters_and_short_names(part: Part, features: Features, tmp_path: Path) -> None:
    path = written(part, "shp.zip", tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert archive.read(f"{part.register.id}.cpg") == b"UTF-8"
        assert "README.txt" in names
    layers = sorted(name for name in names if name.endswith(".shp"))
    count = 0
    for layer in layers:
        frame = pyogrio.read_dataframe(f"/vsizip/{path}/{layer}")
        count += len(frame)
        assert frame.crs.to_epsg() == zone_of(part)
        short = part.columns.short_names
        assert list(frame.columns) == [*short.values(), "geometry"]
        crs = from_epsg(zone_of(part))
        for uuid, name, shape in zip(frame["id"], frame[short[part.register.label]], frame.geometry, strict=True):
            feature = features[uuid]
            label = feature["properties"][part.register.label]
            assert (name or "") == (label or "")
            if shape is not None:
                x, y = shapely.get_coordinates(shape).T
                back = np.column_stack(crs.to_wgs84(x, y))
                there = shapely.get_coordinates(shapely.from_geojson(json.dumps(feature["geometry"])))
                assert np.abs(back.mean(axis=0) - there.mean(axis=0)).max() < 1e-3
    assert count == len(features)


def test_a_shapefile_can_be_had_in_another_zone(parts: dict[str, list[Part]], tmp_path: Path) -> None:
    part = parts["addresses"][0]
    path = tmp_path / "addresses.9217.shp.zip"
    write_shapefile(part, path, readme_of(part), 9217)
    frame = pyogrio.read_dataframe(f"/vsizip/{path}/addresses.shp", max_features=5)
    assert (frame.crs.to_epsg(), zone_of(part)) == (9217, 9212)
    assert zone_of(replace(part, area=replace(part.area, province=None))) == UTM_48


def test_short_names_are_short_and_told_apart(register: Register) -> None:
    short = OpenColumns(register).short_names
    assert {len(name) <= SHORT_NAME_LENGTH for name in short.values()} == {True}
    assert len({name.lower() for name in short.values()}) == len(short)


@pytest.mark.parametrize("suffix", [one.suffix for one in FORMATS if one.write is not None])
def test_the_same_state_gives_the_same_bytes_again(part: Part, suffix: str, tmp_path: Path) -> None:
    digests = []
    for at in ("a", "b"):
        folder = tmp_path / at
        folder.mkdir()
        digests.append(hashlib.sha256(written(part, suffix, folder).read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_areas_are_runs_of_rows_that_lie_in_them(parts: dict[str, list[Part]], register: Register) -> None:
    whole, *others = parts[register.id]
    fields = {field.name for field in register.public_fields}
    communes = [part for part in others if part.area.id.startswith("commune-")]
    assert sum(part.area.count for part in communes) == (whole.area.count if "commune_code" in fields else 0)
    for part in others:
        kind, _, code = part.area.id.partition("-")
        table = pa.Table.from_batches(part.batches())
        assert table.num_rows == part.area.count > 0
        if f"{kind}_code" in fields:
            assert set(table[f"{kind}_code"].to_pylist()) == {code}


def test_a_commune_whose_records_name_two_provinces_is_whole_and_has_no_others() -> None:
    areas, nowhere = _Areas({}), np.full((7, 4), np.nan)
    areas.note([("01", "00001"), ("01", "00001"), ("01", "00002"), ("02", "00001")], nowhere[:4])
    areas.note([("02", "00001"), ("02", "00003"), (None, None)], nowhere[4:])
    found = {area.id: area.runs for area in areas.found()}
    assert found == {
        "vietnam": ((0, 7),), "province-01": ((0, 3),), "province-02": ((3, 6),),
        "commune-00001": ((0, 2), (3, 5)), "commune-00002": ((2, 3),), "commune-00003": ((5, 6),),
    }  # fmt: skip


def test_an_area_of_several_runs_is_read_whole(parts: dict[str, list[Part]]) -> None:
    part = parts["addresses"][0]
    runs = ((10, 20), (30, 31), (4990, 5000))
    table = pa.Table.from_batches(replace(part, area=replace(part.area, runs=runs)).batches(["id"]))
    ids = pa.Table.from_batches(part.batches(["id"]))["id"].to_pylist()
    assert table["id"].to_pylist() == [*ids[10:20], ids[30], *ids[4990:]]


def test_geoparquet_is_what_the_standard_says(part: Part, tmp_path: Path) -> None:
    report = geoparquet_validator.check(str(written(part, "parquet", tmp_path)))
    assert geoparquet_validator.failed(report) == []
    passed = {outcome["id"] for outcome in report["outcomes"] if outcome["status"] == "pass"}
    assert {"/conf/core/wkb", "/conf/covering/bbox-paths", "/conf/core/bbox-extent"} <= passed
    assert part.snapshot.read_bytes()[:4] == b"PAR1"


def test_geoparquet_is_compressed_in_groups_with_boxes(part: Part, tmp_path: Path) -> None:
    with pq.ParquetFile(written(part, "parquet", tmp_path)) as file:
        group = file.metadata.row_group(0)
        assert {group.column(at).compression for at in range(group.num_columns)} == {"ZSTD"}
        described = json.loads(file.schema_arrow.metadata[b"geo"])
    assert described["version"] == "1.1.0"
    assert described["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert set(described["columns"]["geometry"]["geometry_types"]) <= set(part.columns.geometry_types)


def test_duckdb_finds_the_records_of_a_box_by_their_boxes(parts: dict[str, list[Part]], tmp_path: Path) -> None:
    path = written(parts["addresses"][0], "parquet", tmp_path)
    west, south, east, north = 106.22, 20.31, 106.24, 20.33
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM read_parquet(?) WHERE bbox.xmax >= ? AND bbox.xmin <= ? AND bbox.ymax >= ? AND bbox.ymin <= ?",
            [str(path), west, east, south, north],
        ).fetchone()  # type: ignore[misc]
    frame = geopandas.read_parquet(path, bbox=(west, south, east, north))
    assert count == len(frame) > 0


def test_lists_are_lists_of_named_values_in_geoparquet(parts: dict[str, list[Part]], tmp_path: Path) -> None:
    table = pq.read_table(written(parts["growing_areas"][0], "parquet", tmp_path))
    kept = [row for rows in table["market_registrations"].to_pylist() for row in rows or []]
    assert kept
    assert set(kept[0]) == {"market", "valid_from", "valid_to", "status", "market_code", "decision_number"}
    assert {type(row["valid_from"]).__name__ for row in kept} <= {"date", "NoneType"}


def test_a_geopackage_is_what_the_standard_says(part: Part, tmp_path: Path) -> None:
    if not VALIDATE_GPKG.exists():
        pytest.skip("validate_gpkg is not installed (Debian's package python3-gdal)")
    path = written(part, "gpkg", tmp_path)
    said = subprocess.run(["/usr/bin/python3", VALIDATE_GPKG, path], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    index = pyogrio.read_dataframe(path, sql="SELECT count(*) AS n FROM gpkg_extensions", read_geometry=False)
    assert index["n"][0] > 0


def test_lists_are_tables_of_a_geopackage(parts: dict[str, list[Part]], tmp_path: Path) -> None:
    part = parts["growing_areas"][0]
    frame = pyogrio.read_dataframe(written(part, "gpkg", tmp_path), layer="market_registrations", read_geometry=False)
    batches = list(part.batches(["market_registrations"]))
    count = sum(len(rows or []) for batch in batches for rows in batch.column(0).to_pylist())
    assert len(frame) == count > 0
    assert {"id", "market", "status"} <= set(frame.columns)


# Those with most columns, with lists, and with records that have no place: each is a second for the program's start.
@pytest.mark.parametrize(
    "register", [discover()[name] for name in ("addresses", "communes", "growing_areas")], indirect=True,
    ids=lambda register: register.id,
)  # fmt: skip
def test_frictionless_takes_the_description_and_the_tables(part: Part, tmp_path: Path) -> None:
    frictionless = shutil.which("frictionless") or str(Path(pa.__file__).parents[4] / "bin" / "frictionless")
    files = []
    for one in formats_of(part.area.count, has_tiles=False):
        path = written(part, one.suffix, tmp_path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(Written(path.name, one.suffix, path.stat().st_size, digest))
    package = datapackage(part, files)
    (tmp_path / "datapackage.json").write_bytes(orjson.dumps(package))
    said = subprocess.run(
        [frictionless, "validate", "datapackage.json", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(said.stdout)
    assert (report["valid"], report["errors"]) == (True, [])
    assert {task["type"] for task in report["tasks"]} == {"table", "file"}
    assert package["licenses"] == [{"name": "CC-BY-4.0"}]
    described = {field["name"]: field for field in package["resources"][5]["schema"]["fields"]}
    assert list(described)[: len(part.columns.names)] == part.columns.names
    assert described["id"]["bandoso:shapefileName"] == "id"


@pytest.mark.long
def test_libreoffice_opens_a_workbook_as_it_was_meant(parts: dict[str, list[Part]], tmp_path: Path) -> None:
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed (Debian's package libreoffice-calc-nogui)")
    path = written(parts["growing_areas"][0], "xlsx", tmp_path)
    # The second sheet, too, as files of their own: -1 stands for all of them.
    form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [program, profile, "--headless", "--convert-to", form, "--outdir", str(tmp_path), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    text_ = (tmp_path / "growing_areas-growing_areas.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text_, newline="")))
    assert len(rows) == parts["growing_areas"][0].area.count
    assert all(len(row["commune_code"]) == 5 for row in rows)
    assert {len(row["issued_on"]) for row in rows if row["issued_on"]} == {len("2026-11-23")}
    assert (tmp_path / "growing_areas-market_registrations.csv").exists()


def test_what_a_spreadsheet_would_compute_is_defused() -> None:
    given = ["=1+1", "+84 912", "-5", "@x", "\tx", "\rx", "＝1", "－1", "\0x", "a=b", "", None, "'=1"]
    found = defused(pa.array(given, pa.string())).to_pylist()
    assert found == ["'=1+1", "'+84 912", "'-5", "'@x", "'\tx", "'\rx", "'＝1", "'－1", "'\0x", "a=b", "", None, "'=1"]


def test_a_sheet_that_is_too_short_is_not_written() -> None:
    assert "xlsx" in {one.suffix for one in formats_of(MAX_ROWS, has_tiles=True)}
    assert "xlsx" not in {one.suffix for one in formats_of(MAX_ROWS + 1, has_tiles=True)}


def test_the_readme_tells_the_short_names(part: Part) -> None:
    told = readme_of(part)
    for name, short in part.columns.short_names.items():
        assert any(line.split()[:2] == [name, short] for line in told.splitlines())
    assert "CC-BY-4.0" in told


@pytest.mark.parametrize("policy", ["code_point", "lookup", "aggregate"])
def test_files_hold_what_the_policy_lets_the_views_show(scratch_sample_url: str, policy: str, tmp_path: Path) -> None:
    settings = settings_for(scratch_sample_url, publication_policy=policy)
    apply_settings(settings)
    addresses = discover()["addresses"]
    with Database(settings) as database:
        with database.worker() as connection:
            path, _ = snapshot_of(connection, addresses, tmp_path)
        with database.read() as connection:
            visible = set(connection.scalars(text("SELECT uuid::text FROM open.addresses")))
        with database.worker() as connection:
            households = connection.scalar(text("SELECT count(*) FROM reg.addresses WHERE kind = 'household'"))
    table = pq.read_table(path)
    assert set(table["id"].to_pylist()) == visible
    kinds = table["kind"].to_pylist()
    assert kinds.count("household") == (households if policy == "code_point" else 0)
    assert {"head_name", "phone"}.isdisjoint(table.column_names)
