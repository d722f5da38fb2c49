"""The command ``bandoso``."""

import getpass
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from geodata.db import SYSTEM, Database
from geodata.errors import GeodataError
from geodata.importing.check import ImportRequest, NoSink, check_file
from geodata.importing.check import Progress as TellProgress
from geodata.importing.publish import import_file
from geodata.importing.report import Report
from geodata.importing.work_folder import work_folder
from geodata.register import Register
from geodata.registers import discover, get_register
from geodata.units import load as units_load
from geodata.units.index import UnitIndex, load_units, reference_units
from service import setup
from service.auth import accounts, audit
from service.auth.principal import Role
from service.settings import ServiceSettings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Bản đồ số: dịch vụ bản đồ cho xã và tỉnh.",
)
units_app = typer.Typer(no_args_is_help=True, help="Đơn vị hành chính / administrative units.")
user_app = typer.Typer(no_args_is_help=True, help="Tài khoản / accounts.")
key_app = typer.Typer(no_args_is_help=True, help="Khóa API / API keys.")
sample_app = typer.Typer(no_args_is_help=True, help="Dữ liệu mẫu / sample data.")
for name, group in (("units", units_app), ("user", user_app), ("key", key_app), ("sample", sample_app)):
    app.add_typer(group, name=name)

out = Console()
err = Console(stderr=True)

FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Tệp / file")]
RegisterOption = Annotated[str, typer.Option("--register", "-r", help="Lớp dữ liệu / register id")]
CommuneOption = Annotated[str | None, typer.Option("--commune", "-c", help="Mã xã / commune code")]
LayerOption = Annotated[str | None, typer.Option("--layer", help="Lớp trong tệp / layer of the file")]
CrsOption = Annotated[str | None, typer.Option("--crs", help="Hệ tọa độ, ví dụ EPSG:9209 / coordinate system")]
EncodingOption = Annotated[str | None, typer.Option("--encoding", help="Bảng mã / text encoding")]
PasswordOption = Annotated[bool, typer.Option(help="Đọc mật khẩu từ stdin / read the password from stdin")]
JsonOption = Annotated[bool, typer.Option("--json", help="In báo cáo dạng JSON / print the report as JSON")]


def main() -> None:
    """Run the command; errors of ours are said in both languages and end with 1."""
    try:
        app()
    except GeodataError as error:
        err.print(f"[bold]{error.vi}[/bold]\n{error.en}", highlight=False)
        sys.exit(1)


def _database() -> Database:
    return Database(ServiceSettings())


@app.command()
def up() -> None:
    """Chạy mọi thứ: cơ sở dữ liệu, dịch vụ, tiến trình nền / run everything under one supervisor."""
    from service.supervisor import run  # noqa: PLC0415  only this command supervises
    from service.supervisor_options import Options  # noqa: PLC0415

    raise typer.Exit(run(Options.from_environment(Path.cwd())))


@app.command()
def worker() -> None:
    """Chạy tiến trình nền xử lý tệp / run a worker."""
    from service.app import configure_logging  # noqa: PLC0415  the web part is not needed by other commands
    from service.jobs.worker import run_worker  # noqa: PLC0415

    configure_logging()
    run_worker(ServiceSettings())


@app.command("setup")
def set_up() -> None:
    """Ghi cấu hình vào cơ sở dữ liệu và nạp danh mục hành chính / apply settings, load the unit lists."""
    settings = ServiceSettings()
    setup.apply_settings(settings)
    for name, count in setup.load_units(Database(settings)).items():
        out.print(f"{name}: {count}")


