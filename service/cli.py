"""The command ``bandoso``."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import psycopg
import typer
from psycopg.errors import InvalidSchemaName, UndefinedColumn, UndefinedTable
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from geodata import redrawing
from geodata.crs_choices import parse_epsg
from geodata.db import SYSTEM, Database, is_passing
from geodata.errors import GeodataError
from geodata.importing.check import ImportRequest
from geodata.importing.check import Progress as TellProgress
from geodata.importing.public_overlaps import check_against_public
from geodata.importing.publish import Published, import_file, settle
from geodata.importing.report import file_name
from geodata.importing.work_folder import work_folder
from geodata.registers import discover, get_register
from geodata.units import load as units_load
from geodata.units.index import UnitIndex, load_units, reference_units
from service import setup
from service.auth import audit
from service.cli_accounts import key_app, user_app
from service.cli_erase import erase_records, print_erased
from service.cli_files import files_app
from service.cli_replicate import replicate
from service.cli_report import exit_code, print_summary
from service.cli_revisions import show_revisions, undo_revision
from service.cli_tiles import tiles_app
from service.cli_webhooks import webhooks_app
from service.file_options import OPTION_NAMES, read_file_options
from service.settings import ServiceSettings, refused_settings
from service.storage.parts import find_parts, keep_for_now

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Bản đồ số: dịch vụ bản đồ cho xã và tỉnh.",
)
units_app = typer.Typer(no_args_is_help=True, help="Đơn vị hành chính / administrative units.")
sample_app = typer.Typer(no_args_is_help=True, help="Dữ liệu mẫu / sample data.")
for name, group in (
    ("units", units_app),
    ("user", user_app),
    ("key", key_app),
    ("tiles", tiles_app),
    ("files", files_app),
    ("webhooks", webhooks_app),
    ("sample", sample_app),
):
    app.add_typer(group, name=name)

app.command("revisions")(show_revisions)
app.command("rollback")(undo_revision)
app.command("replicate")(replicate)
app.command("erase")(erase_records)
app.command("erased")(print_erased)

out = Console()
err = Console(stderr=True)

FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Tệp / file")]
FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        exists=True, dir_okay=False, readable=True,
        help="Tệp, hay các tệp thuộc về nhau / the file, or files that belong together",
    ),
]  # fmt: skip
RegisterOption = Annotated[str, typer.Option("--register", "-r", help="Lớp dữ liệu / register id")]
CommuneOption = Annotated[str | None, typer.Option("--commune", "-c", help="Mã xã / commune code")]
LayerOption = Annotated[str | None, typer.Option("--layer", help="Lớp trong tệp / layer of the file")]
CrsOption = Annotated[str | None, typer.Option("--crs", help="Hệ tọa độ, ví dụ EPSG:9209 / coordinate system")]
EncodingOption = Annotated[str | None, typer.Option("--encoding", help="Bảng mã / text encoding")]
ModeOption = Annotated[
    Literal["upsert", "replace", "append"],
    typer.Option(
        "--mode", help="Cập nhật, thay toàn bộ của xã, hay chỉ thêm / update, replace the commune's set, only add"
    ),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option("--columns", help='Trường của cột / fields of columns, JSON: {"cột": "trường", "cột khác": null}'),
]
PlaceColumnsOption = Annotated[
    str | None,
    typer.Option(
        "--place-columns",
        help='Cột tọa độ / columns of the coordinates, JSON: {"x_column": "…", "y_column": "…"}, {"wkt_column": "…"}, {}',
    ),
]
AcceptOption = Annotated[
    str | None, typer.Option("--accept", help="Mã các cách sửa tự động được đồng ý / repairs accepted: A,B")
]
JsonOption = Annotated[bool, typer.Option("--json", help="In báo cáo dạng JSON / print the report as JSON")]


def main() -> None:
    """Run the command; what an operator can mend is said in both languages and ends with 1."""
    try:
        app()
    except GeodataError as error:
        _end(error.vi, error.en)
    except ValidationError as error:
        if error.title != ServiceSettings.__name__:
            raise
        refused = refused_settings(error)
        _end(refused.vi, refused.en)
    except (SQLAlchemyError, psycopg.Error) as error:
        cause = getattr(error, "orig", error)
        if isinstance(cause, UndefinedTable | UndefinedColumn | InvalidSchemaName):
            _end(
                "Cơ sở dữ liệu chưa có cấu trúc của phiên bản này. Hãy chạy: alembic upgrade head",
                "The database has not the structure of this version. Run: alembic upgrade head",
            )
        if not is_passing(error):
            raise
        why = str(cause).partition("\n")[0]
        _end(
            f"Cơ sở dữ liệu không trả lời: {why}. Hãy kiểm tra DATABASE_URL và máy chủ PostgreSQL rồi chạy lại.",
            f"The database does not answer: {why}. Check DATABASE_URL and the PostgreSQL server, then run again.",
        )


def _end(vi: str, en: str) -> NoReturn:
    err.print(Text(vi, style="bold"), Text(en), sep="\n", soft_wrap=True)
    sys.exit(1)


@app.command()
def up() -> None:
    """Chạy mọi thứ: cơ sở dữ liệu, dịch vụ, tiến trình nền / run everything under one supervisor."""
    from service.supervisor import run  # noqa: PLC0415  only this command supervises
    from service.supervisor_options import Options  # noqa: PLC0415

    raise typer.Exit(run(Options.from_environment(Path.cwd())))


@app.command()
def worker() -> None:
    """Chạy tiến trình nền xử lý tệp / run a worker."""
    from service.jobs.worker import run_worker  # noqa: PLC0415  only this command works
    from service.logs import configure_logging  # noqa: PLC0415

    configure_logging()
    run_worker(ServiceSettings())


@app.command("setup")
def set_up() -> None:
    """Ghi cấu hình vào cơ sở dữ liệu và nạp danh mục hành chính / apply settings, load the unit lists."""
    settings = ServiceSettings()
    setup.apply_settings(settings)
    for name in setup.redraw_areas(settings):
        out.print(f"{name}: {redrawing.NOTE}")
    with Database(settings) as database:
        counts = setup.load_units(database)
    for name, count in counts.items():
        out.print(f"{name}: {count}")


@app.command("import")
def import_command(  # noqa: PLR0913  one option each
    files: FilesArgument,
    register: RegisterOption,
    commune: CommuneOption = None,
    layer: LayerOption = None,
    crs: CrsOption = None,
    encoding: EncodingOption = None,
    columns: ColumnsOption = None,
    place_columns: PlaceColumnsOption = None,
    accept: AcceptOption = None,
    mode: ModeOption = "upsert",
    approve: Annotated[  # noqa: FBT002  a flag
        bool, typer.Option(help="Đồng ý xóa phần lớn bản ghi của xã / agree that most of a commune's records vanish")
    ] = False,
    note: Annotated[str | None, typer.Option(help="Ghi chú đợt công bố / note of the revision")] = None,
    json_: JsonOption = False,  # noqa: FBT002  a flag
) -> None:
    """Kiểm tra và công bố một tệp / check a file and publish it as one revision."""
    with _progress(quiet=json_) as tell, work_folder() as folder, Database(ServiceSettings()) as database:
        options = (commune, layer, crs, encoding, columns, place_columns, accept)
        asked = replace(_request(files, folder, register, *options), mode=mode, is_approved=approve, note=note)
        published = import_file(database, asked, tell, _note_import)
        settle(database)
    counts = published.counts
    if json_:
        sys.stdout.buffer.write(published.report.as_json())
    else:
        print_summary(out, published.report.as_dict())
    if published.staged is not None:
        _end(
            "Phần lớn bản ghi của xã sẽ bị xóa nên chưa công bố. Nếu đúng ý, chạy lại với --approve.",
            "Most of a commune's records would vanish, so nothing was published. If that is meant, repeat with --approve.",
        )
    if not json_:
        number = published.revision
        said = f"đợt công bố / revision {number}" if number else "không có gì thay đổi / nothing changed"
        out.print(f"[bold]{said}[/bold]: +{counts.added}, ~{counts.changed}, -{counts.removed}")
    raise typer.Exit(0 if published.report.outcome == "ok" else 2)


def _note_import(connection: Connection, published: Published) -> None:
    """Write into the audit, with the publish, what became of a file."""
    report = published.report
    audit.note(
        connection, "import.publish", actor="shell", target=report.register, revision=published.revision,
        outcome="ok" if report.outcome == "ok" else "refused",
        added=published.counts.added, changed=published.counts.changed,
    )  # fmt: skip


@app.command()
def validate(  # noqa: PLR0913  one option each
    files: FilesArgument,
    register: RegisterOption,
    commune: CommuneOption = None,
    layer: LayerOption = None,
    crs: CrsOption = None,
    encoding: EncodingOption = None,
    columns: ColumnsOption = None,
    place_columns: PlaceColumnsOption = None,
    accept: AcceptOption = None,
    json_: JsonOption = False,  # noqa: FBT002  a flag
) -> None:
    """Kiểm tra một tệp mà không ghi gì / check a file and write nothing.

    Kết thúc bằng 0 khi mọi dòng đều nhận được, 1 khi có dòng bị từ chối hay cần chọn thêm, 2 khi không nhận được. /
    Ends with 0 when every row can be taken, 1 when some are rejected or something has to be chosen, 2 when none can.
    """
    with _progress(quiet=json_) as tell, work_folder() as folder, _known() as (units, database):
        asked = _request(files, folder, register, commune, layer, crs, encoding, columns, place_columns, accept)
        report = check_against_public(asked, units, folder / "read", database, tell)
    if json_:
        sys.stdout.buffer.write(report.as_json())
    else:
        print_summary(out, report.as_dict())
    raise typer.Exit(exit_code(report.as_dict()))


def _request(files: Sequence[Path], folder: Path, register: str, *given: str | None) -> ImportRequest:
    """Return what was asked for, the options as `OPTION_NAMES`; files that belong together are copied to the folder."""
    options = read_file_options({name: text for name, text in zip(OPTION_NAMES, given, strict=True) if text})
    asked = ImportRequest(
        files[0], file_name(files[0].name), get_register(register), SYSTEM, limits=units_load.SHELL_LIMITS,
        timeout_s=600, **options.as_request(),
    )  # fmt: skip
    parts = find_parts(files)
    if len(parts) == 1:
        return asked
    with ExitStack() as stack:
        sources = [(file_name(part.name), stack.enter_context(part.open("rb"))) for part in parts]
        sent = keep_for_now(folder / "sent", sources, units_load.SHELL_LIMITS.max_packed_bytes)
    return replace(asked, path=sent.path, names=sent.names, original_name=sent.stored.main_name)


@contextmanager
def _known() -> Iterator[tuple[UnitIndex, Database | None]]:
    """Give what files are checked against: the database and its communes, or the reference list where there is none."""
    settings = ServiceSettings()
    if not settings.database_url.get_secret_value():
        yield reference_units(), None
        return
    with Database(settings) as database:
        with database.read() as connection:
            units = load_units(connection)
        yield units, database


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


@app.command()
def registers() -> None:
    """In các lớp dữ liệu và trường công khai / print the registers and which fields are public."""
    for register in discover().values():
        public = ", ".join(item.name for item in register.public_fields)
        private = ", ".join(item.name for item in register.fields if not item.public)
        kinds = register.geometry_kind + (", point" if register.point is not None else "")
        out.print(f"[bold]{register.id}[/bold] ({kinds}) công khai/public: {public}", highlight=False)
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
    if register not in {"communes", "provinces"}:
        raise typer.BadParameter("chọn / choose: communes, provinces", param_hint="--register")
    with Database(ServiceSettings()) as database, database.worker() as connection:
        found = units_load.publish_boundaries(
            connection, file, get_register(register), layer=layer, code_column=code_column, crs=crs
        )
        outcome: audit.Outcome = "ok" if found.matched else "refused"
        audit.note(connection, "units.load", actor="shell", target=register, revision=found.revision, outcome=outcome)
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
    raise typer.Exit(0 if found.matched else 2)


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
    within: Annotated[Path, typer.Option(exists=True, readable=True, help="Ranh giới xã / commune polygons")],
    count: Annotated[int, typer.Option(min=1)],
    target: Annotated[
        Path | None, typer.Argument(help="Tệp kết quả / file to write; addresses.<--as> ở đây / here by default")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--as", help="shp | gpkg | geojson | csv; theo đuôi tệp / by the ending")
    ] = None,
    crs: str = "EPSG:9209",
    seed: int = 2026,
    layer: LayerOption = None,
) -> None:
    """Viết tệp địa chỉ mẫu cỡ bất kỳ để thử tải / write a file of sample addresses of any size."""
    from geodata.sample.writer import write_addresses  # noqa: PLC0415  geopandas is slow to import

    wanted: Any = format_ or (target.suffix.removeprefix(".").lower() if target else "") or "shp"
    target = target or Path(f"addresses.{wanted}")
    write_addresses(within, count, target, format=wanted, crs=parse_epsg(crs), seed=seed, layer=layer)
    out.print(str(target), highlight=False, markup=False, soft_wrap=True)
