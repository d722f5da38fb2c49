"""A report as the shell shows it: what is in the file, what is wrong and what to do, in Vietnamese."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from geodata.importing.report_files import LEVELS, OUTCOMES

MESSAGES_SHOWN, CANDIDATES_SHOWN = 20, 3
_COLORS = {"error": "bold red", "warning": "yellow", "info": "dim"}
_OUTCOME_COLORS = {"ok": "bold green", "needs_choice": "bold yellow", "refused": "bold red"}


def exit_code(report: Mapping[str, Any]) -> int:
    """Return 0 when every row can be taken, 1 when rows are rejected or a choice is needed, 2 when none can be taken."""
    if report["outcome"] == "refused":
        return 2
    return int(report["outcome"] == "needs_choice" or report["rows"]["rejected"] > 0)


def print_summary(console: Console, report: Mapping[str, Any]) -> None:
    """Print a report for a person to read; what came from the file is text, never markup."""
    outcome, rows = report["outcome"], report["rows"]
    console.print(Text(OUTCOMES[outcome][0], style=_OUTCOME_COLORS[outcome]))
    console.print(
        f"đọc {rows['read']:,} / hợp lệ {rows['valid']:,} / đã sửa {rows['repaired']:,} / từ chối {rows['rejected']:,}",
        highlight=False,
    )
    _print_crs(console, report["crs"])
    if len(report["layers"]) > 1:
        names = ", ".join(f"“{layer['name']}”" for layer in report["layers"])
        console.print(Text(f"Các lớp trong tệp: {names}"), soft_wrap=True)
    if report["columns"]:
        console.print(_columns(report))
    for repair in report["repairs"]:
        state = "đã đồng ý" if repair["accepted"] else f"chưa đồng ý, thêm --accept {repair['code']}"
        console.print(Text(f"Sửa tự động {repair['code']} ({repair['count']:,}, {state}): {repair['vi']}"))
    _print_messages(console, report)


def _print_crs(console: Console, crs: Mapping[str, Any] | None) -> None:
    if crs is None:
        return
    certain = "chắc chắn" if crs["certain"] else "chưa chắc"
    console.print(Text(f"Hệ tọa độ: {crs['chosen'] or ''} {crs['name']} ({certain})"), soft_wrap=True)
    for candidate in crs["candidates"][:CANDIDATES_SHOWN]:
        inside = f"{candidate['inside']:.0%} nằm trong xã"
        console.print(Text(f"    {candidate['crs']} {candidate['name']}: {inside}"), soft_wrap=True)


def _columns(report: Mapping[str, Any]) -> Table:
    table = Table("Cột", "Trường", "Ví dụ", title="Các cột", title_justify="left", title_style="bold")
    for column in report["columns"]:
        field = column["field"] or "–"
        is_doubtful = column["field"] is not None and not column["certain"]
        told = f"{field}?" if is_doubtful else field
        table.add_row(Text(column["name"]), Text(told), Text("; ".join(column["samples"])))
    return table


def _print_messages(console: Console, report: Mapping[str, Any]) -> None:
    for said in report["messages"][:MESSAGES_SHOWN]:
        level = LEVELS[said["level"]][0].lower()
        where = f"dòng {said['row']} ({level}): " if said["row"] else f"({level}) "
        line = Text(f"[{said['code']}] ", style=_COLORS[said["level"]])
        line.append(f"{where}{said['vi']} {said['remedy']['vi']}", style="default")
        console.print(line, soft_wrap=True)
    more = sum(report["counts"].values()) - min(len(report["messages"]), MESSAGES_SHOWN)
    if more > 0:
        console.print(f"… và {more:,} thông báo nữa; xem --json", highlight=False)
