"""Where the benchmark keeps its files, and what it measures with."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
VAR = Path(os.environ.get("BANDOSO_BENCH_VAR", ROOT / "var" / "bench"))
SHARED_UNITS = ROOT.parent / "shared" / "data" / "boundaries" / "vn_units_seed.gpkg.gz"

REGISTER = "addresses"
CRS = 9209
PROVINCE = "37"
SEED = 2026


def plain_environment() -> dict[str, str]:
    """Return this process's environment without what makes Python slower at start than it is for an operator."""
    unwanted = {"PYTHONDONTWRITEBYTECODE", "PYTHONDEVMODE", "PYTHONWARNINGS", "PYTHONASYNCIODEBUG"}
    return {name: value for name, value in os.environ.items() if name not in unwanted}
