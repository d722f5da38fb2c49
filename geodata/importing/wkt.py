"""Read WKT and EWKT, as table columns hold it."""

import json
import re

from geodata.importing.wkb import GEOMETRY_CODES, geometry_wkb

_WKT = re.compile(r"\s*(?:SRID=(\d+);)?\s*([A-Z]+)\s*(Z|M|ZM)?\s*(EMPTY|\(.*\))\s*", re.IGNORECASE | re.DOTALL)
_WKT_NAMES = {name.upper(): name for name in (*GEOMETRY_CODES, "GeometryCollection")}


def parse_wkt(text: str, max_vertices: int) -> tuple[bytes | None, str | None, str | None]:
    """Read WKT or EWKT into 2D WKB.

    Returns
    -------
    bytes or None, str or None, str or None
        Geometry, problem code, SRID.
    """
    match = _WKT.fullmatch(text)
    if match is None:
        return None, "GEOM_UNREADABLE", None
    srid, kind, body = match[1], match[2].upper(), match[4]
    # "(1 2, 3 4)" becomes "[[1,2],[3,4]]", which is the GeoJSON form but for points.
    nested = re.sub(r"[^(),]+", lambda part: f"[{','.join(part[0].split())}]" if part[0].strip() else "", body)
    try:
        found = [] if body.upper() == "EMPTY" else json.loads(nested.replace("(", "[").replace(")", "]"))
    except (ValueError, RecursionError):
        found = None
    if found is None and kind in _WKT_NAMES and kind != "GEOMETRYCOLLECTION":
        return None, "GEOM_UNREADABLE", srid
    if kind == "POINT" and found:
        found = found[0]
    if kind == "MULTIPOINT" and found and isinstance(found[0], list) and found[0] and isinstance(found[0][0], list):
        found = [point[0] for point in found if point]
    return *geometry_wkb(_WKT_NAMES.get(kind, kind), found, max_vertices), srid
