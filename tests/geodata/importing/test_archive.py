"""Zip files that must be refused, quickly and without leaving anything outside the target folder."""

import io
import stat
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from geodata.importing.archive import Member, unpack
from geodata.importing.context import ReaderLimits
from geodata.importing.results import UnreadableFileError

LIMITS = ReaderLimits()
MIB = 1 << 20


def make_zip(path: Path, members: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return path


def unpack_into(tmp_path: Path, archive: Path, limits: ReaderLimits = LIMITS) -> list[Member]:
    target = tmp_path / "members"
    target.mkdir()
    return unpack(archive, target, limits)


def refusal(tmp_path: Path, archive: Path, limits: ReaderLimits = LIMITS) -> UnreadableFileError:
    before = {item for item in tmp_path.rglob("*") if "members" not in item.parts}
    with pytest.raises(UnreadableFileError) as caught:
        unpack_into(tmp_path, archive, limits)
    assert {item for item in tmp_path.rglob("*") if "members" not in item.parts} == before
    assert caught.value.vi
    assert caught.value.en
    return caught.value


def patched(path: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def test_members_are_written_under_our_names_and_keep_theirs_as_data(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"Vùng trồng/Xã 1.2 mới.SHP": b"shp", "Vùng trồng/đọc.qml": b"<x/>"})
    shp, style = unpack_into(tmp_path, archive)
    assert (shp.folder, shp.stem, shp.suffix) == ("Vùng trồng", "Xã 1.2 mới", ".shp")
    assert shp.path is not None
    assert shp.path.name == "m000.shp"
    assert shp.path.read_bytes() == b"shp"
    assert style.path is None


def test_utf8_names_are_understood_without_the_flag(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"điểm.csv": b"x"})

    def clear_flags(data: bytearray) -> None:
        for signature, at in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
            start = data.find(signature) + at
            data[start : start + 2] = b"\0\0"

    assert unpack_into(tmp_path, patched(archive, clear_flags))[0].stem == "điểm"


def test_cp437_names_are_understood(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"ab.csv": b"x"})
    patched(archive, lambda data: data.__setitem__(slice(None), data.replace(b"ab.csv", b"\x82b.csv")))
    assert unpack_into(tmp_path, archive)[0].stem == "éb"


def test_macosx_folders_and_dotfiles_are_ignored(tmp_path: Path) -> None:
    names = {"__MACOSX/._a.shp": b"1", ".DS_Store": b"2", "a.csv": b"3"}
    assert [member.stem for member in unpack_into(tmp_path, make_zip(tmp_path / "a.zip", names))] == ["a"]


