"""Archives whose members would lie elsewhere, be something else than files, or go by two names."""

import stat
import struct
from collections.abc import Iterator

from tests.hostile.cases import Bait, Case, csv, fixed, good_row
from tests.hostile.zips import DEFLATED, Part, write_zip, zip_of

FAMILY = "archive paths and links"
GOOD = csv(good_row()).encode()
_NAMES: dict[str, str] = {
    "out of the folder": "../thoat.csv",
    "out of the folder by way of another": "a/../../thoat.csv",
    "out of the folder, Windows": "..\\thoat.csv",
    "out of a folder that is there": "a/b/../../../../thoat.csv",
    "drive": "C:\\thoat.csv",
    "drive without a folder": "C:thoat.csv",
    "share": "\\\\127.0.0.1\\thoat.csv",
    "device CON": "CON.csv",
    "device AUX": "a/aux",
    "device COM1": "com1.shp",
    "device LPT9": "LPT9.dbf",
    "device NUL": "nul",
    "NUL inside": "a.csv\0.exe",
    "line feed inside": "a\nb.csv",
    "escape inside": "a\x1b[2Jb.csv",
    "400 letters": "x" * 400 + ".csv",
    "nothing": "",
}
_KINDS = {
    "symbolic link": stat.S_IFLNK | 0o777,
    "pipe": stat.S_IFIFO | 0o644,
    "socket": stat.S_IFSOCK | 0o644,
    "character device": stat.S_IFCHR | 0o644,
    "block device": stat.S_IFBLK | 0o644,
    "file that runs as its owner": stat.S_IFREG | stat.S_ISUID | 0o755,
    "file that runs as its group": stat.S_IFREG | stat.S_ISGID | 0o755,
}
_TWINS = {
    "one name twice": ("a.csv", "a.csv"),
    "one name in two cases": ("a.csv", "A.CSV"),
    "one name in two forms of Unicode": ("xã.csv", "xã.csv"),
    "one name with two slashes": ("b/a.csv", "b\\a.csv"),
}


def _link(bait: Bait) -> bytes:
    return write_zip([Part("a.csv", str(bait.secret).encode(), mode=stat.S_IFLNK | 0o777)])


def _hard_link(bait: Bait) -> bytes:
    """Say in the Unix extra field (0x000d) that a member with no bytes is another file."""
    path = str(bait.secret).encode()
    extra = struct.pack("<HH12x", 0x000D, 12 + len(path)) + path
    return write_zip([Part("a.csv", mode=stat.S_IFREG | 0o644, extra=extra)])


def _absolute(bait: Bait) -> bytes:
    return write_zip([Part(f"{bait.outside}/thoat.csv", GOOD)])


def _lies() -> Iterator[tuple[str, str, bytes]]:
    good = Part("a.csv", GOOD, DEFLATED)
    whole = write_zip([good])
    yield (
        "another name in front of the bytes",
        "refused ZIP_BROKEN",
        write_zip([Part("a.csv", GOOD, local_name=b"b.csv")]),
    )
    yield "wrong checksum", "refused ZIP_BROKEN", write_zip([Part("a.csv", GOOD, DEFLATED, crc=1)])
    yield "more members told than there are", "refused ZIP_BROKEN", write_zip([good], count=9)
    yield "fewer members told than there are", "refused ZIP_BROKEN", write_zip([good, Part("b.csv", GOOD)], count=1)
    yield "directory beyond the end", "refused ZIP_BROKEN", write_zip([good], shift=1 << 20)
    yield "member beyond the end", "refused ZIP_BROKEN", write_zip([Part("a.csv", GOOD, offset=1 << 30)])
    yield "cut in the middle", "refused UPLOAD_FORMAT", whole[: len(whole) // 2]
    yield "another end in the comment", "refused NO_LAYER", write_zip([good], comment=b"PK\5\6" + bytes(18))
    yield "locked", "refused ZIP_ENCRYPTED", write_zip([Part("a.csv", GOOD, DEFLATED, flags=1)])
    yield "directory named like a file", "refused NO_LAYER", write_zip([Part("a.shp/"), Part("a.shp/x.txt", b"x")])
    yield "names that are no UTF-8", "ok 1/1", write_zip([Part(b"x\xe3\xff.csv", GOOD, flags=0x800)])
    wide = struct.pack("<HH3Q", 1, 24, 1 << 62, 1 << 62, 1 << 62)
    huge = Part("a.csv", GOOD, declared_packed=0xFFFFFFFF, declared_size=0xFFFFFFFF, extra=wide)
    yield "member of 4 EiB", "refused ZIP_BOMB", write_zip([huge])
    yield (
        "only notes of an operating system",
        "refused NO_LAYER",
        zip_of(**{"__MACOSX/._a__csv": b"x", ".DS_Store": b"x"}),
    )


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, inside in _NAMES.items():
        expected = "refused ZIP_PATH"
        yield Case(
            FAMILY, f"name: {name}", ".zip", expected, fixed(write_zip([Part(inside, GOOD), Part("b.csv", GOOD)]))
        )
    yield Case(FAMILY, "name: absolute", ".zip", "refused ZIP_PATH", _absolute)
    for name, mode in _KINDS.items():
        yield Case(FAMILY, name, ".zip", "refused ZIP_SPECIAL", fixed(write_zip([Part("a.csv", GOOD, mode=mode)])))
    yield Case(FAMILY, "symbolic link to a secret", ".zip", "refused ZIP_SPECIAL", _link)
    yield Case(FAMILY, "hard link to a secret", ".zip", "refused CSV_NO_HEADER", _hard_link)
    for name, twins in _TWINS.items():
        yield Case(FAMILY, name, ".zip", "refused ZIP_DUPLICATE", fixed(write_zip([Part(one, GOOD) for one in twins])))
    for name, expected, data in _lies():
        yield Case(FAMILY, name, ".zip", expected, fixed(data))
