"""Read officers' files in a process of their own: no network, bounded memory, killed by the wall clock.

Nothing here looks into a file. The child (``geodata.importing.child``) does, and leaves ``report.json`` and
``rows.arrow`` in the work folder; the module ``results`` says what they hold.
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
from pathlib import Path
from typing import Any

from geodata.errors import GeodataError
from geodata.importing.context import WEB_LIMITS, ReaderLimits
from geodata.importing.results import EncodingChoice, LayerInfo, ReadResult, ReadWarning, UnreadableFileError

ALLOWED_DRIVERS = frozenset({"ESRI Shapefile", "GPKG", "KML", "LIBKML", "GeoJSON", "CSV"})
ROWS_FILE, REPORT_FILE, MEMBERS_FOLDER, LOG_FILE = "rows.arrow", "report.json", "members", "reader.log"
# The child sees at most this part of the name the officer gave the file.
_SUFFIXES = re.compile(r"\.(zip|kmz|shp|dbf|gpkg|geojsonl?|json|ndjson|kml|csv|tsv|txt|xlsx|gz)")
_MIB = 1 << 20
_MAX_REPORT_BYTES = 8 * _MIB
_PROBE_TIMEOUT_S = 60.0
_MAX_NAME = 1_000


class SandboxError(GeodataError):
    """The reader's surroundings are not as safe as they must be; the service must not start."""

    code = "SANDBOX"
    vi_template = "Môi trường đọc tệp không an toàn: {fact}"
    en_template = "The file reader's surroundings are not safe: {fact}"


def read_upload(  # noqa: PLR0913 - the file, and what the officer and the host decide
    path: Path,
    work_dir: Path,
    *,
    original_name: str,
    layer: str | None = None,
    encoding: str | None = None,
    timeout_s: float = 120,
    limits: ReaderLimits = WEB_LIMITS,
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
    reader = [sys.executable, "-P", "-s", "-m", "geodata.importing.child", str(os.getpid())]
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
