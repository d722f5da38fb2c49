"""The command ``bandoso``, run as an operator runs it."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import text

from geodata.errors import ParameterError
from geodata.registers import discover
from service import setup
from service.supervisor_options import LOGIN_FILE
from tests.conftest import Server, create_migrated, settings_for
from tests.service.people import PLACE, SAMPLE_COMMUNE, address_csv
from tests.service.shell import Shell


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table with one good row and one without a usable code."""
    file = tmp_path / "địa chỉ.csv"
    file.write_bytes(address_csv("0790012345", "12"))
    return file


def test_the_registers_are_listed_with_what_is_private(shell: Shell) -> None:
    answer = shell.call("registers", DATABASE_URL="")
    assert answer.exit_code == 0
    assert all(register.id in answer.stdout for register in discover().values())
    kinds = dict(re.findall(r"^(\w+) \(([\w, ]+)\)", answer.stdout, re.MULTILINE))
    taking_both = {name for name, told in kinds.items() if told == "polygon, point"}
    assert (taking_both, kinds["addresses"]) == ({"growing_areas", "villages"}, "point")
    private = " ".join(answer.stdout.split()).partition("riêng tư/private: ")[2]
    assert private.startswith(
        "code_issued_on, code_source, full_address, notified_on, plate_attached_on, head_name, phone "
    )


def test_a_file_is_checked_without_a_database_and_nothing_is_written(shell: Shell, table: Path) -> None:
    answer = shell.call("validate", table, "-r", "addresses", "--commune", "00004", "--json", DATABASE_URL="")
    report = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert (report["rows"]["read"], report["rows"]["rejected"]) == (2, 1)
    assert report["counts"]["CODE_FORMAT"] == 1


def test_a_file_is_published_and_published_again_to_no_effect(shell: Shell, table: Path) -> None:
    before = shell.value("SELECT max(number) FROM ops.revision WHERE register = 'addresses'")
    first = shell.run("import", table, "-r", "addresses", "-c", SAMPLE_COMMUNE, "--note", "thử")
    again = shell.run("import", table, "-r", "addresses", "-c", SAMPLE_COMMUNE)
    assert (first.returncode, again.returncode) == (0, 0)
    assert f"revision {before + 1}" in first.stdout
    assert "[CODE_FORMAT] dòng" in first.stdout
    assert "nothing changed" in again.stdout
    assert shell.value("SELECT max(number) FROM ops.revision WHERE register = 'addresses'") == before + 1
    assert (
        shell.value("SELECT note FROM ops.revision WHERE number = :n AND register = 'addresses'", n=before + 1) == "thử"
    )


