"""Files checked for anybody, over HTTP and at the shell: one report, byte by byte, and nothing kept."""

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas
import pytest
from shapely.geometry import Point, box
from starlette.testclient import TestClient

from geodata.errors import GeodataError
from service.app import Application, create_app
from service.file_options import FileOptionError
from tests.conftest import settings_for
from tests.service.people import PLACE, SAMPLE_COMMUNE, add_officer, address_csv, sign_in
from tests.service.shell import Shell

VN2000_NINH_BINH = 9209
PARTS = ("shp", "dbf", "prj", "cpg", "shx")

Options = dict[str, str]


@pytest.fixture(scope="module")
def app(sample_url: str) -> Application:
    """The service, generous to one client."""
    return create_app(settings_for(sample_url, validate_per_minute=1000, validate_per_day=1000, validate_max_mb=1))


@pytest.fixture(scope="module")
def checker(app: Application) -> Iterator[TestClient]:
    """A client without an account."""
    with TestClient(app) as found:  # type: ignore[arg-type]
        yield found


@pytest.fixture(scope="module")
def command(app: Application) -> Shell:
    """The command on the same database."""
    return Shell(app.api.state.settings)


def ask(client: TestClient, path: Path, parts: tuple[Path, ...] = (), **values: str) -> Any:
    """Have a file checked over HTTP."""
    files = [("file", (part.name, part.read_bytes())) for part in parts or (path,)]
    return client.post("/validate", data={"register": "addresses", **values}, files=files)


# --- files as officers have them


def write_addresses(folder: Path) -> Path:
    path = folder / "địa chỉ.csv"
    path.write_bytes(address_csv("0790012345", "12", "0790012345"))
    return path


def write_odd_columns(folder: Path) -> Path:
    path = folder / "a.csv"
    rows = [f"07900123{n:02},{kind},Nguyễn Văn A,106.2307,20.3525" for n, kind in enumerate(("Cơ quan", "ho", "Công trình"))]  # fmt: skip
    path.write_text("\n".join(["số hiệu,nhóm,ai,lon,lat", *rows]), encoding="utf-8")
    return path


def write_cp1258(folder: Path) -> Path:
    path = folder / "a.csv"
    path.write_bytes("ma_dia_chi,ten_duong,lon,lat\n0790012345,Cơ,106.2307,20.3525\n".encode("cp1258"))
    return path


def write_shapefile(folder: Path) -> Path:
    frame = geopandas.GeoDataFrame(
        {"MA_DIA_CHI": ["0790012345"], "CHU_HO": ["Nguyễn Thị Thử"]}, geometry=[Point(PLACE)], crs=4326
    ).to_crs(VN2000_NINH_BINH)
    frame.to_file(folder / "diachi.shp", engine="pyogrio", encoding="utf-8")
    return folder / "diachi.shp"


def write_zip(folder: Path) -> Path:
    write_shapefile(folder)
    with zipfile.ZipFile(folder / "diachi.zip", "w") as archive:
        for suffix in PARTS:
            archive.write(folder / f"diachi.{suffix}", f"thư mục/diachi.{suffix}")
    return folder / "diachi.zip"


def write_two_layers(folder: Path) -> Path:
    for layer in ("nhà", "vùng"):
        frame = geopandas.GeoDataFrame({"code": ["0790012345"]}, geometry=[Point(PLACE)], crs=4326)
        frame.to_file(folder / "f.gpkg", layer=layer)
    return folder / "f.gpkg"


def write_areas(folder: Path) -> Path:
    square = box(106.23, 20.35, 106.231, 20.351)
    frame = geopandas.GeoDataFrame({"ma": ["VN-DNOR-0269", "?"], "crop": ["Bưởi"] * 2}, geometry=[square] * 2, crs=4326)
    frame.to_file(folder / "f.geojson")
    return folder / "f.geojson"


def write_broken(folder: Path) -> Path:
    (folder / "a.zip").write_bytes(b"PK\x03\x04 this is no archive")
    return folder / "a.zip"


def write_unclear_places(folder: Path) -> Path:
    path = folder / "n.csv"
    path.write_text("ma_dia_chi,x,y,x2,y2\n0790012345,106.2307,20.3525,106.2308,20.3526\n", encoding="utf-8")
    return path


def write_metres(folder: Path) -> Path:
    path = folder / "m.csv"
    path.write_text("ma_dia_chi,wkt\n0790012345,POINT (576000 2250000)\n", encoding="utf-8")
    return path


CASES: list[tuple[Callable[[Path], Path], Options, int]] = [
    (write_addresses, {"commune": SAMPLE_COMMUNE}, 1),
    (write_odd_columns, {"columns": '{"số hiệu": "code", "nhóm": null}', "accept": '["REPAIR_CLOSE_RING"]'}, 0),
    (write_cp1258, {"encoding": "cp1258"}, 0),
    (write_zip, {}, 0),
    (write_zip, {"crs": "EPSG:4326"}, 2),
    (write_two_layers, {}, 1),
    (write_two_layers, {"layer": "vùng"}, 0),
    (write_areas, {"register": "growing_areas"}, 1),
    (write_broken, {}, 2),
    (write_metres, {}, 1),
    (write_unclear_places, {}, 1),
    (write_unclear_places, {"place_columns": '{"x_column": "x2", "y_column": "y2"}', "crs": "EPSG:4326"}, 0),
]


