"""Commands about the revisions of a register."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from geodata.db import SYSTEM, Database
from geodata.past import list_revisions
from geodata.registers import get_register
from geodata.rollback import Undone, preview_rollback, roll_back
from service.jobs.rollbacks import note_rollback
from service.settings import ServiceSettings

out, err = Console(), Console(stderr=True)
STAGES = {
    "comparing": "So sánh từng bản ghi / comparing records",
    "checking": "Kiểm tra quy tắc / checking rules",
    "writing": "Ghi / writing",
    "refreshing": "Làm mới bản đồ / refreshing the map",
}

RegisterArgument = Annotated[str, typer.Argument(help="Lớp dữ liệu / register id")]


def show_revisions(
    register: RegisterArgument,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Số đợt / how many")] = 20,
) -> None:
    """In các đợt công bố của một lớp, mới nhất trước / print a register's revisions, the latest first."""
    with Database(ServiceSettings()) as database, database.read() as connection:
        found = list_revisions(connection, get_register(register), limit, None)
    table = Table("đợt / revision", "lúc / at", "+", "~", "-", box=None)
    for one in found:
        when = one.published_at.isoformat(sep=" ", timespec="seconds")
        table.add_row(str(one.number), when, f"{one.added:,}", f"{one.changed:,}", f"{one.removed:,}")
    out.print(table)


def undo_revision(
    register: RegisterArgument,
    number: Annotated[int, typer.Argument(min=1, help="Số đợt công bố / number of the revision")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Chỉ xem trước / only look")] = False,  # noqa: FBT002  a flag
) -> None:
    """Hoàn tác một đợt công bố bằng một đợt mới / undo a revision by a new one."""
    known = get_register(register)
    with Database(ServiceSettings()) as database, database.worker() as connection:
        if dry_run:
            _tell(preview_rollback(connection, known, number, SYSTEM, on_stage=_show_stage))
            return
        done = roll_back(connection, known, number, SYSTEM, on_stage=_show_stage)
        note_rollback(connection, known.id, done, actor="shell")
    _tell(done)
    said = f"đợt công bố / revision {done.revision}" if done.revision else "không có gì thay đổi / nothing changed"
    out.print(f"[bold]{said}[/bold]", highlight=False)


def _show_stage(stage: str) -> None:
    err.print(f"{STAGES[stage]} …", highlight=False)


def _tell(found: Undone) -> None:
    out.print(
        f"khôi phục/restored {found.restored:,}, bỏ/removed {found.removed:,}, thêm lại/reinserted {found.reinserted:,}, "
        f"giữ nguyên/left {found.conflict_count:,}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    for one in found.conflicts[:50]:
        out.print(
            f"    {one.label or one.uuid}: {', '.join(one.fields)}", highlight=False, markup=False, soft_wrap=True
        )