def test_a_file_with_nothing_to_publish_ends_with_two(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(address_csv("1", place=PLACE))
    answer = shell.run("import", file, "-r", "addresses")
    assert answer.returncode == 2
    assert "CODE_FORMAT" in answer.stdout


def test_an_unknown_register_is_said_in_both_languages(shell: Shell, table: Path) -> None:
    answer = shell.run("import", table, "-r", "nothing")
    assert answer.returncode == 1
    assert "Không có lớp dữ liệu “nothing”." in answer.stderr
    assert "There is no register “nothing”." in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_command_without_its_database_says_which_setting_is_missing(shell: Shell, table: Path) -> None:
    answer = shell.run("import", table, "-r", "addresses", DATABASE_URL="")
    assert answer.returncode == 1
    assert "DATABASE_URL" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("import", "missing.csv", "-r", "addresses"),
        ("import",),
        ("nothing",),
        ("user", "add", "x", "--role", "king", "--password-stdin"),
        ("key", "add", "x", "--name", "y", "--days", "0"),
        ("key", "add", "x", "--name", "y", "--scopes", "foo"),
        ("key", "add", "x", "--name", "y", "--scopes", ""),
    ],
)
def test_wrong_usage_ends_with_two(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.call(*words, given="x\n").exit_code == 2


def test_boundaries_of_something_else_than_units_are_refused(shell: Shell, table: Path) -> None:
    answer = shell.call("units", "load", table, "-r", "addresses")
    assert answer.exit_code == 2
    assert "communes, provinces" in answer.stderr


def test_a_coordinate_system_that_is_none_is_told_in_a_sentence(shell: Shell, table: Path, tmp_path: Path) -> None:
    for command in ("import", "validate"):
        answer = shell.run(command, table, "-r", "addresses", "--crs", "abc")
        assert (answer.returncode, "“abc” không có dạng EPSG:9209" in answer.stderr) == (1, True), answer.stderr
    target, words = tmp_path / "mau.csv", ("--within", table, "--count", "5")
    for crs in ("abc", "EPSG:99999999999999"):
        answer = shell.run("sample", "addresses", target, *words, "--crs", crs)
        assert (answer.returncode, "không có dạng EPSG:9209" in answer.stderr) == (1, True), answer.stderr


def test_communes_that_cannot_be_read_are_told_in_a_sentence(shell: Shell, tmp_path: Path) -> None:
    words = ("sample", "addresses", tmp_path / "mau.csv", "--count", "5", "--within")
    assert shell.call(*words, tmp_path / "x.txt").exit_code == 2
    for name, content in (("x.txt", b"not a map"), ("x.gz", b"not packed"), ("x.csv", b"a,b\n1,2\n"), ("y.gz", b"")):
        (tmp_path / name).write_bytes(content)
        answer = shell.run(*words, tmp_path / name)
        assert (answer.returncode, "Traceback" in answer.stderr) == (1, False), answer.stderr
        assert name in answer.stderr


@pytest.mark.parametrize(
    "words", [("setup",), ("user", "list"), ("sample", "load"), ("import", "T", "-r", "addresses"), ("worker",)]
)
def test_a_database_that_does_not_answer_is_told_in_a_sentence(
    shell: Shell, table: Path, words: tuple[str, ...]
) -> None:
    given = [table if word == "T" else word for word in words]
    answer = shell.run(*given, DATABASE_URL="postgresql://nobody:secret-word@127.0.0.1:1/none")
    assert answer.returncode == 1
    assert "Cơ sở dữ liệu không trả lời" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "secret-word" not in answer.stderr


@pytest.mark.parametrize(
    ("words", "name", "value", "allowed"),
    [
        (("user", "list"), "DATABASE_URL", "secret-word", "postgresql://"),
        (("user", "list"), "DATABASE_URL", "mysql://x:secret-word@y/z", "postgresql://"),
        (("setup",), "DATABASE_URL", "postgresql://x:secret-word@host:port/z", "postgresql://"),
        (("user", "list"), "BANDOSO_UPLOAD_MAX_MB", "secret-word", "một số nguyên"),
        (("worker",), "BANDOSO_READER_TIMEOUT_S", "secret-word", "một số"),
        (("setup",), "BANDOSO_PUBLICATION_POLICY", "secret-word", "code_point, lookup, aggregate"),
        (("up",), "BANDOSO_PORT", "secret-word", "từ 1 đến 65535"),
        (("up",), "BANDOSO_PORT", "65536", "từ 1 đến 65535"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_is_allowed(
    shell: Shell, words: tuple[str, ...], name: str, value: str, allowed: str
) -> None:
    answer = shell.run(*words, **{name: value})
    assert answer.returncode == 1
    assert f"{name} phải" in answer.stderr
    assert allowed in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "secret-word" not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    "words", [("user", "list"), ("setup",), ("sample", "load"), ("import", "T", "-r", "addresses")]
)
def test_a_database_without_tables_is_told_with_the_command_that_makes_them(
    shell: Shell, server: Server, worker_name: str, table: Path, words: tuple[str, ...]
) -> None:
    name = f"bare_{worker_name}"
    answer = shell.run(*(table if word == "T" else word for word in words), DATABASE_URL=server.create(name))
    server.drop(name)
    assert answer.returncode == 1
    assert "alembic upgrade head" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_layer_that_is_not_in_the_file_is_asked_about_with_those_there_are(shell: Shell, table: Path) -> None:
    answer = shell.run("validate", table, "-r", "addresses", "--layer", "nope")
    assert answer.returncode == 1
    assert "“địa chỉ”" in answer.stdout


def test_an_import_and_its_audit_are_written_together_or_not_at_all(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mot.csv"
    file.write_bytes(address_csv("0790054321"))
    latest = "SELECT max(number) FROM ops.revision WHERE register = 'addresses'"
    noted = "SELECT count(*) FROM ops.audit WHERE action = 'import.publish'"
    before, notes = shell.value(latest), shell.value(noted)
    with setup.owner(shell.settings) as connection:
        connection.execute(text("REVOKE INSERT ON ops.audit FROM bandoso_worker"))
    assert shell.call("import", file, "-r", "addresses", "-c", SAMPLE_COMMUNE).exit_code == 1
    assert (shell.value(latest), shell.value(noted)) == (before, notes)
    with setup.owner(shell.settings) as connection:
        connection.execute(text("GRANT INSERT ON ops.audit TO bandoso_worker"))
    assert shell.call("import", file, "-r", "addresses", "-c", SAMPLE_COMMUNE).exit_code == 0
    assert (shell.value(latest), shell.value(noted)) == (before + 1, notes + 1)


def test_boundaries_are_matched_by_code(shell: Shell, tmp_path: Path) -> None:
    ring = [[106.0, 20.0], [106.1, 20.0], [106.1, 20.1], [106.0, 20.0]]
    features = [
        {"type": "Feature", "properties": {"ma": code}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for code in ("00004", "99999")
    ]
    file = tmp_path / "ranh-gioi.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    answer = shell.run("units", "load", file, "-r", "communes", "--code-column", "ma")
    assert answer.returncode == 0, answer.stderr
    assert "matched 1" in answer.stdout
    assert "99999" in answer.stdout
    assert shell.value("SELECT count(*) FROM reg.communes WHERE code = '00004' AND geom IS NOT NULL") == 1


def test_setting_up_writes_the_chosen_policy(shell: Shell) -> None:
    answer = shell.run("setup", BANDOSO_PUBLICATION_POLICY="lookup")
    assert answer.returncode == 0, answer.stderr
    assert shell.value("SELECT policy FROM open.publication_policy") == "lookup"


def test_every_revision_that_the_system_publishes_has_one_line_in_the_audit(server: Server, worker_name: str) -> None:
    name = f"blank_{worker_name}"
    shell = Shell(settings_for(create_migrated(server, name)))
    noted = (
        "SELECT array_agg(concat_ws(' ', action, target, detail ->> 'revision') ORDER BY id) FROM ops.audit "
        "WHERE actor = 'system' AND action IN ('units.load', 'sample.load')"
    )
    made = "SELECT array_agg(register || ' ' || number ORDER BY 1) FROM ops.revision"
    for _ in range(2):
        assert shell.call("setup").exit_code == shell.call("sample", "load").exit_code == 0
        lines = shell.value(noted)
        assert lines[:3] == ["units.load provinces 1", "units.load communes 1", "units.load provinces 2"]
        assert {line.split()[0] for line in lines[3:]} == {"sample.load"}
        assert sorted(line.partition(" ")[2] for line in lines) == sorted(shell.value(made))
    server.drop(name)


def test_the_sample_is_not_loaded_twice_and_never_in_production(shell: Shell) -> None:
    count = "SELECT count(*) FROM ops.revision WHERE author = 'sample'"
    before = shell.value(count)
    assert shell.call("sample", "load").exit_code == 0
    assert shell.value(count) == before
    answer = shell.call("sample", "load", BANDOSO_ENV="production")
    assert answer.exit_code == 2
    assert "production" in answer.stderr


def test_the_login_of_the_sample_officer_is_for_the_operator_alone(shell: Shell) -> None:
    shell.call("sample", "load")
    file = shell.settings.var_dir / LOGIN_FILE
    name, password = file.read_text(encoding="utf-8").split()
    assert name == setup.SAMPLE_OFFICER
    assert len(password) >= 16
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_disabled_sample_officer_is_not_made_anew_and_one_without_its_login_is(shell: Shell) -> None:
    file = shell.settings.var_dir / LOGIN_FILE
    is_disabled = "SELECT is_disabled FROM ops.account WHERE username = 'canbo-mau'"
    shell.call("user", "disable", "canbo-mau")
    file.unlink(missing_ok=True)
    assert shell.call("sample", "load").exit_code == 0
    assert (shell.value(is_disabled), file.exists()) == (True, False)
    shell.call("user", "enable", "canbo-mau")
    assert shell.call("sample", "load").exit_code == 0
    assert (shell.value(is_disabled), file.exists()) == (False, True)
    scope = "SELECT string_agg(unit_code, ' ' ORDER BY unit_code) FROM ops.account_scope s JOIN ops.account a ON a.id = s.account_id WHERE username = 'canbo-mau'"
    assert shell.value(scope) == "99001 99002 99003"


@pytest.mark.parametrize(
    ("name", "start"), [("mau.csv", b'"ma_dia_chi"'), ("mau.geojson", b"{"), ("mau.gpkg", b"SQLite format 3")]
)
def test_the_ending_of_a_file_of_sample_addresses_says_its_form(
    shell: Shell, tmp_path: Path, name: str, start: bytes
) -> None:
    target = tmp_path / name
    answer = shell.run(
        "sample", "addresses", target, "--within", commune(tmp_path), "--count", "5", "--crs", "EPSG:4326"
    )
    assert answer.returncode == 0, answer.stderr
    assert target.read_bytes().startswith(start)


@pytest.mark.parametrize("form", ["shp", "gpkg", "geojson", "csv"])
def test_sample_addresses_without_a_target_are_written_here_and_told_where(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    within = commune(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = ("sample", "addresses", "--within", within, "--count", "5", "--as", form, "--crs", "EPSG:9209")
    answer = shell.call(*words)
    assert (answer.exit_code, answer.stdout.strip()) == (0, f"addresses.{form}")
    assert (tmp_path / f"addresses.{form}").is_file()


@pytest.mark.parametrize(
    ("name", "form", "why"),
    [
        ("x.zip", "shp", "đuôi tệp phải là .shp"),
        ("x.zip", "geojson", "đuôi tệp phải là .geojson"),
        ("x", "gpkg", "đuôi tệp phải là .gpkg"),
        ("none/x.shp", "shp", "không có thư mục"),
        ("none/x.csv", "csv", "không có thư mục"),
        ("folder.shp", "shp", "không ghi được"),
        ("folder.csv", "csv", "không ghi được"),
    ],
)
def test_a_target_that_cannot_be_written_is_told_in_a_sentence(
    shell: Shell, tmp_path: Path, name: str, form: str, why: str
) -> None:
    for folder in ("folder.shp", "folder.csv"):
        (tmp_path / folder).mkdir()
    words = ("sample", "addresses", tmp_path / name, "--within", commune(tmp_path), "--count", "5", "--as", form)
    answer = shell.call(*words)
    assert isinstance(answer.exception, ParameterError)
    assert why in answer.exception.vi


def commune(folder: Path) -> Path:
    """Write a file with the polygon of one commune."""
    file = folder / "xa.geojson"
    ring = [[106.0, 20.0], [106.1, 20.0], [106.1, 20.1], [106.0, 20.1], [106.0, 20.0]]
    feature = {
        "type": "Feature",
        "properties": {"code": "13285"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    return file
