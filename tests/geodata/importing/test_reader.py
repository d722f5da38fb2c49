"""What the reader writes whatever the format: column names, limits, and mutated files."""

import contextlib
import json
import random
import shutil
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyogrio
import pytest
import shapely

from geodata.importing.context import ReaderLimits
from geodata.importing.reader import read_job
from geodata.importing.results import UnreadableFileError
from tests.geodata.importing.files import (
    GEOMETRIES,
    SQUARE,
    codes,
    collection,
    kml,
    read,
    refusal,
    shape,
    shapefile,
    table,
    values,
    zipped,
)


def test_column_names_that_collide_are_renamed_with_a_note(tmp_path: Path) -> None:
    feature = {
        "type": "Feature",
        "properties": {"_row": 1, "te\u0302n": 2, "tên": 3, " ": 4},
        "geometry": None,
    }
    result = read(tmp_path, json.dumps(feature), "a.json")
    assert result.columns == ("_row_2", "tên", "tên_2", "cot_4")
    assert codes(result) == ["COLUMN_RENAMED", "COLUMN_RENAMED"]


def test_hostile_column_names_are_data(tmp_path: Path) -> None:
    names = ('name"); DROP TABLE x;--', "<img onerror=1>", "a\nb")
    feature = {"type": "Feature", "properties": dict.fromkeys(names, "v"), "geometry": None}
    assert read(tmp_path, json.dumps(feature), "a.json").columns == names


def test_ten_thousand_columns_are_refused(tmp_path: Path) -> None:
    feature = {"type": "Feature", "properties": {str(n): n for n in range(10_000)}, "geometry": None}
    assert refusal(tmp_path, json.dumps(feature), "a.json").code == "TOO_MANY_COLUMNS"


def test_rows_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    limits = ReaderLimits(max_rows=10)
    assert refusal(tmp_path, "lon,lat\n" + "105,21\n" * 11, "a.csv", limits=limits).code == "TOO_MANY_ROWS"
    assert refusal(tmp_path, collection(*[None] * 11), "a.geojson", limits=limits).code == "TOO_MANY_ROWS"


def test_a_text_beyond_64_kib_is_a_problem_of_its_row(tmp_path: Path) -> None:
    data = "t,lon,lat\n" + "x" * 65_536 + ",105,21\n" + "x" * 65_537 + ",105,21\n"
    result = read(tmp_path, data, "a.csv")
    assert values(result, "_problem") == [None, "TEXT_TOO_LONG"]
    assert [len(text or "") for text in values(result, "t")] == [65_536, 0]


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    if chance.random() < 0.2:
        return data[: chance.randrange(len(data))]
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(min(len(data), 400) if chance.random() < 0.5 else len(data))
        changed[at] = chance.choice([0, 255, 127, 128, changed[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
    return bytes(changed)


def seeds(tmp_path: Path) -> dict[str, bytes]:
    points = table([shapely.Point(n, n) for n in range(20)], ten=["Xã Nghĩa Đô"] * 20, so=list(range(20)))
    areas = table(GEOMETRIES["Polygon"], ten=["Huế"] * 3)
    shapefile(tmp_path / "points", points, ENCODING="UTF-8")
    shapefile(tmp_path / "areas", areas)
    pyogrio.write_dataframe(areas, tmp_path / "a.gpkg", layer="a")
    return {
        "points.zip": zipped(tmp_path / "points"),
        "areas.gpkg": (tmp_path / "a.gpkg").read_bytes(),
        "a.geojson": collection(shape("Polygon", [SQUARE]), shape("Point", [1, 2])).encode(),
        "a.kml": kml("<Placemark><name>Huế</name><Point><coordinates>1,2</coordinates></Point></Placemark>").encode(),
        "a.csv": 'tên;lon;lat\n"Xã; Nghĩa";105,5;21\nb;105°30\'00"E;21\n'.encode(),
        "areas.shp": (tmp_path / "areas" / "a.shp").read_bytes(),
        "points.shp": (tmp_path / "points" / "a.shp").read_bytes(),
        "points.dbf": (tmp_path / "points" / "a.dbf").read_bytes(),
    }


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_mutated_files_end_in_rows_or_a_coded_refusal(tmp_path: Path) -> None:
    chance = random.Random(20260301)
    work = tmp_path / "work"
    for name, data in seeds(tmp_path).items():
        for _ in range(60):
            work.mkdir()
            path = work / f"in{Path(name).suffix}"
            path.write_bytes(mutated(data, chance))
            if path.suffix == ".dbf":
                shutil.copy(tmp_path / "points" / "a.shp", path := work / "in.shp")
            job = {
                "path": str(path),
                "suffix": path.suffix,
                "work_dir": str(work),
                "layer": None,
                "encoding": None,
            }
            with contextlib.suppress(UnreadableFileError):
                read_job(job, ReaderLimits())
                with pa.OSFile(str(work / "rows.arrow")) as file, pa.ipc.open_stream(file) as reader:
                    for batch in reader:
                        batch.validate(full=True)
            shutil.rmtree(work)


def test_limits_survive_the_way_to_the_child() -> None:
    assert ReaderLimits(**json.loads(json.dumps(asdict(ReaderLimits(max_rows=7))))).max_rows == 7