@pytest.mark.parametrize(("write", "options", "code"), CASES, ids=[f"{one[0].__name__}-{one[1]}" for one in CASES])
def test_the_interface_and_the_shell_give_the_same_bytes(
    checker: TestClient, command: Shell, tmp_path: Path, write: Callable[[Path], Path], options: Options, code: int
) -> None:
    path = write(tmp_path)
    answer = ask(checker, path, **options)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    words = [
        word
        for name, value in ({"register": "addresses"} | options).items()
        for word in (f"--{name.replace('_', '-')}", value)
    ]
    said = command.call("validate", path, *words, "--json")
    assert said.stdout_bytes == answer.content
    assert said.exit_code == code
    report = answer.json()
    assert code == {"ok": 0, "needs_choice": 1, "refused": 2}[report["outcome"]] or report["rows"]["rejected"]


def test_a_shapefile_in_parts_gives_the_same_bytes_as_at_the_shell(
    checker: TestClient, command: Shell, tmp_path: Path
) -> None:
    path = write_shapefile(tmp_path)
    answer = ask(checker, path, tuple(tmp_path / f"diachi.{suffix}" for suffix in PARTS))
    assert (answer.json()["outcome"], answer.json()["crs"]["chosen"]) == ("ok", "EPSG:9209")
    said = command.call("validate", path, "-r", "addresses", "--json")
    assert (said.exit_code, said.stdout_bytes) == (0, answer.content)


def write_mapinfo(folder: Path) -> tuple[Path, ...]:
    frame = geopandas.GeoDataFrame({"ma_dia_chi": ["0790012345"]}, geometry=[Point(PLACE)], crs=4326)
    frame.to_file(folder / "nha.tab", driver="MapInfo File", engine="pyogrio")
    return tuple(sorted(folder.glob("nha.*")))


def write_two_tables(folder: Path) -> tuple[Path, ...]:
    paths = folder / "a.csv", folder / "b.csv"
    for path in paths:
        path.write_bytes(address_csv("0790012345"))
    return paths


@pytest.mark.parametrize(
    ("write", "options", "counts"),
    [
        (write_mapinfo, {}, {}),
        (write_two_tables, {}, {"LAYER_CHOICE": 1}),
        (write_two_tables, {"layer": "b"}, {}),
    ],
)
def test_files_that_belong_together_are_read_alike_by_check_upload_and_shell(
    app: Application, checker: TestClient, command: Shell, tmp_path: Path,
    write: Callable[[Path], tuple[Path, ...]], options: Options, counts: dict[str, int],
) -> None:  # fmt: skip
    paths = write(tmp_path)
    answer = ask(checker, paths[0], paths, **options)
    assert answer.json()["counts"] == counts, answer.text
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    assert command.call("validate", *paths, "-r", "addresses", *words, "--json").stdout_bytes == answer.content
    officer = sign_in(app, add_officer(app.api.state.settings))
    files = [("file", (path.name, path.read_bytes())) for path in paths]
    sent = officer.post("/uploads", data={"register": "addresses", **options}, files=files)
    told = officer.get(f"/uploads/{sent.json()['id']}").json()
    assert (sent.status_code, told["file_name"]) == (202, answer.json()["file"]["name"])


def test_a_lone_part_is_joined_by_those_beside_it_at_the_shell(
    checker: TestClient, command: Shell, tmp_path: Path
) -> None:
    paths = write_mapinfo(tmp_path)
    (tmp_path / "nha.txt").write_text("not a part")
    said = command.call("validate", tmp_path / "nha.tab", "-r", "addresses", "--json")
    assert said.stdout_bytes == ask(checker, paths[0], paths).content


WRONG_OPTIONS = {
    "accept": ('["REPAIR_SPIKE"]', "REPAIR_SPIKES"),
    "encoding": ("utf9", "tcvn3"),
    "crs": ("EPSG:99999", "EPSG:99999"),
    "commune": ("Xuân Điền", "5 chữ số"),
    "place_columns": ('{"x": "a", "y": "b"}', "x_column"),
}


