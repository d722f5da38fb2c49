"""Check MapInfo and DXF files before GDAL sees them, and lay their parts side by side under names of ours."""

import mmap
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from geodata.importing.results import UnreadableFileError

_HEAD_BYTES = 64 << 10
_COPY_BYTES = 1 << 20
_NATIVE = re.compile(r"Definition\s+Table\s+Type\s+NATIVE\b", re.IGNORECASE)
# What would lead GDAL to other files: views, linked, seamless, raster and other indirect tables.
_INDIRECT = re.compile(r"\b(open\s+(table|window)|create\s+view|linked|odbc|raster|File)\b|seamless", re.IGNORECASE)
# Groups of a DXF: the next entity, columns and rows in which a block is set.
_INSERT, _ENTITY, _ARRAY, _MAX_DIGITS = b"INSERT", b"0", (b"70", b"71"), 9
_CHARSET = re.compile(rb'(^\s*!?charset\s+|Type\s+NATIVE\s+Charset\s+)("?)([\w-]+)\2', re.IGNORECASE | re.MULTILINE)
_CODECS = {"windowsvietnamese": "cp1258", "utf-8": "utf-8", "windowssimpchinese": "gbk"}
_NEEDED = {".tab": (".dat",), ".mif": ()}
_PARTS = {".tab": (".tab", ".dat", ".map", ".id"), ".mif": (".mif", ".mid")}


def lay_out(parts: Mapping[str, Path], main: str, folder: Path) -> tuple[Path, str | None]:
    """Put a MapInfo table's parts into a folder of their own, its text declared as of no encoding.

    Parameters
    ----------
    parts : mapping of str to Path
        By suffix.
    main : str
        ``.tab`` or ``.mif``.
    folder : Path
        Is made.

    Returns
    -------
    Path, str or None
        The file for GDAL, and the codec that the table says its text is in.

    Raises
    ------
    UnreadableFileError
        ``MAPINFO_PARTS``, or ``MAPINFO_INDIRECT`` where the table only points to other files.
    """
    with parts[main].open("rb") as file:
        head = file.read(_HEAD_BYTES)
    missing = [suffix for suffix in _NEEDED[main] if suffix not in parts]
    if main == ".tab" and (not _NATIVE.search(head.decode("latin-1")) or _INDIRECT.search(head.decode("latin-1"))):
        raise UnreadableFileError("MAPINFO_INDIRECT")
    if missing:
        raise parts_missing(sorted(parts), missing)
    folder.mkdir()
    for suffix in _PARTS[main]:
        if suffix in parts and suffix != main:
            (folder / f"l{suffix}").symlink_to(parts[suffix].resolve())
    target = folder / f"l{main}"
    with parts[main].open("rb") as source, target.open("wb") as out:
        source.seek(len(head))
        out.write(_CHARSET.sub(rb"\1\2Neutral\2", head))
        shutil.copyfileobj(source, out, _COPY_BYTES)
    found = _CHARSET.search(head)
    return target, _CODECS.get(found[3].decode("ascii").lower()) if found else None


def count_blocks(path: Path) -> int:
    """Count how often the blocks of a DXF are set: one entity may set a block in millions of rows and columns."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        count = at = 0
        while (at := content.find(_INSERT, at)) >= 0:
            content.seek(at)
            if content.readline().strip() == _INSERT:
                count += _count_array(content)
            at += len(_INSERT)
        return count


def _count_array(content: mmap.mmap) -> int:
    count = 1
    while (code := content.readline().strip()) not in (b"", _ENTITY):
        value = content.readline().strip()
        if code in _ARRAY and value.isdigit():
            count *= max(1, int(value[:_MAX_DIGITS]))
    return count


def parts_missing(present: list[str], missing: list[str]) -> UnreadableFileError:
    """Refuse parts of a MapInfo table without the others."""
    return UnreadableFileError("MAPINFO_PARTS", missing=missing, present=present)
