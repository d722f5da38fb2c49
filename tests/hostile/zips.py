"""Write zip files field by field, so that any field can lie. Layout: PKWARE APPNOTE 6.3.10."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

STORED, DEFLATED = 0, 8


@dataclass(frozen=True)
class Part:
    """One member; what is None is told truly."""

    name: str | bytes
    data: bytes = b""
    method: int = STORED
    flags: int = 0
    mode: int = 0
    packed: bytes | None = None
    declared_packed: int | None = None
    declared_size: int | None = None
    crc: int | None = None
    offset: int | None = None
    local_name: bytes | None = None
    extra: bytes = b""

    @property
    def raw_name(self) -> bytes:
        """Name as bytes."""
        return self.name.encode() if isinstance(self.name, str) else self.name


def deflated(data: bytes) -> bytes:
    """Compress without a head."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def write_zip(parts: Sequence[Part], *, count: int | None = None, comment: bytes = b"", shift: int = 0) -> bytes:
    """Write an archive; ``count`` and ``shift`` are the end record's lies."""
    body, directory = bytearray(), bytearray()
    for part in parts:
        packed = part.packed if part.packed is not None else deflated(part.data) if part.method else part.data
        offset = len(body) if part.offset is None else part.offset
        crc = zlib.crc32(part.data) if part.crc is None else part.crc
        size = len(part.data) if part.declared_size is None else part.declared_size
        packed_size = len(packed) if part.declared_packed is None else part.declared_packed
        local_name = part.raw_name if part.local_name is None else part.local_name
        known = (part.flags, part.method, 0, 0, crc, packed_size, size)
        if part.offset is None:
            body += struct.pack("<4s5H3I2H", b"PK\3\4", 20, *known, len(local_name), 0) + local_name + packed
        directory += struct.pack(
            "<4s6H3I5H2I",
            b"PK\1\2",
            0x031E,
            20,
            *known,
            len(part.raw_name),
            len(part.extra),
            0,
            0,
            0,
            part.mode << 16,
            offset,
        )
        directory += part.raw_name + part.extra
    told = len(parts) if count is None else count
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, told, told, len(directory), len(body) + shift, len(comment))
    return bytes(body + directory + end + comment)


def zip_of(**members: bytes | str) -> bytes:
    """Write an honest archive; ``__`` in a name stands for the dot."""
    return write_zip(
        [
            Part(name.replace("__", "."), data.encode() if isinstance(data, str) else data, DEFLATED)
            for name, data in members.items()
        ]
    )