@pytest.mark.parametrize(("name", "given"), [(name, given) for name, (given, _) in WRONG_OPTIONS.items()] + [
    ("encoding", '{"a": null}'), ("crs", "file;turned"), ("crs", "WGS"), ("accept", "GEOM_SPIKE"),
    ("place_columns", '{"x_column": "a"}'), ("place_columns", '{"x_column": "a", "y_column": "a"}'),
])  # fmt: skip
def test_an_option_that_no_file_can_have_is_refused_with_what_it_may_be(
    app: Application, checker: TestClient, command: Shell, tmp_path: Path, name: str, given: str
) -> None:
    path, (_, known) = write_addresses(tmp_path), WRONG_OPTIONS[name]
    officer = sign_in(app, add_officer(app.api.state.settings, role="administrator"))
    parts = {"data": {"register": "addresses", name: given}, "files": {"file": (path.name, path.read_bytes())}}
    answers = [client.post(address, **parts) for client, address in ((checker, "/validate"), (officer, "/uploads"))]
    assert [answer.status_code for answer in answers] == [400, 400], answers[0].text
    said = command.call("validate", path, "-r", "addresses", f"--{name.replace('_', '-')}", given)
    assert isinstance(said.exception, GeodataError)
    for told in (*(answer.json()["detail"] for answer in answers), said.exception.vi):
        assert known in told or (name == "crs" and "EPSG:9209" in told)


def test_an_area_that_is_there_already_is_named_alike_to_anybody_and_at_the_shell(
    checker: TestClient, command: Shell, tmp_path: Path
) -> None:
    asked = {"limit": 50, "commune_code": SAMPLE_COMMUNE}
    known = checker.get("/collections/growing_areas/items", params=asked).json()["features"]
    area = next(one for one in known if one["geometry"]["type"].endswith("Polygon"))
    again = {"type": "Feature", "geometry": area["geometry"], "properties": {"code": "VN-DNOR-7001", "crop": "Bưởi"}}
    path = tmp_path / "vung.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [again]}), encoding="utf-8")
    answer = ask(checker, path, register="growing_areas")
    (message,) = (one for one in answer.json()["messages"] if one["code"] == "EXISTING_DOUBLED")
    assert (message["row"], message["value"]) == (1, area["properties"]["code"])
    assert "99 %" in message["vi"]
    assert command.call("validate", path, "-r", "growing_areas", "--json").stdout_bytes == answer.content


def test_the_shell_tells_a_person_what_is_in_the_file_and_what_is_wrong(command: Shell, tmp_path: Path) -> None:
    told = command.call("validate", write_odd_columns(tmp_path), "-r", "addresses").stdout
    for part in (
        "Nhận được",
        "đọc 3 / hợp lệ 3",
        "Hệ tọa độ: EPSG:4326",
        "nhóm",
        "kind",
        "head_name?",
        "[COLUMN_MAYBE]",
    ):
        assert part in told
    assert "Nguyễn Văn A" not in told
    told = command.call("validate", write_addresses(tmp_path), "-r", "addresses").stdout
    assert "[CODE_FORMAT] dòng 2 (lỗi): " in told
    told = command.call("validate", write_two_layers(tmp_path), "-r", "addresses").stdout
    assert "Các lớp trong tệp: “nhà”, “vùng”" in told


@pytest.mark.parametrize(
    "option", ["--columns=[]", "--columns={", '--columns={"a": 1}', "--accept=[1]", "--accept=[", '--accept={"a": 1}']
)
def test_an_option_that_cannot_be_read_is_told_in_a_sentence(command: Shell, tmp_path: Path, option: str) -> None:
    answer = command.call("validate", write_addresses(tmp_path), "-r", "addresses", option)
    assert isinstance(answer.exception, FileOptionError)
    assert "phải là m" in answer.exception.vi


# --- nothing is kept, nothing is told


def test_nothing_of_a_file_is_kept(
    checker: TestClient, command: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    uploads = "SELECT count(*) FROM ops.upload"
    stored, files = command.value(uploads), set(command.settings.var_dir.glob("uploads/*"))
    for write in (write_addresses, write_broken):
        assert ask(checker, write(tmp_path)).headers["cache-control"] == "no-store"
    assert command.value(uploads) == stored
    assert set(command.settings.var_dir.glob("uploads/*")) == files
    assert not list((tmp_path / "t").iterdir())


def test_a_report_says_nothing_of_what_is_stored(checker: TestClient, command: Shell, tmp_path: Path) -> None:
    """The code of a household that is there and one that nobody has give the same report but for the code."""
    there = "SELECT c.value FROM reg.address_codes c JOIN reg.addresses a ON a.id = c.feature_id WHERE a.kind = 'household' AND c.scheme = 'digital_address' LIMIT 1"
    told = []
    for code in (command.value(there), "9999999999"):
        (tmp_path / "a.csv").write_bytes(address_csv(code))
        report = ask(checker, tmp_path / "a.csv").json()
        report["file"] = report["columns"] = report["layers"] = report["encoding"] = None
        told.append(report)
    assert told[0] == told[1]
    assert told[0]["outcome"] == "ok"


def test_rows_of_every_commune_may_be_checked(checker: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"code,ma_xa,lon,lat\n0790012345,{SAMPLE_COMMUNE},{PLACE[0]},{PLACE[1]}\n", encoding="utf-8")
    assert ask(checker, path).json()["rows"]["valid"] == 1


def test_an_officer_s_report_is_the_same_as_anybody_s(app: Application, checker: TestClient, tmp_path: Path) -> None:
    path = write_addresses(tmp_path)
    officer = sign_in(app, add_officer(app.api.state.settings))
    assert ask(officer, path).content == ask(checker, path).content
