"""Unpack zip files that nobody vouches for.

The central directory is parsed here and not by ``zipfile``, which builds an object for each of a million
entries before anyone can count them. Members are written under names made by us; their own are only data.
Layout: PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (end record).
"""

import stat
import struct
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from isal import isal_zlib

from geodata.importing.context import ReaderLimits
from geodata.importing.members import (
    Member,
    check_duplicates,
    check_name,
    check_nesting,
    is_ignored,
    part_name,
    placing,
    plain_place,
    special_file,
    too_many,
)
from geodata.importing.results import UnreadableFileError, unknown_format

_END, _END64, _LOCATOR64, _ENTRY, _LOCAL = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2", b"PK\3\4"
_END_BYTES, _LOCATOR_BYTES, _ENTRY_BYTES, _LOCAL_BYTES = 22, 20, 46, 30
_MAX_COMMENT = 0xFFFF
_SENTINEL = 0xFFFFFFFF
_MAX_DIRECTORY_BYTES = 1 << 20
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _STRONG, _UTF8 = 0x1, 0x40, 0x800
# A workbook has several parts a sheet, a geodatabase several files a layer.
_MANY = 10
# Below this even 1000:1 harms nobody, and small tables of blanks do compress that well.
_RATIO_FLOOR_BYTES = 1 << 20
_READ_BYTES, _WRITE_BYTES = 256 << 10, 1 << 20


class _Entry(NamedTuple):
    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int
    mode: int
    offset: int


def unpack(path: Path, target: Path, limits: ReaderLimits) -> list[Member]:
    """Check a whole zip, then write the members we read into ``target`` as ``m000.shp``, ``m001.dbf``, ….

    Parameters
    ----------
    path : Path
        The zip.
    target : Path
        Existing empty folder.

    Returns
    -------
    list of Member
        Every regular file but ``__MACOSX`` and dotfiles, in the archive's order.

    Raises
    ------
    UnreadableFileError, unknown_format
        ``UPLOAD_FORMAT``, ``ZIP_BROKEN``, ``ZIP_TOO_MANY_ENTRIES``, ``ZIP_PATH``, ``ZIP_SPECIAL``,
        ``ZIP_DUPLICATE``, ``ZIP_NESTED``, ``ZIP_ENCRYPTED``, ``ZIP_METHOD``, ``ZIP_BOMB``. Nothing is written
        before all names and declared sizes have passed.
    """
    with path.open("rb") as file:
        entries = list(_entries(file, limits))
        for entry in entries:
            check_name(entry.name)
            _check_kind(entry)
        files = [entry for entry in entries if not entry.name.endswith("/") and not is_ignored(entry.name)]
        check_duplicates([entry.name for entry in files])
        _check_contents(files)
        _check_sizes(files, limits)
        place = placing({entry.name for entry in files}, target)
        if len(entries) > limits.max_entries and place is plain_place:
            raise too_many(limits)
        starts = _data_starts(file, files)
        return [
            _write_member(file, entry, start, place(entry.name, target, number))
            for number, (entry, start) in enumerate(zip(files, starts, strict=True))
        ]


def _entries(file: BinaryIO, limits: ReaderLimits) -> Iterator[_Entry]:
    declared, size, offset = _find_directory(file)
    if declared > _MANY * limits.max_entries or size > _MAX_DIRECTORY_BYTES:
        raise too_many(limits)
    file.seek(offset)
    directory = file.read(size)
    position = count = 0
    while position < size:
        if len(directory) - position < _ENTRY_BYTES or directory[position : position + 4] != _ENTRY:
            raise _broken("central directory")
        count += 1
        if count > _MANY * limits.max_entries:
            raise too_many(limits)
        entry, position = _parse_entry(directory, position)
        yield entry
    if count != declared:
        raise _broken("entry count")


def _find_directory(file: BinaryIO) -> tuple[int, int, int]:
    """Find count, size and offset of the central directory."""
    file_size = file.seek(0, 2)
    tail_start = max(0, file_size - _END_BYTES - _MAX_COMMENT - _LOCATOR_BYTES)
    file.seek(tail_start)
    tail = file.read()
    found = tail.rfind(_END)
    if found < 0 or len(tail) - found < _END_BYTES:
        raise unknown_format(".zip")
    declared, size, offset = struct.unpack_from("<HII", tail, found + 10)
    locator = found - _LOCATOR_BYTES
    if locator >= 0 and tail[locator : locator + 4] == _LOCATOR64:
        declared, size, offset = _find_directory64(file, struct.unpack_from("<Q", tail, locator + 8)[0], file_size)
    if offset + size > tail_start + found:
        raise _broken("central directory offset")
    return declared, size, offset


def _find_directory64(file: BinaryIO, at: int, file_size: int) -> tuple[int, int, int]:
    if at + 56 > file_size:
        raise _broken("zip64 end record")
    file.seek(at)
    record = file.read(56)
    if record[:4] != _END64:
        raise _broken("zip64 end record")
    declared, size, offset = struct.unpack_from("<QQQ", record, 32)
    return declared, size, offset


