"""The commands about webhooks."""

import sys
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console

from service import setup
from service.auth import audit
from service.settings import ServiceSettings
from service.webhooks import hooks
from service.webhooks.keeper import send, trial_message
from service.webhooks.signing import secret_of

webhooks_app = typer.Typer(no_args_is_help=True, help="Báo tin khi dữ liệu đổi / webhooks.")

out = Console()

Name = Annotated[str, typer.Argument(help="Tên / name")]


@webhooks_app.command("add")
def add_webhook(
    name: Name,
    url: Annotated[str, typer.Argument(help="Địa chỉ https / https address")],
    register: Annotated[
        list[str],
        typer.Option("--register", "-r", help="Lớp dữ liệu, nhiều lần; không có: mọi lớp / register ids; all without"),
    ] = [],  # noqa: B006  typer copies it
    unit: Annotated[str | None, typer.Option(help="Mã xã hoặc mã tỉnh / commune or province code")] = None,
) -> None:
    """Thêm nơi nhận tin; khóa bí mật chỉ in một lần / add a receiver; its secret is printed once."""
    settings = ServiceSettings()
    with setup.owner(settings) as connection:
        hook = hooks.add_hook(connection, settings, name, url, register, unit)
        audit.note(connection, "webhook.add", actor="shell", target=name, registers=register, unit=unit)
    sys.stdout.write(secret_of(settings.signing_key, hook.id, hook.generation) + "\n")


@webhooks_app.command("list")
def list_webhooks() -> None:
    """Liệt kê nơi nhận tin / list the receivers."""
    with setup.owner(ServiceSettings()) as connection:
        found = hooks.list_hooks(connection)
    names = ("tên/name", "địa chỉ/address", "lớp/registers", "đơn vị/unit", "trạng thái/state", "còn lại/behind")
    rows = [
        (
            one.name, one.url, " ".join(one.registers) or "*", one.unit or "*", one.stopped or "on", one.behind,
            one.outcome, one.failures, one.failing_since, None if one.stopped else one.next_at,
        )
        for one in found
    ]  # fmt: skip
    more = ("lần cuối/latest", "hỏng/failures", "hỏng từ/failing since", "thử lại/next")
    for row in ((*names, *more), *rows):
        sys.stdout.write("\t".join("" if value is None else str(value) for value in row) + "\n")


@webhooks_app.command("pause")
def pause_webhook(name: Name) -> None:
    """Tạm dừng; tin chờ đến khi gửi tiếp / pause; news wait until it is resumed."""
    with setup.owner(ServiceSettings()) as connection:
        hooks.stop_hook(connection, name)
        audit.note(connection, "webhook.pause", actor="shell", target=name)
    out.print(f"{name}: đã tạm dừng / paused")


@webhooks_app.command("resume")
def resume_webhook(name: Name) -> None:
    """Gửi tiếp từ chỗ đã dừng / go on from where it was stopped."""
    with setup.owner(ServiceSettings()) as connection:
        hooks.resume_hook(connection, name)
        audit.note(connection, "webhook.resume", actor="shell", target=name)
    out.print(f"{name}: gửi tiếp / resumed")


@webhooks_app.command("rotate")
def rotate_secret(name: Name) -> None:
    """Đổi khóa bí mật; khóa cũ còn ký thêm 24 giờ / a new secret; the earlier one signs too for 24 hours."""
    settings = ServiceSettings()
    with setup.owner(settings) as connection:
        hook = hooks.renew_secret(connection, name)
        audit.note(connection, "webhook.rotate", actor="shell", target=name)
    sys.stdout.write(secret_of(settings.signing_key, hook.id, hook.generation) + "\n")


@webhooks_app.command("test")
def try_webhook(name: Name) -> None:
    """Gửi một tin thử ngay / send a message now that tells of nothing."""
    settings = ServiceSettings()
    with setup.owner(settings) as connection:
        hook = hooks.find_hook(connection, name)
    outcome = send(settings, hook, trial_message(), f"test_{uuid4()}")
    out.print(f"{name}: {outcome.told}")
    if not outcome.is_delivered:
        raise typer.Exit(1)


@webhooks_app.command("remove")
def remove_webhook(name: Name) -> None:
    """Bỏ nơi nhận tin / remove a receiver."""
    with setup.owner(ServiceSettings()) as connection:
        hooks.remove_hook(connection, name)
        audit.note(connection, "webhook.remove", actor="shell", target=name)
    out.print(f"{name}: đã bỏ / removed")
