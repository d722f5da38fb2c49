"""The sandbox: what the reader may not reach, and how it ends. R-numbers are those of the security reference."""

import contextlib
import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from geodata.importing import sandbox
from geodata.importing.context import ReaderLimits
from geodata.importing.results import ReadResult, UnreadableFileError, iter_batches
from geodata.importing.sandbox import read_upload
from tests.hostile.trial import listening

pytestmark = pytest.mark.usefixtures("own_reader")

CANARY = "canh-bao-7f3a9c"
EXTENSIONS = (".kml", ".geojson", ".csv", ".gpkg", ".shp", ".json", ".txt", "")
MIB = 1 << 20


def read(tmp_path: Path, data: bytes, suffix: str, **options: float) -> ReadResult:
    path = tmp_path / "stored"
    path.write_bytes(data)
    return read_upload(path, tmp_path / "work", original_name=f"tệp{suffix}", **options)  # type: ignore[arg-type]


def refusal(tmp_path: Path, data: bytes, suffix: str, **options: float) -> UnreadableFileError:
    with pytest.raises(UnreadableFileError) as caught:
        read(tmp_path, data, suffix, **options)
    assert caught.value.vi
    return caught.value


def zipped(tmp_path: Path, name: str, data: bytes) -> bytes:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, data)
    return path.read_bytes()


def traces_of(canary: str, folder: Path) -> list[str]:
    files = [item for item in folder.rglob("*") if item.is_file()]
    return [item.name for item in files if canary.encode() in item.read_bytes()]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text(f"a,b\n{CANARY},1\n", encoding="ascii")
    return path


def disguised_vrt(source: str) -> bytes:
    layer = f'<OGRVRTLayer name="secret"><SrcDataSource>{source}</SrcDataSource></OGRVRTLayer>'
    return f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>".encode()


@pytest.mark.parametrize("is_zipped", [False, True], ids=["plain", "zipped"])
@pytest.mark.parametrize("suffix", EXTENSIONS)
def test_r1_vrt_disguised_by_its_suffix_reads_no_other_file(
    tmp_path: Path, secret: Path, suffix: str, is_zipped: bool
) -> None:
    data = disguised_vrt(f"CSV:{secret}")
    if is_zipped:
        data, suffix = zipped(tmp_path, f"x{suffix}", data), ".zip"
    error = refusal(tmp_path, data, suffix)
    assert error.code in ("UPLOAD_FORMAT", "NO_LAYER" if is_zipped else "UPLOAD_FORMAT")
    assert not traces_of(CANARY, tmp_path / "work")


@pytest.mark.parametrize("suffix", EXTENSIONS)
def test_r2_gdal_pipeline_disguised_by_its_suffix_reads_no_other_file(
    tmp_path: Path, secret: Path, suffix: str
) -> None:
    command = f"gdal vector pipeline ! read {secret} ! write stream.gdalg.json"
    data = json.dumps({"type": "gdal_streamed_alg", "command_line": command}).encode()
    assert refusal(tmp_path, data, suffix).code == "UPLOAD_FORMAT"
    assert not traces_of(CANARY, tmp_path / "work")


@pytest.mark.parametrize("suffix", EXTENSIONS)
def test_r3_vrt_with_an_address_makes_no_connection(tmp_path: Path, suffix: str) -> None:
    with listening() as (origin, calls):
        data = disguised_vrt(f"/vsicurl/{origin}/x.csv")
        assert refusal(tmp_path, data, suffix).code == "UPLOAD_FORMAT"
    assert calls == []


@pytest.mark.parametrize("kind", ["link", "URL", "name"])
def test_r4_geojson_crs_link_makes_no_connection(tmp_path: Path, kind: str) -> None:
    with listening() as (origin, calls):
        address = f"{origin}/"
        crs = {"type": kind, "properties": {"href": address, "url": address, "name": address}}
        data = json.dumps({"type": "FeatureCollection", "crs": crs, "features": []}).encode()
        assert refusal(tmp_path, data, ".geojson").code == "GEOJSON_CRS_LINK"
    assert calls == []


