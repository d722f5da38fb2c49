"""Read officers' files in a process of their own: no network, bounded memory, killed by the wall clock.

The parent knows only this module. The child (``geodata.importing.reader``) leaves ``report.json`` and
``rows.arrow`` (Arrow IPC file, at most 50,000 rows a batch) in the work folder. Columns of ``rows.arrow``:

``_row`` int64
    1-based record number in the source, counted over all records, deleted and broken ones too.
``_wkb`` binary
    2D geometry in the source's own CRS, axis order as stored; null where there is none.
``_problem`` string
    Null, or what is wrong with this row: ``GEOM_`` ``NULL``, ``EMPTY``, ``RING_NOT_CLOSED`` (given closed),
    ``TOO_FEW_POSITIONS``, ``TOO_MANY_VERTICES``, ``NOT_FINITE``, ``NESTING``, ``COORDINATE_TYPE``, ``COLLECTION``,
    ``TYPE``, ``UNREADABLE``; ``COORDINATE_UNREADABLE``, ``FEATURE_UNREADABLE``, ``FEATURE_PROPERTIES``,
    ``ROW_COLUMNS``, ``TEXT_TOO_LONG``.
every attribute, string
    Under its own name in NFC; numbers as plain text, dates ISO 8601, blank as null.
"""

import contextlib
import dataclasses
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from geodata.errors import GeodataError

ALLOWED_DRIVERS = frozenset({"ESRI Shapefile", "GPKG", "KML", "LIBKML", "GeoJSON", "CSV"})
ROWS_FILE, REPORT_FILE, MEMBERS_FOLDER, LOG_FILE = "rows.arrow", "report.json", "members", "reader.log"
# The child sees at most this part of the name the officer gave the file.
_SUFFIXES = re.compile(r"\.(zip|kmz|shp|dbf|gpkg|geojsonl?|json|ndjson|kml|csv|tsv|txt|xlsx|gz)")
_MIB, _GIB = 1 << 20, 1 << 30
_MAX_REPORT_BYTES = 8 * _MIB
_PROBE_TIMEOUT_S = 60.0
_MAX_NAME = 1_000


class UnreadableFileError(GeodataError):
    """The file as a whole is refused; the sentences say why and what to do.

    Parameters
    ----------
    code : str
        Stable code, for instance ``ZIP_BOMB`` or ``LAYER_CHOICE``.
    vi, en : str
        One or two sentences for the officer.
    **detail
        Facts for machines; JSON values only.
    """

    def __init__(self, code: str, vi: str, en: str, **detail: Any) -> None:
        super().__init__(**detail)
        self.code, self.vi, self.en = code, vi, en
        self.args = (f"{code}: {en}",)


class SandboxError(GeodataError):
    """The reader's surroundings are not as safe as they must be; the service must not start."""

    code = "SANDBOX"
    vi_template = "Môi trường đọc tệp không an toàn: {fact}"
    en_template = "The file reader's surroundings are not safe: {fact}"


@dataclasses.dataclass(frozen=True)
class ReaderLimits:
    """What one file may cost. The defaults are those of the web; the command line passes larger ones."""

    max_packed_bytes: int = 100 * _MIB
    max_unpacked_bytes: int = _GIB
    max_ratio: int = 200
    max_entries: int = 200
    max_rows: int = 1_000_000
    max_columns: int = 256
    max_text_bytes: int = 65_536
    max_vertices: int = 100_000
    memory_bytes: int = 2 * _GIB
    batch_rows: int = 50_000


@dataclasses.dataclass(frozen=True)
class LayerInfo:
    """A layer found in the file; ``row_count`` is None where counting would mean reading it."""

    name: str
    geometry_type: str | None
    row_count: int | None
    crs_wkt: str | None = None


@dataclasses.dataclass(frozen=True)
class EncodingChoice:
    """The text encoding used, how it was found, and whether it can be trusted without asking."""

    chosen: str
    how: str
    certain: bool


