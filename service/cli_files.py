"""The commands about files of open data."""

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from geodata.db import Database
from geodata.priority import give_way
from geodata.registers import discover, get_register
from service.bulk_files import FileFolder, size_of
from service.console import grouped
from service.settings import ServiceSettings

if TYPE_CHECKING:
    from geodata.exporting.datapackage import Written

files_app = typer.Typer(no_args_is_help=True, help="Tệp dữ liệu mở / files of open data.")

out = Console()

_MEGABYTE = 1_000_000
RegisterOption = Annotated[
    str | None, typer.Option("--register", "-r", help="Lớp dữ liệu; không có: mọi lớp / register id; all without it")
]


@files_app.command("build")
def build_files(
    *,
    register: RegisterOption = None,
    now: Annotated[
        bool, typer.Option("--now", help="Không chờ khoảng cách tối thiểu / without waiting for the least interval")
    ] = False,
) -> None:
    """Tạo tệp dữ liệu mở của các lớp đã đổi / make the open data files of registers that have changed.

    Dừng lúc nào cũng được: bản đang làm dở không ai thấy. / It may be stopped at any moment: nobody sees what is not whole.
    """
    from service.bulk_building import build  # noqa: PLC0415  the other commands do without the writers

    settings = ServiceSettings()
    chosen = [get_register(register)] if register else list(discover().values())
    give_way()
    with Database(settings, gives_way=True) as database:
        for one in chosen:
            started = time.monotonic()
            made = build(settings, database, one, _tell, only_due=not now)
            if made is None:
                out.print(f"{one.id}: không có gì mới / nothing new", highlight=False, soft_wrap=True)
                continue
            seconds = time.monotonic() - started
            count = grouped(made.areas[0].count)
            out.print(
                f"{one.id}: {made.name}, {count} bản ghi/records, {seconds:.1f} s", highlight=False, soft_wrap=True
            )


def _tell(area: str, file: "Written", seconds: float) -> None:
    out.print(
        f"  {area}/{file.name}  {file.size_bytes / _MEGABYTE:.1f} MB  {seconds:.1f} s", highlight=False, soft_wrap=True
    )


@files_app.command("list")
def list_files(register: RegisterOption = None) -> None:
    """In các bản tệp đang có, mới nhất trước / print the versions of files that are there, the latest first."""
    settings = ServiceSettings()
    folder = FileFolder(settings.files_dir)
    table = Table("lớp / register", "bản / version", "bản ghi / records", "MB", "tạo lúc / made at", box=None)
    for one in [get_register(register)] if register else discover().values():
        for dated in folder.all(one.id):
            size = size_of(folder.path(one.id, dated.name)) / _MEGABYTE
            made_at = dated.made_at.astimezone().isoformat(sep=" ", timespec="seconds")
            table.add_row(one.id, dated.name, grouped(dated.areas[0].count), f"{size:.1f}", made_at)
    out.print(table)


@files_app.command("remove")
def remove_files(
    register: Annotated[str, typer.Argument(help="Lớp dữ liệu / register id")],
    version: Annotated[
        str | None,
        typer.Argument(help="Bản; không có: mọi bản, trừ bản mới nhất / version; all but the latest without it"),
    ] = None,
) -> None:
    """Xóa các bản cũ, ví dụ khi một bản ghi không được còn ở đâu nữa / remove old versions, as when a record must be nowhere any more."""
    folder = FileFolder(ServiceSettings().files_dir)
    found = folder.all(get_register(register).id)
    for dated in found[1:] if version is None else [one for one in found if one.name == version]:
        folder.remove(dated)
        out.print(f"đã xóa / removed {dated.name}", highlight=False, soft_wrap=True)