def geopackage(path: Path, *statements: str) -> bytes:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(
            """
            CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT, srs_id INTEGER PRIMARY KEY, organization TEXT,
                organization_coordsys_id INTEGER, definition TEXT, description TEXT);
            CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT, srs_id INTEGER);
            CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, geometry_type_name TEXT,
                srs_id INTEGER, z INTEGER, m INTEGER);
            INSERT INTO gpkg_contents VALUES ('v', 'features', 4326);
            INSERT INTO gpkg_geometry_columns VALUES ('v', 'geom', 'POINT', 4326, 0, 0);
            """
            + ";".join(statements)
        )
        database.commit()
    return path.read_bytes()


ENDLESS = "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, NULL geom FROM n"


def test_r5_geopackage_with_an_endless_view_is_refused_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    assert refusal(tmp_path, geopackage(tmp_path / "v.gpkg", ENDLESS), ".gpkg").code == "GPKG_VIEW"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE v (geom BLOB)", "CREATE TRIGGER t AFTER INSERT ON v BEGIN SELECT 1; END"),
        ("CREATE VIRTUAL TABLE v USING fts5(geom)",),
        ("CREATE TABLE v (geom BLOB, x INTEGER GENERATED ALWAYS AS (length(zeroblob(1000000000))))",),
        (
            "CREATE TABLE w (geom BLOB)",
            "PRAGMA writable_schema=ON",
            "UPDATE sqlite_master SET sql='CREATE /**/ VIRTUAL TABLE w USING dbstat' WHERE name='w'",
        ),
    ],
    ids=["trigger", "virtual", "generated", "hidden virtual"],
)
def test_r5_other_code_inside_a_geopackage_is_refused(tmp_path: Path, statements: tuple[str, ...]) -> None:
    assert refusal(tmp_path, geopackage(tmp_path / "v.gpkg", *statements), ".gpkg").code in (
        "GPKG_VIEW",
        "GPKG_BROKEN",
    )


def test_r6_kml_with_an_external_entity_is_refused(tmp_path: Path, secret: Path) -> None:
    kml = f'<!DOCTYPE kml [<!ENTITY x SYSTEM "file://{secret}">]><kml><Placemark><name>&x;</name></Placemark></kml>'
    assert refusal(tmp_path, kml.encode(), ".kml").code == "XML_DOCTYPE"
    assert not traces_of(CANARY, tmp_path / "work")


@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_r6_kml_with_an_entity_bomb_is_refused(tmp_path: Path, codec: str) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))
    kml = f'<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY e0 "x">{entities}]><kml><name>&e8;</name></kml>'
    assert refusal(tmp_path, kml.encode(codec), ".kml").code == "XML_DOCTYPE"


def test_r7_kml_links_make_no_connection(tmp_path: Path) -> None:
    with listening() as (origin, calls):
        address = f"{origin}/x.kml"
        kml = (
            f"<kml><Document><NetworkLink><Link><href>{address}</href></Link></NetworkLink><Placemark>"
            f"<styleUrl>{address}#s</styleUrl><Point><coordinates>105,21</coordinates></Point></Placemark></Document></kml>"
        )
        result = read(tmp_path, kml.encode(), ".kml")
    assert calls == []
    assert result.row_count == 1
    assert "KML_LINK" in [warning.code for warning in result.warnings]


def test_r17_zip_bomb_is_refused_quickly_and_without_filling_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(2):
            with archive.open(f"{number}.shp", "w") as member:
                for _ in range(100):
                    member.write(bytes(MIB))
    started = time.monotonic()
    assert refusal(tmp_path, path.read_bytes(), ".zip").code == "ZIP_BOMB"
    assert time.monotonic() - started < 5
    assert sum(item.stat().st_size for item in (tmp_path / "work").rglob("*")) < MIB


def test_no_way_leads_to_gdal_in_the_child_and_its_network_is_empty() -> None:
    assert sandbox.check() in ("no-network", "limits-only")


def test_check_raises_when_gdal_can_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    python = "from geodata.importing import gdal_mode, reader; gdal_mode.HIDDEN.clear(); reader.main('--self-test')"
    monkeypatch.setattr(sandbox, "_command", lambda: [sys.executable, "-c", python])
    with pytest.raises(sandbox.SandboxError, match="GDAL: pyogrio"):
        sandbox.check()


