"""Values of parameters that give something where the sample data is loaded."""

from collections.abc import Mapping
from typing import Any

EXAMPLES: Mapping[str, Any] = {
    "collectionId": "tourism_points", "register": "tourism_points", "featureId": "1", "layers": "communes,villages", "q": "lang nghe",
    "bbox": [106.2, 20.3, 106.3, 20.4], "limit": 10, "ending": "csv", "z": 12, "x": 3256, "y": 1811,
    "tileMatrix": 12, "tileRow": 1811, "tileCol": 3256, "format": "json", "number": "1", "tileMatrixSetId": "WebMercatorQuad", "styleId": "communes",
}  # fmt: skip
VN2000_EXAMPLES: Mapping[str, int] = {"tileMatrix": 8, "tileRow": 54, "tileCol": 76}
