"""How fast the product packs its tiles into a PMTiles archive."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from tests.benchmarks.data import IMPORTED
from tests.benchmarks.load import BenchmarkError
from tests.benchmarks.places import PROVINCE, ROOT, VAR, plain_environment
from tests.conftest import Server

_COMMAND = (sys.executable, "-m", "service", "tiles", "pack")
_SAID = re.compile(r"^([\d\u202f]+) ô/tiles, ([\d\u202f]+) byte, ([\d\u202f]+) ô/giây \(tiles/s\)")


@dataclass(frozen=True)
class Packed:
    """What the command's last line says."""

    tiles: int
    megabytes: float
    tiles_a_second: int


def pack(server: Server) -> Packed | None:
    """Pack a province with all cores, the start of the command included; None where the product has no such command.

    Raises
    ------
    BenchmarkError
        When the command fails or does not tell its rate.
    """
    folder = VAR / "packing"
    # What was packed before would be found packed already.
    shutil.rmtree(folder, ignore_errors=True)
    environment = {**plain_environment(), "DATABASE_URL": server.url(IMPORTED), "BANDOSO_VAR_DIR": str(folder)}
    if _run([*_COMMAND, "--help"], environment).returncode:
        return None
    answer = _run([*_COMMAND, "--province", PROVINCE], environment)
    lines = answer.stdout.strip().splitlines()
    found = _SAID.match(lines[-1]) if lines else None
    if answer.returncode or found is None:
        raise BenchmarkError(f"tiles pack ended with {answer.returncode}:\n{answer.stdout}\n{answer.stderr[-2000:]}")
    tiles, size, rate = (int(part.replace("\u202f", "")) for part in found.groups())
    return Packed(tiles, size / 1e6, rate)


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
