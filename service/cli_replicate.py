"""The command that keeps a copy of an installation's public data."""

import time
from typing import Annotated

import typer
from rich.console import Console

from geodata.registers import discover, get_register
from service.replication.copy import Copy
from service.replication.feed import Feed
from service.replication.replicator import Replicator

PAUSE_S = 10.0
out, err = Console(), Console(stderr=True)


def replicate(
    address: Annotated[str, typer.Argument(metavar="URL", help="Địa chỉ của dịch vụ / address of the service")],
    to: Annotated[str, typer.Option(help="sqlite:copy.db | postgresql://…")],
    register: Annotated[list[str] | None, typer.Option("--register", "-r", help="Lớp dữ liệu / register id")] = None,
    unit: Annotated[str | None, typer.Option(help="Mã xã hay tỉnh / code of a commune or province")] = None,
    follow: Annotated[  # noqa: FBT002  a flag
        bool, typer.Option("--follow/--once", help="Tiếp tục theo dõi / go on following")
    ] = False,
    verify: Annotated[  # noqa: FBT002  a flag
        bool,
        typer.Option("--verify", help="So với bản chụp mới, từng byte / compare with a fresh snapshot byte by byte"),
    ] = False,
) -> None:
    """Giữ một bản sao dữ liệu công khai / keep a copy of the public data, up to date."""
    names = [get_register(name).id for name in register or discover()]
    copy = Copy(to, f"{address.rstrip('/')} {unit or ''} {','.join(names)}")
    replicator = Replicator(Feed(address, unit), copy, names, _show)
    try:
        while True:
            number = replicator.synchronise()
            out.print(f"đến giao dịch / up to transaction {number}: {copy.count():,}", highlight=False)
            if not follow:
                break
            time.sleep(PAUSE_S)
        different = list(replicator.differences()) if verify else []
    finally:
        copy.close()
    if different:
        out.print(f"khác / different: {', '.join(different)}", highlight=False)
        raise typer.Exit(2)
    if verify:
        out.print("giống từng byte / equal byte by byte", highlight=False)


def _show(what: str, done: int) -> None:
    if err.is_terminal:
        err.print(f"{what}: {done:,}", end="\r", highlight=False)
