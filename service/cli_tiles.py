"""The commands about archives of tiles."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from service.archives import ArchiveFolder, area_name
from service.console import grouped
from service.settings import ServiceSettings

if TYPE_CHECKING:
    from service.packing import Packed

tiles_app = typer.Typer(no_args_is_help=True, help="Tệp lưu trữ ô bản đồ / archives of tiles.")

out, err = Console(), Console(stderr=True)

NOT_COMPARED = 3
_LINE_EVERY_S = 5.0
_CORES = len(os.sched_getaffinity(0))


@tiles_app.command("pack")
def pack_tiles(
    province: Annotated[
        str | None, typer.Option("--province", "-p", help="Mã tỉnh; không có: cả nước / province code; all without it")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Số ô làm cùng lúc / tiles made at once")] = _CORES,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Chỉ giữ chừng này tệp mới nhất / keep only so many of the latest archives"),
    ] = None,
) -> None:
    """Đóng gói mọi ô bản đồ đang công bố vào một tệp PMTiles / pack all published tiles into a PMTiles archive.

    Dừng giữa chừng thì chạy lại để làm tiếp. / Stopped half-way, it goes on when it is run again.
    """
    from service.packing import pack  # noqa: PLC0415  the other commands do without the application

    async def work() -> "Packed":
        task = asyncio.current_task()
        assert task is not None
        # The system stops it as a person does.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await pack(settings, province, jobs, bar.tell)

    settings = ServiceSettings()
    started = time.monotonic()
    with _Bar() as bar:
        try:
            packed = asyncio.run(work())
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise typer.Exit(_stopped()) from None
    _tell(packed, time.monotonic() - started)
    if keep is not None:
        for gone in ArchiveFolder(settings.archive_dir).keep_latest(area_name(province), keep):
            out.print(f"đã xóa / removed {gone.name}", highlight=False, soft_wrap=True)


def _stopped() -> int:
    err.print("Đã dừng. Chạy lại lệnh này để làm tiếp. / Stopped. Run the command again to go on.", soft_wrap=True)
    return 130


def _tell(packed: "Packed", seconds: float) -> None:
    archive = packed.archive
    rate = (archive.tile_count - packed.resumed) / seconds if packed.is_new else 0
    if packed.discarded:
        out.print("dữ liệu đã đổi nên làm lại từ đầu / the data has changed: began anew", soft_wrap=True)
    if packed.resumed:
        out.print(f"làm tiếp từ / went on from {grouped(packed.resumed)} ô/tiles", highlight=False, soft_wrap=True)
    if not packed.is_new:
        out.print("trạng thái này đã được đóng gói / this state is packed already", soft_wrap=True)
    out.print(str(packed.path), highlight=False, markup=False, soft_wrap=True)
    out.print(
        f"{grouped(archive.tile_count)} ô/tiles, {grouped(archive.size_bytes)} byte, {grouped(round(rate))} ô/giây (tiles/s), "
        f"{seconds:.1f} s",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


@tiles_app.command("verify")
def verify_archive(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Tệp / file")],
    count: Annotated[int, typer.Option("--tiles", min=0, help="Số ô so với cơ sở dữ liệu / tiles compared")] = 2000,
    seed: int = 2026,
) -> None:
    """Đọc kiểm tra một tệp lưu trữ và so với cơ sở dữ liệu / read an archive whole and compare it with the database.

    Mã kết thúc 0: giống hệt; 1: hỏng, khác hoặc không kiểm tra được; 3: tệp nguyên vẹn, cơ sở dữ liệu nay đã khác nên không so được. /
    Exit code 0: equal; 1: damaged, different, or not to be told; 3: whole, and not compared since the database holds another state.
    """
    from service.packing import verify  # noqa: PLC0415  as above

    found = asyncio.run(verify(ServiceSettings(), file, count, seed, _CORES))
    out.print(
        f"{grouped(found.tile_count)} ô/tiles: tệp nguyên vẹn / the file is whole", highlight=False, soft_wrap=True
    )
    if found.compared_count is None:
        out.print("cơ sở dữ liệu nay đã khác / the database holds another state by now", soft_wrap=True)
        raise typer.Exit(NOT_COMPARED)
    out.print(f"{grouped(found.compared_count)} ô/tiles giống hệt / equal", highlight=False, soft_wrap=True)


class _Bar:
    """How far packing is: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=err, disable=not err.is_terminal, transient=True)
        self._task: TaskID | None = None
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, done: int, total: int) -> None:
        """Show at how many places was looked, of how many; most tiles of the deepest zooms turn out empty."""
        words = f"đã xét / looked at {grouped(done)}/{grouped(total)} vị trí / places"
        if self._task is None:
            self._task = self._bar.add_task(words)
        self._bar.update(self._task, completed=done, total=total, description=words)
        if not err.is_terminal and time.monotonic() - self._said > _LINE_EVERY_S:
            self._said = time.monotonic()
            err.print(words, highlight=False, soft_wrap=True)
