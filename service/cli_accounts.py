"""The commands about accounts and API keys."""

import getpass
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from service import setup
from service.auth import accounts, audit
from service.auth.principal import KEY_SCOPES, Role
from service.settings import ServiceSettings

user_app = typer.Typer(no_args_is_help=True, help="Tài khoản / accounts.")
key_app = typer.Typer(no_args_is_help=True, help="Khóa API / API keys.")

out = Console()

PasswordOption = Annotated[bool, typer.Option(help="Đọc mật khẩu từ stdin / read the password from stdin")]


@user_app.command("add")
def add_user(
    username: str,
    role: Annotated[str, typer.Option(help="commune_officer | provincial_officer | administrator")],
    name: Annotated[str, typer.Option(help="Tên hiển thị / display name")] = "",
    scope: Annotated[list[str], typer.Option(help="Mã xã hoặc mã tỉnh, nhiều lần / commune or province codes")] = [],  # noqa: B006  typer copies it
    password_stdin: PasswordOption = False,  # noqa: FBT002  a flag
) -> None:
    """Tạo tài khoản / make an account."""
    roles: tuple[Role, ...] = ("commune_officer", "provincial_officer", "administrator")
    if role not in roles:
        raise typer.BadParameter(", ".join(roles), param_hint="--role")
    password = _read_password(from_stdin=password_stdin)
    account = accounts.NewAccount(username, name or username, role, password, scope)
    with setup.owner(ServiceSettings()) as connection:
        accounts.require_units(connection, role, scope)
        accounts.add_account(connection, account)
        audit.note(connection, "account.add", actor="shell", target=username, role=role, scope=scope)
    out.print(f"{username}: {role}")


@user_app.command("list")
def list_users() -> None:
    """Liệt kê tài khoản / list the accounts."""
    with setup.owner(ServiceSettings()) as connection:
        found = accounts.list_accounts(connection)
    _print_table(("tài khoản / user", "tên / name", "vai trò / role", "phạm vi / scope", "bị khóa / disabled"), found)


@user_app.command("password")
def change_password(username: str, password_stdin: PasswordOption = False) -> None:  # noqa: FBT002  a flag
    """Đặt mật khẩu mới và đóng mọi phiên / set a new password and close every session."""
    password = _read_password(from_stdin=password_stdin)
    with setup.owner(ServiceSettings()) as connection:
        accounts.set_password(connection, username, password)
        audit.note(connection, "account.password", actor="shell", target=username)
    out.print(f"{username}: mật khẩu mới, mọi phiên đã đóng / new password, every session closed")


@user_app.command("disable")
def disable_user(username: str) -> None:
    """Khóa tài khoản cùng phiên và khóa API của nó / shut an account out, its sessions and keys included."""
    _set_disabled(username, is_disabled=True)


@user_app.command("enable")
def enable_user(username: str) -> None:
    """Mở lại tài khoản / let an account in again."""
    _set_disabled(username, is_disabled=False)


def _set_disabled(username: str, *, is_disabled: bool) -> None:
    with setup.owner(ServiceSettings()) as connection:
        accounts.set_disabled(connection, username, is_disabled=is_disabled)
        action = "account.disable" if is_disabled else "account.enable"
        audit.note(connection, action, actor="shell", target=username)
    out.print(f"{username}: {'đã khóa / disabled' if is_disabled else 'đã mở lại / enabled'}")


def _read_password(*, from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\n") if from_stdin else getpass.getpass("Mật khẩu / password: ")


@key_app.command("list")
def list_keys() -> None:
    """Liệt kê khóa API / list the API keys."""
    with setup.owner(ServiceSettings()) as connection:
        found = accounts.list_keys(connection)
    names = ("khóa API / prefix", "tài khoản / user", "tên / name", "quyền / scopes", "hết hạn / expires")
    _print_table((*names, "dùng lần cuối / last used", "thu hồi / revoked"), found)


@key_app.command("revoke")
def revoke_key(prefix: str) -> None:
    """Thu hồi khóa API theo phần trước dấu chấm / revoke a key by the part before its dot."""
    with setup.owner(ServiceSettings()) as connection:
        accounts.revoke_key(connection, prefix)
        audit.note(connection, "key.revoke", actor="shell", target=prefix)
    out.print(f"{prefix}: đã thu hồi / revoked")


def _print_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print lines of cells parted by tabs: nothing is cut, and other programs can read it."""
    for row in (names, *rows):
        sys.stdout.write("\t".join("" if value is None else " ".join(str(value).split()) for value in row) + "\n")


@key_app.command("add")
def add_key(
    username: str,
    name: Annotated[str, typer.Option(help="Dùng vào việc gì / what it is for")],
    scopes: Annotated[str, typer.Option(help="upload, edit (“upload edit”)")] = "upload",
    days: Annotated[int, typer.Option(min=1, max=365)] = 180,
) -> None:
    """Tạo khóa API; chỉ in một lần / make an API key, printed once."""
    if not scopes.split() or not KEY_SCOPES.issuperset(scopes.split()):
        raise typer.BadParameter(f"chọn trong / choose among: {', '.join(sorted(KEY_SCOPES))}", param_hint="--scopes")
    with setup.owner(ServiceSettings()) as connection:
        key = accounts.add_key(connection, username, name, scopes, days)
        audit.note(connection, "key.add", actor="shell", target=username, name=name, scopes=scopes)
    sys.stdout.write(key + "\n")
