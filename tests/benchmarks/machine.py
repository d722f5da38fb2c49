"""What the figures were measured on and with."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import psutil

from tests.benchmarks.data import TEMPLATE
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.places import HERE, ROOT
from tests.benchmarks.servers import find_martin
from tests.conftest import Server

_PACKAGES = (
    "uvicorn",
    "uvloop",
    "httptools",
    "asyncpg",
    "psycopg",
    "fastapi",
    "pyogrio",
    "pyproj",
    "pyarrow",
    "shapely",
)


def require_programs() -> None:
    """Stop at once where a program is missing, not after minutes.

    Raises
    ------
    BenchmarkError
        Naming the packages to install.
    """
    packages = {"wrk": "wrk", "ogr2ogr": "gdal-bin"}
    missing = [package for program, package in packages.items() if shutil.which(program) is None]
    if missing:
        raise BenchmarkError(f"missing programs; run: sudo apt-get install --no-install-recommends {' '.join(missing)}")


def describe_machine() -> str:
    """Name the machine: processor, cores, memory, system."""
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    memory = psutil.virtual_memory().total / (1 << 30)
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}"


def describe_versions(server: Server) -> str:
    """Name the versions of everything that takes part."""
    with server.administrator(TEMPLATE) as connection:
        postgresql = connection.execute("SHOW server_version").fetchone()
        postgis = connection.execute("SELECT public.postgis_full_version()").fetchone()
    assert postgresql is not None
    assert postgis is not None
    parts = re.findall(r'(?:POSTGIS|GEOS|PROJ)="[^" ]+', postgis[0])
    tools = [_first_line("ogr2ogr", "--version").partition(",")[0], " ".join(_first_line("wrk", "-v").split()[:2])]
    packages = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES]
    peer = re.search(r"^tipg==(\S+)", (HERE / "peers.txt").read_text(), re.MULTILINE)
    shown = [
        f"PostgreSQL {postgresql[0].split()[0]}", *(part.replace('="', " ") for part in parts), *tools,
        f"Python {platform.python_version()}", *packages, f"tipg {peer[1] if peer else '?'}",
        *([_first_line(str(martin), "--version")] if (martin := find_martin()) else []),
    ]  # fmt: skip
    return ", ".join(shown)


def describe_source() -> str:
    """Name the commit that is measured."""
    commit = _first_line("git", "rev-parse", "--short", "HEAD")
    changes = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    return f"{commit or 'unknown'}{' with changes' if changes.stdout else ''}"


def _first_line(*command: str) -> str:
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.partition("\n")[0].strip()
