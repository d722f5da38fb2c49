"""Read officers' files in a process of their own: no network, bounded memory, killed by the wall clock.

Nothing here looks into a file. The child (``geodata.importing.child``) does, and leaves in the work folder
``description.json`` as soon as it knows the layer, ``rows.arrow`` and, last, ``end.json``; the module ``results`` says
what they hold.
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
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from geodata.errors import GeodataError
from geodata.importing.context import WEB_LIMITS, ReaderLimits
from geodata.importing.gdal_mode import ALL_DRIVERS, DRIVERS
from geodata.importing.messages import KINDS
from geodata.importing.results import (
    POLL_S,
    EncodingChoice,
    LayerInfo,
    ReadResult,
    ReadWarning,
    RowsBrokenError,
    TextSample,
    UnreadableFileError,
    no_such_layer,
)

DESCRIPTION_FILE, ROWS_FILE, END_FILE = "description.json", "rows.arrow", "end.json"
MEMBERS_FOLDER, LOG_FILE = "members", "reader.log"
# The child sees at most this part of the name the officer gave the file.
_SUFFIXES = re.compile(
    r"\.(zip|kmz|shp|dbf|gpkg|geojson[ls]?|json|ndjson|kml|gpx|csv|tsv|txt|xlsx?|ods|dxf|tab|mif|gz|fgb|g?parquet|gml|"
    r"sqlite|topojson|dwg|pdf|prj|shx|cpg|dat|map|id|mid)"
)
_MIB = 1 << 20
_MAX_JSON_BYTES = 8 * _MIB
_PROBE_TIMEOUT_S = 60.0
STALL_S = 30.0
"""How long a reader may take without writing anything."""

_LEAST_S, _SMALL_MIB, _S_A_MIB, _WATCH_S = 30.0, 5, 3.0, 0.5
# GDAL's drivers in this build, once `check` has asked for them; a reader that needs GDAL asks by itself before.
_build_drivers = list[str]()
_MAX_NAME, _MAX_ENCODING = 1_000, 20_000


class SandboxError(GeodataError):
    """The reader's surroundings are not as safe as they must be; the service must not start."""

    code = "SANDBOX"
    vi_template = "Môi trường đọc tệp không an toàn: {fact}"
    en_template = "The file reader's surroundings are not safe: {fact}"


def read_upload(path: Path, work_dir: Path, **options: Any) -> ReadResult:
    """Read one layer of an uploaded file in the sandbox to its end; see `open_upload`."""
    with open_upload(path, work_dir, **options) as reading:
        return reading.finish()


@contextlib.contextmanager
def open_upload(  # noqa: PLR0913 - the file, and what the officer and the host decide
    path: Path, work_dir: Path, *, original_name: str, names: Mapping[str, str] | None = None,
    layer: str | None = None, encoding: str | None = None, place_columns: Mapping[str, str | None] | None = None,
    timeout_s: float = 120, limits: ReaderLimits = WEB_LIMITS,
) -> Iterator["Reading"]:  # fmt: skip
    """Read one layer of an uploaded file in the sandbox, and follow what is read.

    Parameters
    ----------
    path : Path
        The stored file, under a server-made name; or a ``.shp`` with its side files beside it; or, with ``names``, a
        folder of files that were sent together.
    work_dir : Path
        Folder of this job alone; made if missing. Unpacked members are removed from it at the end.
    original_name : str
        Name the officer gave; only its suffix reaches the child, its stem names a single-layer file's layer.
    names : mapping of str to str, optional
        Of a folder: stored names to the names the officer gave, which are checked like those of an archive's members.
    layer, encoding : str, optional
        The officer's choice where the file leaves one; an encoding for all columns, or a JSON object that gives one by
        column.
    place_columns : mapping, optional
        Likewise: ``x_column`` and ``y_column`` (longitude or easting first), or ``wkt_column``; empty for a table
        whose rows have no places.
    timeout_s : float
        Wall clock of the largest files, see `allowed_s`; the reader's whole process group is killed after it, and after
        `STALL_S` in which it wrote nothing.

    Yields
    ------
    Reading

    Raises
    ------
    UnreadableFileError
        The file is refused, with a code. ``LAYER_CHOICE`` lists the layers in ``detail["layers"]``, with their columns
        and first rows; ``COLUMN_CHOICE`` has ``candidates``, ``columns`` and ``sample``.
    """
    size = _check_packed_size([path] if names is None else [path / name for name in names], limits)
    timeout_s = allowed_s(size, timeout_s)
    work_dir.mkdir(parents=True, exist_ok=True)
    job = {
        "path": str(path.resolve()),
        "work_dir": str(work_dir.resolve()),
        "suffix": _known_suffix(original_name),
        "names": dict(names) if names is not None else None,
        "layer": layer[:_MAX_NAME] if layer else None,
        "encoding": encoding[:_MAX_ENCODING] if encoding else None,
        "place_columns": dict(place_columns) if place_columns is not None else None,
        "timeout_s": timeout_s,
        "limits": dataclasses.asdict(limits),
    }
    reading = Reading(job, work_dir, original_name, timeout_s)
    try:
        reading.start_clock()
        yield reading
    except RowsBrokenError as error:
        reading.finish()
        raise _died(0) from error
    finally:
        reading.close()


