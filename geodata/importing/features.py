"""Features whose columns are known only at the end (GeoJSON, KML), as a layer with Arrow columns."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from geodata.importing.context import ReadContext
from geodata.importing.results import EncodingChoice, RowBatch
from geodata.importing.text_columns import text_array

# OGC:CRS84: WGS 84, longitude first (RFC 7946, section 4; KML 2.2, section 6.2).
CRS84_WKT = (
    'GEOGCRS["WGS 84 (CRS84)",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],'
    'CS[ellipsoidal,2],AXIS["geodetic longitude (Lon)",east],AXIS["geodetic latitude (Lat)",north],'
    'UNIT["degree",0.0174532925199433],ID["OGC","CRS84"]]'
)


class Feature(NamedTuple):
    """A row before its columns are known."""

    wkb: bytes | None
    problem: str | None
    properties: dict[str, Any]


class ColumnsGrewError(Exception):
    """A later feature had a property the first ones lacked; the layer now knows all and is read again."""


class FeatureLayer:
    """Features whose columns appear as they are read (GeoJSON, KML), as Arrow columns.

    Parameters
    ----------
    features : callable
        Gives the features from the start, in lists that each become one batch.
    """

    knows_itself_early, is_unicode = False, True
    encoding = EncodingChoice("utf-8", "format", certain=True)

    def __init__(
        self,
        context: ReadContext,
        format_name: str,
        features: Callable[[], Iterable[list[Feature]]],
        crs: tuple[str | None, str | None] = (CRS84_WKT, "degrees"),
    ) -> None:
        self.format, (self.crs_wkt, self.crs_hint) = format_name, crs
        self.columns: list[str] = []
        self._context, self._features = context, features

    def batches(self) -> Iterator[RowBatch]:
        """Yield the rows; raises ``ColumnsGrewError`` at the end if the columns were not complete."""
        found, start = dict.fromkeys(self.columns), 1
        for features in self._features():
            for feature in features:
                if not feature.properties.keys() <= found.keys():
                    found.update(dict.fromkeys(feature.properties))
            self._context.check_columns(len(found))
            self._context.check_rows(start + len(features) - 1)
            if start == 1 and not self.columns:
                self.columns = list(found)
            yield RowBatch(
                np.arange(start, start + len(features), dtype=np.int64),
                pa.array([feature.wkb for feature in features], pa.binary()),
                pa.array([feature.problem for feature in features], pa.string()),
                [text_array([feature.properties.get(name) for feature in features]) for name in self.columns],
            )
            start += len(features)
        if len(found) > len(self.columns):
            self.columns = list(found)
            raise ColumnsGrewError