@app.command("import")
def import_command(  # noqa: PLR0913  one option each
    file: FileArgument,
    register: RegisterOption,
    commune: CommuneOption = None,
    layer: LayerOption = None,
    crs: CrsOption = None,
    encoding: EncodingOption = None,
    note: Annotated[str | None, typer.Option(help="Ghi chú đợt công bố / note of the revision")] = None,
    json_: JsonOption = False,  # noqa: FBT002  a flag
) -> None:
    """Kiểm tra và công bố một tệp / check a file and publish it as one revision."""
    request = _request(file, get_register(register), commune, layer, crs, encoding, note)
    with _progress(quiet=json_) as tell:
        published = import_file(_database(), request, tell)
    counts = published.counts
    with setup.owner(ServiceSettings()) as connection:
        audit.note(
            connection, "import.publish", actor="shell", target=register, revision=published.revision,
            outcome="ok" if published.report.outcome == "ok" else "refused",
            added=counts.added, changed=counts.changed,
        )  # fmt: skip
    _print_report(published.report, as_json=json_)
    if not json_:
        number = published.revision
        said = f"đợt công bố / revision {number}" if number else "không có gì thay đổi / nothing changed"
        out.print(f"[bold]{said}[/bold]: +{counts.added}, ~{counts.changed}, -{counts.removed}")
    raise typer.Exit(0 if published.report.outcome == "ok" else 2)


@app.command()
def validate(  # noqa: PLR0913  one option each
    file: FileArgument,
    register: RegisterOption,
    commune: CommuneOption = None,
    layer: LayerOption = None,
    crs: CrsOption = None,
    encoding: EncodingOption = None,
    json_: JsonOption = False,  # noqa: FBT002  a flag
) -> None:
    """Kiểm tra một tệp mà không ghi gì / check a file and write nothing."""
    request = _request(file, get_register(register), commune, layer, crs, encoding, None)
    with _progress(quiet=json_) as tell, work_folder() as folder:
        report = check_file(request, _units(), folder, NoSink(), tell)
    _print_report(report, as_json=json_)
    raise typer.Exit(0 if report.outcome == "ok" else 2)


def _request(  # noqa: PLR0913  one option each
    file: Path,
    register: Register,
    commune: str | None,
    layer: str | None,
    crs: str | None,
    encoding: str | None,
    note: str | None,
) -> ImportRequest:
    return ImportRequest(
        file, file.name, register, SYSTEM, commune=commune, layer=layer, crs=crs, encoding=encoding, note=note,
        limits=units_load.SHELL_LIMITS, timeout_s=600,
    )  # fmt: skip


def _units() -> UnitIndex:
    """Return the database's communes, or the reference list where there is no database."""
    settings = ServiceSettings()
    if not settings.database_url.get_secret_value():
        return reference_units()
    with Database(settings).read() as connection:
        return load_units(connection)


class _Bar:
    def __init__(self, *, quiet: bool) -> None:
        columns = (
            TextColumn("{task.description:12}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=err, disable=quiet or not err.is_terminal)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> TellProgress:
        self._bar.start()
        return self._tell

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def _tell(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=total or None)
        self._bar.update(self._tasks[stage], completed=done, total=total or None)


def _progress(*, quiet: bool) -> _Bar:
    return _Bar(quiet=quiet)


def _print_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False, indent=2, sort_keys=True) + "\n")
        return
    out.print(f"đọc {report.read:,} / hợp lệ {report.valid:,} / từ chối {report.rejected:,}", highlight=False)
    for message in report.messages[:20]:
        where = f"dòng {message['row']}: " if message["row"] else ""
        out.print(
            f"[{message['code']}] {where}{message['vi']} {message['remedy']['vi']}", highlight=False, markup=False
        )
        out.print(f"    {message['en']} {message['remedy']['en']}", highlight=False, markup=False)
    if len(report.messages) > 20:  # noqa: PLR2004  what fits a screen
        out.print(f"… và {sum(report.counts.values()) - 20:,} thông báo nữa; xem --json")


@app.command()
def registers() -> None:
    """In các lớp dữ liệu và trường công khai / print the registers and which fields are public."""
    for register in discover().values():
        public = ", ".join(item.name for item in register.public_fields)
        private = ", ".join(item.name for item in register.fields if not item.public)
        out.print(f"[bold]{register.id}[/bold] ({register.geometry_kind}) công khai/public: {public}", highlight=False)
        if private:
            out.print(f"    riêng tư/private: {private}", highlight=False)