def allowed_s(size_bytes: int, timeout_s: float) -> float:
    """Return how long reading a file may take: 30 seconds where it is small, and more for each MiB from 5 MiB on.

    Examples
    --------
    >>> [allowed_s(mib << 20, 120.0) for mib in (1, 5, 20, 100)]
    [30.0, 30.0, 75.0, 120.0]
    """
    return min(timeout_s, _LEAST_S + _S_A_MIB * max(0, size_bytes / _MIB - _SMALL_MIB))


def _encoding_choice(samples: list[dict[str, str]], **known: Any) -> EncodingChoice:
    return EncodingChoice(**known, samples=tuple(TextSample(**sample) for sample in samples))


def _known_suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if _SUFFIXES.fullmatch(suffix) else ""


def check() -> str:
    """Start the reader once and prove what it can reach; call it when the service starts.

    Returns
    -------
    str
        The sandbox mode, as in ``ReadResult.sandbox``.

    Raises
    ------
    SandboxError
        If GDAL can be loaded in the child before it is let in, if any but the allowed drivers is live then, or if the
        child's network is not empty.
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
    if facts["gdal"]:
        raise SandboxError(fact=f"the reader can load GDAL: {', '.join(facts['gdal'])}")
    if unexpected := set(facts["drivers"]) - DRIVERS:
        raise SandboxError(fact=f"GDAL has more drivers than allowed: {', '.join(sorted(unexpected)[:20])}")
    _build_drivers[:] = facts["build"]
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


def _command() -> list[str]:
    # -P: a file called numpy.py in the work folder must never be imported.
    reader = [sys.executable, "-P", "-s", "-m", "geodata.importing.child", str(os.getpid())]
    return ["unshare", "-rn", *reader] if sandbox_mode() == "no-network" else reader


def _environment(work_dir: Path) -> dict[str, str]:
    """Build the child's whole environment; nothing of ours (secrets, database address) is in it."""
    known = {ALL_DRIVERS: ",".join(_build_drivers)} if _build_drivers else {}
    return known | {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "LANG": "C.UTF-8",
        "HOME": str(work_dir),
        "TMPDIR": str(work_dir),
        # Threads and pools reserve address space, which RLIMIT_AS counts.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _check_packed_size(paths: Sequence[Path], limits: ReaderLimits) -> int:
    size = sum(path.stat().st_size for path in paths)
    if size > limits.max_packed_bytes:
        raise UnreadableFileError(
            "FILE_TOO_LARGE", limit_mib=limits.max_packed_bytes // _MIB, limit_bytes=limits.max_packed_bytes
        )
    if size == 0:
        raise UnreadableFileError("FILE_EMPTY")
    return size


class Reading:
    """One run of the reader; made by `open_upload`."""

    def __init__(self, job: dict[str, Any], work_dir: Path, original_name: str, timeout_s: float) -> None:
        self._work_dir, self._timeout_s, self._wanted = work_dir, timeout_s, job["layer"]
        self._stem = unicodedata.normalize("NFC", Path(original_name).stem) or "upload"
        for name in (DESCRIPTION_FILE, ROWS_FILE, END_FILE):
            (work_dir / name).unlink(missing_ok=True)
        with (work_dir / LOG_FILE).open("wb") as log:
            self._child = subprocess.Popen(
                [*_command(), json.dumps(job)],
                env=_environment(work_dir.resolve()),
                cwd=work_dir,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self._late_after_s: float | None = None
        self._is_closed = threading.Event()
        self._clock = threading.Thread(target=self._watch, daemon=True)

    def start_clock(self) -> None:
        """Begin to count the time the reader may take."""
        self._clock.start()

    def _watch(self) -> None:
        """End the reader when its time is over, or when it has written nothing for long."""
        started = moved = time.monotonic()
        before = self._written()
        while not self._is_closed.wait(min(_WATCH_S, self._timeout_s / 2)):
            now, written = time.monotonic(), self._written()
            if written != before:
                before, moved = written, now
            if now - started > self._timeout_s:
                self._stop_late(self._timeout_s)
            elif now - moved > STALL_S:
                self._stop_late(STALL_S)

    def _written(self) -> list[int]:
        """Return the sizes of what the reader has unpacked and written so far."""
        sizes = list[int]()
        for folder, _, names in os.walk(self._work_dir):
            for name in names:
                with contextlib.suppress(OSError):
                    sizes.append(Path(folder, name).stat().st_size)
        return sizes

    def _stop_late(self, after_s: float) -> None:
        # The number of a process that has ended may be another's by now.
        if not self._is_over():
            self._late_after_s = after_s
            self._kill()

    def stop(self) -> None:
        """End the reader now; to whoever waits for it the file has stopped it."""
        if not self._is_over():
            self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def _is_over(self) -> bool:
        return self._child.poll() is not None

    @functools.cached_property
    def result(self) -> ReadResult:
        """What is known of the layer before all of it is read; waits until that is there.

        Raises
        ------
        UnreadableFileError
            If the reader ends before; ``LAYER_UNKNOWN`` if the only layer, called like the file, is not the wanted one.
        """
        while not (self._work_dir / DESCRIPTION_FILE).exists():
            if self._is_over():
                self._read_end()
                break
            time.sleep(POLL_S)
        read = self._load(DESCRIPTION_FILE)
        layers = tuple(LayerInfo(**{**info, "name": info["name"] or self._stem}) for info in read["layers"])
        if self._wanted and not read["layer"] and unicodedata.normalize("NFC", self._wanted) != self._stem:
            raise no_such_layer(self._wanted, layers)
        return ReadResult(
            arrow_path=self._work_dir / ROWS_FILE,
            layer=read["layer"] or self._stem,
            layers=layers,
            **{name: read[name] for name in ("crs_wkt", "crs_hint", "format")},
            row_count=read["row_count"] or 0,
            columns=tuple(read["columns"]),
            place_columns=tuple(read["place_columns"]),
            encoding={column: _encoding_choice(**choice) for column, choice in read["encoding"].items()},
            sandbox=sandbox_mode(),
            is_over=self._is_over,
        )

    def finish(self) -> ReadResult:
        """Wait for the reader's end.

        Returns
        -------
        ReadResult
            Complete: with the number of rows, their type of geometry and the warnings.

        Raises
        ------
        UnreadableFileError
            The file is refused as a whole, for what the reader met on the way or because it did not come to its end.
        """
        end = self._read_end()
        warnings = tuple(ReadWarning(**warning) for warning in end["warnings"])
        known = {name: end[name] for name in ("row_count", "geometry_type")}
        return dataclasses.replace(self.result, **known, warnings=warnings)

    def _read_end(self) -> dict[str, Any]:
        code = self._child.wait()
        if self._late_after_s is not None or code == -signal.SIGXCPU:
            raise _timeout(self._late_after_s or self._timeout_s)
        if code == -signal.SIGABRT:
            raise too_big()
        if code != 0 or not (self._work_dir / END_FILE).exists():
            raise _died(code)
        end = self._load(END_FILE)
        if not KINDS.keys() >= {told["code"] for told in (*end.get("warnings", ()), end.get("error")) if told}:
            raise _died(code)
        if error := end.get("error"):
            detail = error["detail"]
            for info in detail.get("layers", []):
                info["name"] = info["name"] or self._stem
            if "layer" in detail:
                detail["layer"] = detail["layer"] or self._stem
            raise UnreadableFileError(error["code"], **detail)
        return end

    def _load(self, name: str) -> dict[str, Any]:
        with (self._work_dir / name).open("rb") as file:
            content: dict[str, Any] = json.loads(file.read(_MAX_JSON_BYTES))
        return content

    def close(self) -> None:
        """End the reader, whatever it is at, and remove what it unpacked."""
        self._is_closed.set()
        self._kill()
        self._child.wait()
        shutil.rmtree(self._work_dir / MEMBERS_FOLDER, ignore_errors=True)


def too_big() -> UnreadableFileError:
    """Refuse a file that needs more memory than the reader may have."""
    return UnreadableFileError("READER_MEMORY")


def _died(code: int) -> UnreadableFileError:
    return UnreadableFileError("READER_DIED", exit_code=code)


def _timeout(timeout_s: float) -> UnreadableFileError:
    return UnreadableFileError("TIMEOUT", timeout_s=f"{timeout_s:g}")
