"""Commands that erase records for good, and that tell what was erased."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from geodata.erasing import Erased, erase, list_erased
from geodata.register import Register
from geodata.registers import get_register
from service import setup
from service.archives import ArchiveFolder
from service.auth import audit
from service.auth.principal import UNITS
from service.bulk_files import FileFolder, sole_maker
from service.settings import ServiceSettings

out = Console()

_Pairs = dict[str, list[UUID]]


def erase_records(
    register: Annotated[str | None, typer.Argument(help="Lớp dữ liệu / register id")] = None,
    ids: Annotated[list[UUID] | None, typer.Argument(help="UUID của bản ghi / uuids of records")] = None,
    *,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--list", exists=True, dir_okay=False,
            help="Danh sách do “erased” in ra, để xóa lại sau khi phục hồi; bản ghi không có thì bỏ qua / a list that "
            "“erased” printed, to erase again after a restore; records that are not there are passed over",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Không hỏi lại / do not ask")] = False,
) -> None:  # fmt: skip
    """Xóa vĩnh viễn bản ghi cùng lịch sử, tệp dữ liệu mở và tệp ô bản đồ có chúng; không hoàn tác được.

    Erase records for good, with their history and the files and archives that hold them; it cannot be undone.
    """
    wanted: _Pairs = _read(listed) if listed is not None else {register or "": ids or []}
    known = {get_register(name): uuids for name, uuids in wanted.items() if uuids}
    if not known or (listed is not None and register is not None):
        raise typer.BadParameter("cần REGISTER UUID…, hoặc --list / give REGISTER UUID…, or --list")
    for one in known:
        if one.id in UNITS:
            raise typer.BadParameter(f"{one.id}: đơn vị không xóa được / units cannot be erased")
    count = sum(map(len, known.values()))
    question = f"Xóa vĩnh viễn {count} bản ghi? / Erase {count} records for good?"
    if not yes and not typer.confirm(question):
        raise typer.Abort
    settings = ServiceSettings()
    for one, uuids in known.items():
        with setup.owner(settings) as connection:
            done = erase(connection, one, uuids, "shell", only_known=listed is not None)
            audit.note(
                connection, "record.erase", actor="shell", target=one.id, revision=done.revision, records=len(uuids)
            )
        _tell(one, done, _remove_copies(settings, one))


def print_erased() -> None:
    """In những gì đã xóa vĩnh viễn, để xóa lại sau khi phục hồi / print what was erased, to erase it again after a restore."""
    with setup.owner(ServiceSettings()) as connection:
        for register, uuid in list_erased(connection):
            sys.stdout.write(f"{register} {uuid}\n")


def _read(listed: Path) -> _Pairs:
    found: _Pairs = {}
    for number, line in enumerate(listed.read_text(encoding="utf-8").splitlines(), 1):
        name, _, uuid = line.strip().partition(" ")
        try:
            found.setdefault(name, []).append(UUID(uuid))
        except ValueError:
            raise typer.BadParameter(f"dòng {number} không phải “lớp UUID” / line {number} is not “register uuid”") from None  # fmt: skip
    return found


def _remove_copies(settings: ServiceSettings, register: Register) -> int:
    """Remove the files that this machine keeps of the register's states; the worker makes those of the new one."""
    folder, archives = FileFolder(settings.files_dir), ArchiveFolder(settings.archive_dir)
    with sole_maker(folder, waits=True):
        versions = folder.all(register.id)
        for dated in versions:
            folder.remove(dated)
    packed = [archive for archive in archives.all() if register.id in archive.layers]
    for archive in packed:
        archives.remove(archive)
    return len(versions) + len(packed)


def _tell(register: Register, done: Erased, copies: int) -> None:
    said = f"đợt công bố / revision {done.revision}" if done.revision else "đã xóa từ trước / erased before"
    lines: Iterable[str] = (
        f"{register.id}: {said}",
        f"    bản ghi/records {done.live:,}, trạng thái cũ/past states {done.past:,}, tệp và bản lưu/files and archives {copies:,}",
        *(f"    tệp đã gửi còn chứa bản ghi / an upload still holds it: {upload}" for upload in done.uploads),
    )
    for line in lines:
        out.print(line, highlight=False, markup=False, soft_wrap=True)