@dataclasses.dataclass(frozen=True)
class ReadWarning:
    """Something the officer should know that did not stop the reading."""

    code: str
    vi: str
    en: str
    detail: Mapping[str, Any]


class RowBatch(NamedTuple):
    """Rows on their way to the Arrow file; ``columns`` as in the layer, Arrow strings or plain values."""

    rows: NDArray[np.int64]
    wkb: pa.Array
    problem: pa.Array
    columns: Sequence[pa.Array | list[Any]]


@dataclasses.dataclass
class ReadContext:
    """What every format's reader needs to know, and where it leaves its warnings."""

    limits: ReaderLimits
    encoding: str | None = None
    warnings: list[ReadWarning] = dataclasses.field(default_factory=list)

    def warn(self, code: str, vi: str, en: str, **detail: Any) -> None:
        """Add a warning; the same code with the same detail is added once."""
        warning = ReadWarning(code, vi, en, detail)
        if warning not in self.warnings:
            self.warnings.append(warning)

    def warn_flattened(self) -> None:
        """Say that heights or measures were dropped."""
        self.warn(
            "Z_DROPPED",
            "Hình học có độ cao (Z) hoặc giá trị đo (M); chỉ tọa độ phẳng được giữ lại.",
            "The geometries hold heights (Z) or measures (M); only the plane coordinates are kept.",
        )

    def check_rows(self, count: int) -> None:
        """Refuse a layer with more rows than the limit."""
        self._check("TOO_MANY_ROWS", count, self.limits.max_rows, "dòng", "rows")

    def check_columns(self, count: int) -> None:
        """Refuse a layer with more columns than the limit."""
        self._check("TOO_MANY_COLUMNS", count, self.limits.max_columns, "cột", "columns")

    def _check(self, code: str, count: int, limit: int, what_vi: str, what_en: str) -> None:
        if count > limit:
            raise UnreadableFileError(
                code,
                f"Lớp dữ liệu có hơn {limit:,} {what_vi}. Hãy chia nhỏ hoặc bỏ bớt.",
                f"The layer has more than {limit:,} {what_en}. Split it or leave some out.",
                limit=limit,
            )


@dataclasses.dataclass(frozen=True)
class ReadResult:
    """A file that was read.

    Attributes
    ----------
    arrow_path : Path
        The rows; see the module's description. ``iter_batches`` reads them.
    crs_wkt, crs_hint : str or None
        CRS as the file states it, in WKT; ``EPSG:n``, ``degrees`` or ``metres`` where that is all it says.
    sandbox : str
        ``no-network`` (own user and network namespace) or ``limits-only`` (the host refuses namespaces).
    """

    arrow_path: Path
    layer: str
    layers: tuple[LayerInfo, ...]
    geometry_type: str | None
    crs_wkt: str | None
    crs_hint: str | None
    format: str
    row_count: int
    columns: tuple[str, ...]
    encoding: EncodingChoice
    warnings: tuple[ReadWarning, ...]
    sandbox: str


