"""How long the files of open data take, all formats of the whole register, and how much memory."""

import re
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil

from service.bulk_building import make_area
from service.bulk_files import FileFolder
from tests.benchmarks.data import IMPORTED
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.places import REGISTER, ROOT, VAR, plain_environment
from tests.conftest import Server

_COMMAND = (sys.executable, "-m", "service", "files", "build", "--now", "--register", REGISTER)
_FILE = re.compile(r"^  vietnam/\S+?\.(\S+)  ([\d.]+) MB  ([\d.]+) s$", re.MULTILINE)
_EVERY_S = 0.1


@dataclass(frozen=True)
class Made:
    """What making the files took.

    Attributes
    ----------
    seconds : float
        From the start of the command to its end.
    cpu_s : float
        Processor time of its processes, the database's left out.
    peak_mb : float
        Most memory that its processes took together (proportional set size, million bytes).
    formats : mapping of str to (float, float)
        Megabytes and seconds of each.
    commune_s, commune_count : float, int
        Seconds that all formats of the largest commune take when they are first asked for, and its records.
    """

    seconds: float
    cpu_s: float
    peak_mb: float
    formats: dict[str, tuple[float, float]]
    commune_s: float
    commune_count: int


def make(server: Server) -> Made:
    """Make the files of all addresses, the start of the command included.

    Raises
    ------
    BenchmarkError
        When the command fails or does not tell its files.
    """
    folder = VAR / "open-files"
    shutil.rmtree(folder, ignore_errors=True)
    environment = {**plain_environment(), "DATABASE_URL": server.url(IMPORTED), "BANDOSO_VAR_DIR": str(folder)}
    log, started, spent = VAR / "files.log", time.monotonic(), _cpu_s()
    with log.open("w") as file:
        process = psutil.Popen(_COMMAND, env=environment, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _memory_mb(process))
            time.sleep(_EVERY_S)
    seconds, cpu_s, text = time.monotonic() - started, _cpu_s() - spent, log.read_text(encoding="utf-8")
    formats = {name: (float(size), float(took)) for name, size, took in _FILE.findall(text)}
    if process.returncode or not formats:
        raise BenchmarkError(f"files build ended with {process.returncode}:\n{text[-2000:]}")
    commune = _make_commune(FileFolder(folder / "files"))
    shutil.rmtree(folder, ignore_errors=True)
    return Made(seconds, cpu_s, peak, formats, *commune)


def _make_commune(folder: FileFolder) -> tuple[float, int]:
    dated = folder.all(REGISTER)[0]
    largest = max((area for area in dated.areas if area.id.startswith("commune-")), key=lambda area: area.count)
    started = time.monotonic()
    make_area(folder, dated, largest, most_mb=1000)
    return time.monotonic() - started, largest.count


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory_mb(process: psutil.Popen) -> float:
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_full_info().pss
    except psutil.Error:
        return 0.0
    return total / 1e6
