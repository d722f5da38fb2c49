"""Let GDAL into the reader for the few formats that need it, with the fewest drivers.

Decision 0015. GDAL chooses a driver by what a file holds, so every driver but these is left out before GDAL is loaded,
and what is live is looked at before anything is opened.
"""

import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

from geodata.importing.results import UnreadableFileError

DRIVERS = frozenset(("MapInfo File", "OpenFileGDB", "DXF"))
"""All that may be live."""

MODULES = ("pyogrio", "fiona", "osgeo", "rasterio")
"""Python's ways to GDAL."""

HIDDEN = {*MODULES, "pandas"}
"""Modules that cannot be loaded in the reader.

Beside the ways to GDAL that is pandas, which pyarrow imports where it finds it, at the price of more time than reading
most files takes.
"""

ALL_DRIVERS = "BANDOSO_GDAL_DRIVERS"
"""Variable of the environment in which the worker names the drivers of this build once it knows them."""

# Without what pyogrio would load where it finds it, and a list of drivers does not need.
_LIST = (
    "import sys; sys.modules.update(dict.fromkeys(('geopandas', 'pandas', 'pyarrow', 'pyproj', 'shapely')));"
    "import json, pyogrio; print(json.dumps(sorted(pyogrio.list_drivers())))"
)
_TIMEOUT_S = 60.0
_OPTIONS = {
    "GDAL_DRIVER_PATH": "disable",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",
    "GDAL_NUM_THREADS": "1",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "CPL_DEBUG": "OFF",
    "PROJ_NETWORK": "OFF",
    # Bytes stay bytes, in letters that GDAL writes nowhere else: `geodata.importing.gdal_text`.
    "DXF_ENCODING": "ISO-8859-5",
    # A block stays the point where it was set; blocks within blocks would multiply.
    "DXF_INLINE_BLOCKS": "NO",
    "DXF_CLOSED_LINE_AS_POLYGON": "YES",
}


def load() -> ModuleType:
    """Load pyogrio with nothing but the allowed drivers.

    Returns
    -------
    module
        ``pyogrio``, with ``pyogrio.raw``.

    Raises
    ------
    UnreadableFileError
        ``GDAL_UNSAFE`` if any other driver is live all the same.
    """
    if "pyogrio" not in sys.modules:
        skipped = ",".join(name for name in all_drivers() if name not in DRIVERS)
        os.environ.update(_OPTIONS, GDAL_SKIP=skipped, OGR_SKIP=skipped)
        HIDDEN.discard("pyogrio")
    import pyogrio  # noqa: PLC0415 - what it may do is set above
    import pyogrio.raw  # noqa: PLC0415

    if unexpected := live_drivers(pyogrio) - DRIVERS:
        raise UnreadableFileError("GDAL_UNSAFE", drivers=sorted(unexpected)[:20])
    module: ModuleType = pyogrio
    return module


def live_drivers(pyogrio: Any) -> set[str]:
    """Name the drivers that could open a file."""
    return set(pyogrio.list_drivers())


def all_drivers() -> list[str]:
    """List the drivers of this build.

    It takes a process of its own, since drivers cannot be left out any more once GDAL is loaded.
    """
    if known := os.environ.get(ALL_DRIVERS):
        return known.split(",")
    environment = {name: value for name, value in os.environ.items() if name not in ("GDAL_SKIP", "OGR_SKIP")}
    answer = subprocess.run(
        [sys.executable, "-P", "-s", "-c", _LIST],
        env=environment,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=True,
    )
    names: list[str] = json.loads(answer.stdout)
    return names