def test_check_raises_when_more_drivers_are_live_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    python = (
        "import sys; from geodata.importing import gdal_mode, reader; gdal_mode.all_drivers = lambda: ['GML'];"
        "reader.main('--self-test')"
    )
    monkeypatch.setattr(sandbox, "_command", lambda: [sys.executable, "-c", python])
    with pytest.raises(sandbox.SandboxError, match="more drivers than allowed"):
        sandbox.check()


def test_the_reader_works_where_namespaces_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "sandbox_mode", lambda: "limits-only")
    result = read(tmp_path, b"lon,lat\n105,21\n", ".csv")
    assert (result.row_count, result.sandbox) == (1, "limits-only")


def test_secrets_of_the_parent_do_not_reach_the_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", CANARY)
    environment = sandbox._environment(tmp_path)
    assert CANARY not in environment.values()
    assert set(environment) & {"DATABASE_URL", "BANDOSO_SECRET"} == set()


def slow_geojson() -> bytes:
    feature = b'{"type":"Feature","properties":{"a":"b"},"geometry":{"type":"Point","coordinates":[105,21]}}'
    return b'{"type":"FeatureCollection","features":[' + b",".join([feature] * 300_000) + b"]}"


def test_the_wall_clock_ends_the_reader(tmp_path: Path) -> None:
    started = time.monotonic()
    assert refusal(tmp_path, slow_geojson(), ".geojson", timeout_s=0.7).code == "TIMEOUT"
    assert time.monotonic() - started < 5
    assert not (tmp_path / "work" / sandbox.MEMBERS_FOLDER).exists()


@pytest.mark.parametrize(("code", "expected"), [
    ("time.sleep(60)", "TIMEOUT"),
    ("[(open('rows.arrow', 'ab').write(b'.'), time.sleep(0.2)) for _ in range(15)]", "READER_DIED"),
])  # fmt: skip
def test_a_reader_that_writes_nothing_is_ended_long_before_its_time_and_one_that_goes_on_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, expected: str
) -> None:
    monkeypatch.setattr(sandbox, "STALL_S", 1.5)
    monkeypatch.setattr(sandbox, "_command", lambda: [sys.executable, "-c", f"import time; {code}"])
    started = time.monotonic()
    assert refusal(tmp_path, b"lon,lat\n105,21\n", ".csv").code == expected
    assert time.monotonic() - started < 20


def test_a_reader_out_of_memory_is_a_refusal(tmp_path: Path) -> None:
    limits = ReaderLimits(memory_bytes=450 * MIB)
    error = refusal(tmp_path, b"lon,lat\n" + b'1,"' + b"x" * 15 * MIB + b'"\n' * 2, ".csv", limits=limits)  # type: ignore[arg-type]
    assert error.code in ("READER_MEMORY", "READER_DIED")


def test_a_reader_that_dies_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killer = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    monkeypatch.setattr(sandbox, "_command", lambda: killer)
    error = refusal(tmp_path, b"lon,lat\n105,21\n", ".csv")
    assert (error.code, error.detail) == ("READER_DIED", {"exit_code": -9})


def test_processes_the_reader_started_die_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); open('pid', 'w').write(str(child.pid))"
    monkeypatch.setattr(sandbox, "_command", lambda: [sys.executable, "-c", code + "; child.wait()"])
    assert refusal(tmp_path, b"lon,lat\n105,21\n", ".csv", timeout_s=1).code == "TIMEOUT"
    process = int((tmp_path / "work" / "pid").read_text(encoding="ascii"))
    for _ in range(50):
        if is_gone(process):
            return
        time.sleep(0.05)
    pytest.fail("the reader's child is still running")


def is_gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