def read_upload(  # noqa: PLR0913 - the file, and what the officer and the host decide
    path: Path,
    work_dir: Path,
    *,
    original_name: str,
    layer: str | None = None,
    encoding: str | None = None,
    timeout_s: float = 120,
    limits: ReaderLimits = ReaderLimits(),
) -> ReadResult:
    """Read one layer of an uploaded file in the sandbox.

    Parameters
    ----------
    path : Path
        The stored file, under a server-made name; or a ``.shp`` with its side files beside it.
    work_dir : Path
        Folder of this job alone; made if missing. Unpacked members are removed from it at the end.
    original_name : str
        Name the officer gave; only its suffix reaches the child, its stem names a single-layer file's layer.
    layer, encoding : str, optional
        The officer's choice where the file leaves one.
    timeout_s : float
        Wall clock; the reader's whole process group is killed after it.

    Raises
    ------
    UnreadableFileError
        The file is refused, with a code; ``LAYER_CHOICE`` lists the layers in ``detail["layers"]``.
    """
    _check_packed_size(path, limits)
    work_dir.mkdir(parents=True, exist_ok=True)
    suffix = Path(original_name).suffix.lower()
    job = {
        "path": str(path.resolve()),
        "work_dir": str(work_dir.resolve()),
        "suffix": suffix if _SUFFIXES.fullmatch(suffix) else "",
        "layer": layer[:_MAX_NAME] if layer else None,
        "encoding": encoding[:_MAX_NAME] if encoding else None,
        "timeout_s": timeout_s,
        "limits": dataclasses.asdict(limits),
    }
    try:
        _run_reader(job, work_dir, timeout_s)
        return _result(work_dir, original_name)
    finally:
        shutil.rmtree(work_dir / MEMBERS_FOLDER, ignore_errors=True)


def iter_batches(result: ReadResult) -> Iterator[pa.RecordBatch]:
    """Yield the rows batch by batch; one batch is in memory at a time.

    Each batch is validated in full: it was written by a process that handled hostile bytes.
    """
    with pa.OSFile(str(result.arrow_path)) as source, pa.ipc.open_file(source) as reader:
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            batch.validate(full=True)
            yield batch


def check() -> str:
    """Start the reader once and prove what it can reach; call it when the service starts.

    Returns
    -------
    str
        The sandbox mode, as in ``ReadResult.sandbox``.

    Raises
    ------
    SandboxError
        If a driver beyond the six is live in the child, or its network is not empty.
    """
    answer = subprocess.run(
        [*_command(), "--self-test"],
        env=_environment(Path("/")),
        capture_output=True,
        text=True,
        timeout=_PROBE_TIMEOUT_S,
        check=False,
    )
    if answer.returncode != 0:
        raise SandboxError(fact=f"the reader does not start: {answer.stderr.strip()[-500:]}")
    facts = json.loads(answer.stdout)
    if excess := sorted(set(facts["drivers"]) - ALLOWED_DRIVERS):
        raise SandboxError(fact=f"drivers {', '.join(excess)} are live; GDAL_SKIP does not work")
    mode = sandbox_mode()
    if mode == "no-network" and set(facts["interfaces"]) - {"lo"}:
        raise SandboxError(fact=f"the reader sees the network: {', '.join(facts['interfaces'])}")
    return mode


@functools.cache
def sandbox_mode() -> str:
    """Probe once whether this host allows a process its own user and network namespace."""
    unshare, true = shutil.which("unshare"), shutil.which("true")
    if unshare is None or true is None:
        return "limits-only"
    probe = subprocess.run([unshare, "-rn", true], capture_output=True, timeout=_PROBE_TIMEOUT_S, check=False)
    return "no-network" if probe.returncode == 0 else "limits-only"


@functools.cache
def skipped_drivers() -> str:
    """Name every driver of this GDAL build but the six, as ``GDAL_SKIP`` wants them; asked of a child."""
    code = "import json, pyogrio; print(json.dumps(list(pyogrio.list_drivers())))"
    answer = subprocess.run(
        [sys.executable, "-P", "-s", "-c", code],
        env={"PATH": os.environ.get("PATH", os.defpath)},
        capture_output=True,
        text=True,
        timeout=_PROBE_TIMEOUT_S,
        check=True,
    )
    return ",".join(sorted(set(json.loads(answer.stdout)) - ALLOWED_DRIVERS))


def _command() -> list[str]:
    # -P: a file called numpy.py in the work folder must never be imported.
    reader = [sys.executable, "-P", "-s", "-m", "geodata.importing.reader"]
    return ["unshare", "-rn", *reader] if sandbox_mode() == "no-network" else reader