def _parse_entry(directory: bytes, at: int) -> tuple[_Entry, int]:
    flags, method, crc, packed, unpacked, name_size, extra_size, comment_size, attributes, offset = struct.unpack_from(
        "<8xHH4xIIIHHH4xII", directory, at
    )
    name_end = at + _ENTRY_BYTES + name_size
    extra_end = name_end + extra_size
    end = extra_end + comment_size
    if end > len(directory):
        raise _broken("central directory")
    raw_name = directory[at + _ENTRY_BYTES : name_end]
    if _SENTINEL in (packed, unpacked, offset):
        unpacked, packed, offset = _zip64_sizes(directory[name_end:extra_end], [unpacked, packed, offset])
    name = _decode_name(raw_name, flags)
    return _Entry(name, raw_name, flags, method, crc, packed, unpacked, attributes >> 16, offset), end


def _zip64_sizes(extra: bytes, sizes: list[int]) -> list[int]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            wide = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            return [next(wide, _SENTINEL) if size == _SENTINEL else size for size in sizes]
        at += 4 + length
    return sizes


def _decode_name(raw: bytes, flags: int) -> str:
    # Windows and macOS write UTF-8 names without the flag often enough.
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = raw.decode("utf-8", "replace") if flags & _UTF8 else raw.decode("cp437")
    return unicodedata.normalize("NFC", name)


def _check_kind(entry: _Entry) -> None:
    kind = stat.S_IFMT(entry.mode)
    borrowed_rights = kind != stat.S_IFDIR and entry.mode & (stat.S_ISUID | stat.S_ISGID)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or borrowed_rights:
        raise special_file(entry.name)
    if entry.flags & (_ENCRYPTED | _STRONG):
        raise UnreadableFileError("ZIP_ENCRYPTED")


def _check_contents(files: list[_Entry]) -> None:
    for entry in files:
        check_nesting(entry.name)
        if entry.method not in (_STORED, _DEFLATED):
            raise UnreadableFileError("ZIP_METHOD", method=entry.method)


def _check_sizes(files: list[_Entry], limits: ReaderLimits) -> None:
    packed, unpacked = sum(entry.packed for entry in files), sum(entry.unpacked for entry in files)
    too_dense = unpacked > _RATIO_FLOOR_BYTES and unpacked > limits.max_ratio * max(packed, 1)
    if too_dense or unpacked > limits.max_unpacked_bytes:
        raise _bomb(packed=packed, unpacked=unpacked)


def _data_starts(file: BinaryIO, files: list[_Entry]) -> list[int]:
    """Find where each member's bytes begin; overlapping members are a bomb."""
    starts = []
    for entry in files:
        file.seek(entry.offset)
        header = file.read(_LOCAL_BYTES)
        if len(header) < _LOCAL_BYTES or header[:4] != _LOCAL:
            raise _broken("local header")
        name_size, extra_size = struct.unpack_from("<HH", header, 26)
        if file.read(name_size) != entry.raw_name:
            raise _broken("local name")
        starts.append(entry.offset + _LOCAL_BYTES + name_size + extra_size)
    spans = sorted((entry.offset, start + entry.packed) for entry, start in zip(files, starts, strict=True))
    if any(following < end for (_, end), (following, _) in pairwise(spans)):
        raise _bomb(overlap=True)
    return starts


def _write_member(file: BinaryIO, entry: _Entry, start: int, path: Path | None) -> Member:
    if path is not None:
        file.seek(start)
        with path.open("wb") as output:
            _inflate(file, entry, output)
    return Member(*part_name(entry.name), path)


def _inflate(file: BinaryIO, entry: _Entry, output: BinaryIO) -> None:
    inflater = None if entry.method == _STORED else isal_zlib.decompressobj(-isal_zlib.MAX_WBITS)
    crc = written = 0
    for piece in _pieces(file, entry.packed, inflater):
        written += len(piece)
        if written > entry.unpacked:
            raise _bomb(name=entry.name, declared=entry.unpacked)
        crc = isal_zlib.crc32(piece, crc)
        output.write(piece)
    if written != entry.unpacked or crc != entry.crc:
        raise _broken("contents", name=entry.name)


def _pieces(file: BinaryIO, packed: int, inflater: Any) -> Iterator[bytes]:
    while packed > 0:
        raw = file.read(min(_READ_BYTES, packed))
        if not raw:
            raise _broken("contents")
        packed -= len(raw)
        if inflater is None:
            yield raw
            continue
        try:
            while True:
                piece = inflater.decompress(raw, _WRITE_BYTES)
                yield piece
                raw = inflater.unconsumed_tail
                if not raw and len(piece) < _WRITE_BYTES:
                    break
        except isal_zlib.error as error:  # type: ignore[misc]  # the stub declares an instance
            raise _broken("contents") from error


def _bomb(**detail: Any) -> UnreadableFileError:
    return UnreadableFileError("ZIP_BOMB", **detail)


def _broken(what: str, **detail: Any) -> UnreadableFileError:
    return UnreadableFileError("ZIP_BROKEN", what=what, **detail)
