"""GeoJSON text sequences (RFC 8142): one feature after another, each behind a record separator."""

from pathlib import Path
from typing import Final

import orjson
import shapely

from geodata.exporting.flat_values import rows_of
from geodata.exporting.open_columns import GEOMETRY, ID
from geodata.exporting.snapshot import Part
from geodata.geometry import from_wkb
from geodata.public_views import DECIMALS

MEDIA_TYPE: Final = "application/geo+json-seq"
_RS, _LF = b"\x1e", b"\n"


def write_geojsonseq(part: Part, path: Path) -> None:
    """Write a part as features: the same members as in the API, lists as lists."""
    names = [name for name in part.columns.names if name != ID]
    with path.open("wb") as file:
        for batch in part.batches():
            places = shapely.transform(from_wkb(batch.column(GEOMETRY)), lambda numbers: numbers.round(DECIMALS))
            written = shapely.to_geojson(places)
            ids = batch.column(ID).to_pylist()
            for uuid, place, row in zip(ids, written, rows_of(batch.select(names)), strict=True):
                geometry = None if place is None else orjson.Fragment(place)
                feature = {"type": "Feature", "id": uuid, "geometry": geometry, "properties": row}
                file.write(b"".join((_RS, orjson.dumps(feature), _LF)))