@contextlib.contextmanager
def working(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker of its own that reads a file for some seconds."""
    path = tmp_path / "big.geojson"
    path.write_bytes(slow_geojson())
    code = (
        "import sys; from pathlib import Path; from geodata.importing.sandbox import read_upload; "
        "read_upload(Path(sys.argv[1]), Path(sys.argv[2]), original_name='a.geojson')"
    )
    root = Path(sandbox.__file__).resolve().parents[2]
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(tmp_path / "work")],
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def reader_of(worker: int, *, is_limited: bool) -> int:
    """Wait for the worker's reader; give its pid as soon as it exists, or once it is past its first steps."""
    for _ in range(6000):
        for child in Path(f"/proc/{worker}/task/{worker}/children").read_text(encoding="ascii").split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                command = Path(f"/proc/{child}/cmdline").read_bytes()
                limits = Path(f"/proc/{child}/limits").read_text(encoding="ascii")
                files = next(line for line in limits.splitlines() if line.startswith("Max open files"))
                if b"geodata.importing.child" in command and (files.split()[3] == "128" or not is_limited):
                    return int(child)
        time.sleep(0.002)
    pytest.fail("the reader did not start")


def wait_until_gone(process: int) -> None:
    for _ in range(200):
        if is_gone(process):
            return
        time.sleep(0.05)
    os.kill(process, signal.SIGKILL)
    pytest.fail("the reader outlived its worker")


def test_a_killed_worker_takes_its_reader_along(tmp_path: Path) -> None:
    with working(tmp_path) as worker:
        reader = reader_of(worker.pid, is_limited=True)
        # Stopped, the reader cannot come to its end by itself.
        os.kill(reader, signal.SIGSTOP)
        worker.kill()
        worker.wait()
        wait_until_gone(reader)
    assert not (tmp_path / "work" / sandbox.END_FILE).exists()


def test_a_reader_whose_worker_was_killed_before_its_first_step_reads_nothing(tmp_path: Path) -> None:
    with working(tmp_path) as worker:
        reader = reader_of(worker.pid, is_limited=False)
        os.kill(reader, signal.SIGSTOP)
        worker.kill()
        worker.wait()
        with contextlib.suppress(ProcessLookupError):
            os.kill(reader, signal.SIGCONT)
        wait_until_gone(reader)
    assert not (tmp_path / "work" / sandbox.ROWS_FILE).exists()


def test_a_module_in_the_work_folder_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "numpy.py").write_text("raise SystemExit(1)", encoding="ascii")
    assert read(tmp_path, b"lon,lat\n105,21\n", ".csv").row_count == 1


@pytest.mark.parametrize("name", ["../../x.csv", "/etc/passwd.csv", "a\0b.csv", "x" * 5000 + ".csv", ".csv", ""])
def test_the_original_name_is_only_data(tmp_path: Path, name: str) -> None:
    path = tmp_path / "stored"
    path.write_bytes(b"lon,lat\n105,21\n")
    result = read_upload(path, tmp_path / "work", original_name=name)
    assert result.row_count == 1
    assert sorted(item.name for item in tmp_path.iterdir()) == ["stored", "work"]


def test_files_too_large_or_empty_are_refused_before_a_process_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_command", lambda: ["false"])
    limits = ReaderLimits(max_packed_bytes=3)
    assert refusal(tmp_path, b"1234", ".csv", limits=limits).code == "FILE_TOO_LARGE"  # type: ignore[arg-type]
    assert refusal(tmp_path, b"", ".csv").code == "FILE_EMPTY"


def test_r8_deep_nesting_ends_in_a_refusal_or_a_row_and_not_in_a_crash(tmp_path: Path) -> None:
    depth = 100_000
    collection = '{"type":"GeometryCollection","geometries":[' * depth + "]}" * depth
    assert refusal(tmp_path, collection.encode(), ".geojson").code == "TOO_DEEP"
    wkt = "GEOMETRYCOLLECTION(" * 5_000 + "POINT(1 2)" + ")" * 5_000
    assert read(tmp_path, f'id,wkt\n1,"{wkt}"\n2,"POINT(1 2)"\n'.encode(), ".csv").row_count == 2
    head = struct.pack("<BII", 1, 7, 1)
    table = "CREATE TABLE v (geom BLOB)"
    blob = (b"GP\0\x01" + bytes(4) + head * depth).hex()
    data = geopackage(tmp_path / "v.gpkg", table, f"INSERT INTO v VALUES (x'{blob}')")
    result = read(tmp_path, data, ".gpkg")
    assert [batch.column("_problem").to_pylist() for batch in iter_batches(result)] == [["GEOM_COLLECTION"]]
    kml = "<kml><Placemark>" + "<MultiGeometry>" * depth
    assert refusal(tmp_path, kml.encode(), ".kml").code == "TOO_DEEP"
    folders = "<kml>" + "<Folder>" * 20_000 + "</Folder>" * 20_000 + "</kml>"
    assert refusal(tmp_path, folders.encode(), ".kml").code == "TOO_DEEP"
