"""What a hostile file is here: how it is made, and what must become of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMUNE, FOREIGN_COMMUNE = "20194", "01273"
LON, LAT = 108.1, 16.1
POINT = {"type": "Point", "coordinates": [LON, LAT]}
CANARY = "canh-bao-7f3a9c"


@dataclass(frozen=True)
class Bait:
    """What a file may try to reach: a secret file, an address that is listened to, a way out of the job's folder.

    Attributes
    ----------
    folder : Path
        Where the file may be made.
    secret : Path
        Holds `CANARY`.
    url : str
        Of a server on this machine that counts who calls.
    outside : Path
        Folder in which nothing may appear.
    """

    folder: Path
    secret: Path
    url: str
    outside: Path


Make = Callable[[Bait], bytes]


@dataclass(frozen=True)
class Case:
    """One hostile file.

    Attributes
    ----------
    family : str
        As in `tests.hostile.corpus.LEAST`.
    expected : str
        ``refused CODE`` or ``needs_choice CODE`` for the file as a whole; else the outcome, the valid rows of all, and
        what the report counts; see `tests.hostile.trial.told`.
    is_networked : bool
        Read without the network's namespace, so that only the reader itself can refrain from calling.
    """

    family: str
    name: str
    suffix: str
    expected: str
    make: Make
    is_networked: bool = False
    register: str = "tourism_points"

    @property
    def id(self) -> str:
        """Name it in a list of tests."""
        return f"{self.family}: {self.name}"


def fixed(data: bytes | str) -> Make:
    """Return a maker of always the same file."""
    raw = data.encode() if isinstance(data, str) else data
    return lambda _bait: raw


def calling(text: str) -> Make:
    """Return a maker of a text with ``{secret}`` and ``{url}`` filled in."""
    return lambda bait: text.replace("{secret}", str(bait.secret)).replace("{url}", bait.url).encode()


def feature(geometry: Any = POINT, **properties: Any) -> dict[str, Any]:
    """Return a good tourism point, but for what is given."""
    return {"type": "Feature", "properties": {"ten": "Suối Mơ", "ma_xa": COMMUNE, **properties}, "geometry": geometry}


def geojson(*features: Any, **members: Any) -> str:
    """Return a collection."""
    return json.dumps({"type": "FeatureCollection", "features": list(features), **members}, ensure_ascii=False)


def csv(*rows: Sequence[object], header: str = "ten,ma_xa,lon,lat") -> str:
    """Return a table of tourism points; cells are written as they are."""
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def good_row(name: str = "Suối Mơ") -> tuple[str, str, float, float]:
    """Return the cells of a good row."""
    return name, COMMUNE, LON, LAT


def placemark(shape: str = "", name: str = "Suối Mơ") -> str:
    """Return a KML placemark of a good tourism point, or with another shape."""
    data = f'<ExtendedData><Data name="ma_xa"><value>{COMMUNE}</value></Data></ExtendedData>'
    shape = shape or f"<Point><coordinates>{LON},{LAT}</coordinates></Point>"
    return f"<Placemark><name>{name}</name>{data}{shape}</Placemark>"


def kml(*parts: str, before: str = "") -> str:
    """Return a KML document."""
    return f'{before}<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{"".join(parts)}</Document></kml>'


def waypoint(name: str = "Suối Mơ") -> str:
    """Return a GPX waypoint."""
    return f'<wpt lon="{LON}" lat="{LAT}"><name>{name}</name></wpt>'


def gpx(*parts: str, before: str = "") -> str:
    """Return a GPX document."""
    return f'{before}<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">{"".join(parts)}</gpx>'