def test_stored_and_empty_members_are_read(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.csv": b"x" * 3 * MIB, "b.csv": b""}, method=zipfile.ZIP_STORED)
    first, second = unpack_into(tmp_path, archive)
    assert first.path is not None
    assert second.path is not None
    assert (first.path.stat().st_size, second.path.stat().st_size) == (3 * MIB, 0)


@pytest.mark.parametrize(
    "name",
    [
        "../x.shp",
        "a/../../x.shp",
        "/x.shp",
        "\\x.shp",
        "C:\\x.shp",
        "c:x.shp",
        "..\\x.shp",
        "a/" * 150 + "x.shp",
        "CON.shp",
        "folder/nul",
        "LPT1.dbf",
        "a\nb.shp",
        "a\x01.shp",
        "..",
        "__MACOSX/../../x",
        "../.hidden",
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, make_zip(tmp_path / "a.zip", {name: b"x"})).code == "ZIP_PATH"


def test_a_nul_in_a_name_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a@.shp": b"x"})
    patched(archive, lambda data: data.__setitem__(slice(None), data.replace(b"a@.shp", b"a\0.shp")))
    assert refusal(tmp_path, archive).code == "ZIP_PATH"


@pytest.mark.parametrize(
    "mode",
    [
        stat.S_IFLNK | 0o777,
        stat.S_IFCHR | 0o666,
        stat.S_IFBLK | 0o666,
        stat.S_IFIFO | 0o666,
        stat.S_IFREG | 0o4755,
    ],
)
def test_links_devices_and_setuid_are_refused(tmp_path: Path, mode: int) -> None:
    info = zipfile.ZipInfo("a.shp")
    info.external_attr = mode << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert refusal(tmp_path, tmp_path / "a.zip").code == "ZIP_SPECIAL"


@pytest.mark.parametrize("second", ["a.shp", "A.SHP"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_names_are_refused_whatever_their_case(tmp_path: Path, second: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.shp", "1")
        archive.writestr(second, "2")
    assert refusal(tmp_path, tmp_path / "a.zip").code == "ZIP_DUPLICATE"


@pytest.mark.parametrize("name", ["b.zip", "b.kmz", "b.csv.gz", "sub/b.7Z", "b.tar"])
def test_nested_archives_are_refused(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, make_zip(tmp_path / "a.zip", {name: b"x"})).code == "ZIP_NESTED"


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.shp": b"x"})
    patched(archive, lambda data: data.__setitem__(data.find(b"PK\1\2") + 8, 1))
    assert refusal(tmp_path, archive).code == "ZIP_ENCRYPTED"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_refused(tmp_path: Path, method: int) -> None:
    assert refusal(tmp_path, make_zip(tmp_path / "a.zip", {"a.shp": b"x"}, method=method)).code == "ZIP_METHOD"


def test_deflate64_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.shp": b"x"})
    patched(archive, lambda data: data.__setitem__(data.find(b"PK\1\2") + 10, 9))
    assert refusal(tmp_path, archive).code == "ZIP_METHOD"


def test_more_than_200_entries_are_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {f"{number}.csv": b"" for number in range(201)})
    assert refusal(tmp_path, archive).code == "ZIP_TOO_MANY_ENTRIES"


def test_a_million_empty_entries_are_refused_at_once_and_in_little_memory(tmp_path: Path) -> None:
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = entry * 1_000_000
    for declared in (0xFFFF, 5):
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, declared, declared, len(directory), 0, 0)
        path = tmp_path / f"{declared}.zip"
        path.write_bytes(directory + end)
        tracemalloc.start()
        started = time.monotonic()
        with pytest.raises(UnreadableFileError, match="ZIP_TOO_MANY_ENTRIES"):
            unpack(path, tmp_path, LIMITS)
        assert time.monotonic() - started < 2
        assert tracemalloc.get_traced_memory()[1] < 20 * MIB
        tracemalloc.stop()


def test_r17_zip_of_four_times_200_mib_of_zeros_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"".join(packer.compress(bytes(MIB)) for _ in range(200)) + packer.flush()
    path = tmp_path / "bomb.zip"
    path.write_bytes(hand_made([(f"{number}.shp", zeros, 200 * MIB) for number in range(4)]))
    started = time.monotonic()
    error = refusal(tmp_path, path)
    assert error.code == "ZIP_BOMB"
    assert time.monotonic() - started < 2
    assert not list((tmp_path / "members").iterdir())


def test_r17_declared_size_smaller_than_real_stops_while_unpacking(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"".join(packer.compress(bytes(MIB)) for _ in range(200)) + packer.flush()
    path = tmp_path / "liar.zip"
    path.write_bytes(hand_made([("a.shp", zeros, 1000)]))
    started = time.monotonic()
    assert refusal(tmp_path, path).code == "ZIP_BOMB"
    assert time.monotonic() - started < 2
    assert sum(item.stat().st_size for item in (tmp_path / "members").iterdir()) < 2 * MIB


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    inner = hand_made([("b.shp", b"y" * 100, 100)], method=0)
    inner_local, inner_entry = inner[:135], bytearray(inner[135:186])
    outer = hand_made([("a.shp", inner_local, len(inner_local))], method=0)
    inner_entry[42:46] = struct.pack("<L", 30 + len("a.shp"))
    directory = outer[30 + 5 + 135 : -22] + inner_entry
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(directory), 30 + 5 + 135, 0)
    path = tmp_path / "a.zip"
    path.write_bytes(outer[: 30 + 5 + 135] + directory + end)
    error = refusal(tmp_path, path)
    assert (error.code, error.detail) == ("ZIP_BOMB", {"overlap": True})


def test_too_much_unpacked_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.csv": bytes(range(256)) * 8192})
    limits = ReaderLimits(max_unpacked_bytes=MIB)
    assert refusal(tmp_path, archive, limits).code == "ZIP_BOMB"


def test_a_small_table_of_blanks_is_no_bomb(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.csv": b" " * 900_000})
    assert archive.stat().st_size * 200 < 900_000
    assert len(unpack_into(tmp_path, archive)) == 1


@pytest.mark.parametrize("data", [b"PK\3\4" + b"junk" * 100, b"not a zip", b""])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    assert refusal(tmp_path, path).code == "UPLOAD_FORMAT"


def test_damaged_contents_are_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.shp": b"some text that matters"}, method=zipfile.ZIP_STORED)
    patched(archive, lambda data: data.__setitem__(data.find(b"matters"), 0))
    assert refusal(tmp_path, archive).code == "ZIP_BROKEN"


def test_a_local_name_that_differs_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.shp": b"x"})
    patched(archive, lambda data: data.__setitem__(30, ord("b")))
    assert refusal(tmp_path, archive).code == "ZIP_BROKEN"


def test_every_truncation_is_refused_or_read(tmp_path: Path) -> None:
    whole = make_zip(tmp_path / "whole.zip", {"a.shp": b"abc" * 50, "a.dbf": b"def" * 50}).read_bytes()
    target = tmp_path / "members"
    target.mkdir()
    for size in range(len(whole)):
        path = tmp_path / "cut.zip"
        path.write_bytes(whole[:size])
        with pytest.raises(UnreadableFileError):
            unpack(path, target, LIMITS)


def hand_made(members: list[tuple[str, bytes, int]], *, method: int = 8) -> bytes:
    """Write a zip with whatever sizes are declared."""
    body, directory = io.BytesIO(), io.BytesIO()
    for name, packed, declared in members:
        raw = name.encode()
        offset = body.tell()
        sizes = (0, len(packed), declared, len(raw))
        body.write(struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, method, 0, 0, *sizes, 0) + raw + packed)
        fields = (20, 0, 20, 0, 0, method, 0, 0, *sizes, 0, 0, 0, 0, 0, offset)
        directory.write(struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", *fields) + raw)
    count, size = len(members), directory.tell()
    return (
        body.getvalue()
        + directory.getvalue()
        + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, body.tell(), 0)
    )