@units_app.command("load")
def load_boundaries(
    file: FileArgument,
    register: Annotated[str, typer.Option("--register", "-r", help="communes | provinces")] = "communes",
    layer: LayerOption = None,
    code_column: Annotated[str | None, typer.Option(help="Cột mã đơn vị / column with the unit code")] = None,
    crs: CrsOption = None,
) -> None:
    """Nạp ranh giới đơn vị hành chính theo mã / load boundaries, matched by code."""
    found = units_load.load_boundaries(
        _database(), file, get_register(register), layer=layer, code_column=code_column, crs=crs
    )
    out.print(f"khớp/matched {len(found.matched)}, không có mã này/unknown {len(found.unknown)}, "
              f"lỗi hình học/invalid {len(found.invalid)}, chưa có ranh giới/without {len(found.without)}", highlight=False)  # fmt: skip
    for title, codes in (("unknown", found.unknown), ("invalid", found.invalid)):
        if codes:
            out.print(f"{title}: {', '.join(codes[:50])}", highlight=False)
    for message in found.messages:
        out.print(f"[{message['code']}] {message['vi']}", highlight=False, markup=False)
    out.print(
        f"đợt công bố / revision {found.revision}" if found.revision else "không có gì thay đổi / nothing changed"
    )
    with setup.owner(ServiceSettings()) as connection:
        audit.note(connection, "units.load", actor="shell", target=register, revision=found.revision)
    raise typer.Exit(0 if found.matched else 2)


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
    scopes: Annotated[str, typer.Option(help="upload")] = "upload",
    days: Annotated[int, typer.Option(min=1, max=365)] = 180,
) -> None:
    """Tạo khóa API; chỉ in một lần / make an API key, printed once."""
    with setup.owner(ServiceSettings()) as connection:
        key = accounts.add_key(connection, username, name, scopes, days)
        audit.note(connection, "key.add", actor="shell", target=username, name=name, scopes=scopes)
    sys.stdout.write(key + "\n")


@sample_app.command("load")
def load_sample_command(
    if_empty: Annotated[bool, typer.Option(help="Bỏ qua nếu đã có / skip what is there")] = True,  # noqa: FBT002  a flag
    seed: int = 2026,
) -> None:
    """Nạp dữ liệu mẫu và tạo cán bộ mẫu / load the sample and make its officer."""
    settings = ServiceSettings()
    if settings.env == "production":
        raise typer.BadParameter("BANDOSO_ENV=production: không nạp dữ liệu mẫu / no sample data in production")
    for name, count in setup.load_sample(settings, seed, if_empty=if_empty).items():
        out.print(f"{name}: {count}")


@sample_app.command("addresses")
def write_sample_addresses(  # noqa: PLR0913  one option each
    within: Annotated[Path, typer.Option(exists=True, help="Ranh giới xã / commune polygons")],
    count: Annotated[int, typer.Option(min=1)],
    target: Annotated[Path, typer.Argument(help="Tệp kết quả / file to write")],
    format_: Annotated[
        str | None, typer.Option("--as", help="shp | gpkg | geojson | csv; theo đuôi tệp / by the ending")
    ] = None,
    crs: str = "EPSG:9209",
    seed: int = 2026,
    layer: LayerOption = None,
) -> None:
    """Viết tệp địa chỉ mẫu cỡ bất kỳ để thử tải / write a file of sample addresses of any size."""
    from geodata.sample.writer import write_addresses  # noqa: PLC0415  geopandas is slow to import

    code = int(crs.upper().removeprefix("EPSG:"))
    wanted: Any = format_ or target.suffix.removeprefix(".") or "shp"
    write_addresses(within, count, target, format=wanted, crs=code, seed=seed, layer=layer)
    out.print(str(target))