def _environment(work_dir: Path) -> dict[str, str]:
    """Build the child's whole environment; nothing of ours (secrets, database address) is in it."""
    skip = skipped_drivers()
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "LANG": "C.UTF-8",
        "HOME": str(work_dir),
        "TMPDIR": str(work_dir),
        "GDAL_SKIP": skip,
        "OGR_SKIP": skip,
        "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
        "GDAL_VRT_ENABLE_PYTHON": "NO",
        "OGR_SQLITE_LOAD_EXTENSIONS": "",
        "PROJ_NETWORK": "OFF",
        # Threads and pools reserve address space, which RLIMIT_AS counts.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _check_packed_size(path: Path, limits: ReaderLimits) -> None:
    size = path.stat().st_size
    if size > limits.max_packed_bytes:
        raise UnreadableFileError(
            "FILE_TOO_LARGE",
            f"Tệp vượt mức {limits.max_packed_bytes // _MIB} MiB. Hãy nén hoặc chia nhỏ tệp.",
            f"The file exceeds {limits.max_packed_bytes // _MIB} MiB. Zip or split it.",
            limit_bytes=limits.max_packed_bytes,
        )
    if size == 0:
        raise UnreadableFileError(
            "UPLOAD_FORMAT", "Tệp rỗng (0 byte). Hãy gửi lại.", "The file is empty. Send it again."
        )


def _run_reader(job: dict[str, Any], work_dir: Path, timeout_s: float) -> None:
    (work_dir / REPORT_FILE).unlink(missing_ok=True)
    with (work_dir / LOG_FILE).open("wb") as log:
        child = subprocess.Popen(
            [*_command(), json.dumps(job)],
            env=_environment(work_dir.resolve()),
            cwd=work_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
        try:
            code = child.wait(timeout_s)
        except subprocess.TimeoutExpired as expired:
            raise _timeout(timeout_s) from expired
        finally:
            _kill_group(child)
    if code == -signal.SIGXCPU:
        raise _timeout(timeout_s)
    if code != 0 or not (work_dir / REPORT_FILE).exists():
        raise UnreadableFileError(
            "READER_DIED",
            "Tệp làm bộ đọc dừng đột ngột. Hãy mở tệp trong QGIS, lưu lại thành GeoPackage rồi gửi lại.",
            "The file stopped the reader. Open it in QGIS, save it as GeoPackage and send that.",
            exit_code=code,
        )


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _timeout(timeout_s: float) -> UnreadableFileError:
    return UnreadableFileError(
        "TIMEOUT",
        f"Đọc tệp quá {timeout_s:g} giây nên đã dừng. Hãy chia nhỏ tệp hoặc lưu lại bằng QGIS.",
        f"Reading took over {timeout_s:g} seconds and was stopped. Split the file or save it anew in QGIS.",
        timeout_s=timeout_s,
    )


def _result(work_dir: Path, original_name: str) -> ReadResult:
    with (work_dir / REPORT_FILE).open("rb") as file:
        report: dict[str, Any] = json.loads(file.read(_MAX_REPORT_BYTES))
    stem = unicodedata.normalize("NFC", Path(original_name).stem) or "upload"
    if error := report.get("error"):
        detail = error["detail"]
        for info in detail.get("layers", []):
            info["name"] = info["name"] or stem
        raise UnreadableFileError(error["code"], error["vi"], error["en"], **detail)
    read = report["result"]
    return ReadResult(
        arrow_path=work_dir / ROWS_FILE,
        layer=read["layer"] or stem,
        layers=tuple(LayerInfo(**{**info, "name": info["name"] or stem}) for info in read["layers"]),
        **{name: read[name] for name in ("geometry_type", "crs_wkt", "crs_hint", "format", "row_count")},
        columns=tuple(read["columns"]),
        encoding=EncodingChoice(**read["encoding"]),
        warnings=tuple(ReadWarning(**warning) for warning in read["warnings"]),
        sandbox=sandbox_mode(),
    )
