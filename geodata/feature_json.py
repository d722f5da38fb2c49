"""Features as JSON in any coordinate system: GeoJSON (RFC 7946) and JSON-FG (OGC 21-045r1)."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from sqlalchemy import Row

from geodata.reference_systems import CRS84, ReferenceSystem, reference_systems
from geodata.register import Register

JSON_FG_CORE: Final = "http://www.opengis.net/spec/json-fg-1/1.0/conf/core"
JSON_FG_TYPES: Final = "http://www.opengis.net/spec/json-fg-1/1.0/conf/types-schemas"


def geojson_features(rows: Sequence[Row[Any]], system: ReferenceSystem) -> list[str]:
    """Return features in parts as GeoJSON, with the coordinates of a system."""
    shapes = _written(rows, system)
    return [
        f'{{"type":"Feature","id":"{row.uuid}","geometry":{shape},"properties":{row.properties}}}'
        for row, shape in zip(rows, shapes, strict=True)
    ]


def jsonfg_features(rows: Sequence[Row[Any]], system: ReferenceSystem, *, has_fallback: bool) -> list[str]:
    """Return features in parts as JSON-FG: in ``place`` what is not WGS 84 with longitude first.

    Parameters
    ----------
    has_fallback : bool
        Whether ``geometry`` is given beside ``place``, for readers of GeoJSON (profile ``jsonfg-plus``).
    """
    lon_lat = reference_systems()[CRS84]
    places = ["null"] * len(rows) if system.is_lon_lat else _written(rows, system)
    shapes = _written(rows, lon_lat) if system.is_lon_lat or has_fallback else ["null"] * len(rows)
    return [
        f'{{"type":"Feature","id":"{row.uuid}","time":{_time(row)},"place":{place},"geometry":{shape},'
        f'"properties":{row.properties}}}'
        for row, place, shape in zip(rows, places, shapes, strict=True)
    ]


def jsonfg_head(register: Register, system: ReferenceSystem, base: str) -> dict[str, Any]:
    """Return what a JSON-FG document says of all its features, by addresses that begin with ``base``."""
    return {
        "conformsTo": [JSON_FG_CORE, JSON_FG_TYPES],
        "featureType": register.id,
        "featureSchema": f"{base}/collections/{register.id}/schema",
        "coordRefSys": system.uri,
    }


def _time(row: Row[Any]) -> str:
    """Return when the record is or was in force; null where it does not say."""
    days = row._mapping
    if "valid_from" not in days:
        return "null"
    end = days["valid_to"]
    # What is in force until a day is so no more on that day; JSON-FG's intervals hold both their ends.
    last = ".." if end is None else (np.datetime64(end) - 1).item().isoformat()
    return orjson.dumps({"interval": [days["valid_from"].isoformat(), last]}).decode()


def _written(rows: Sequence[Row[Any]], system: ReferenceSystem) -> Iterator[str]:
    shapes = system.written(read_shapes(rows))
    return (text or "null" for text in shapely.to_geojson(shapes).tolist()) if len(rows) else iter(())


def read_shapes(rows: Sequence[Row[Any]]) -> NDArray[np.object_]:
    """Return the shapes of features in parts (WGS 84, longitude first); None where one has none."""
    return np.asarray(shapely.from_wkb(np.array([row.wkb for row in rows], dtype=object)), dtype=object)
