"""Growing areas so many and so small that a tile cannot draw them all."""

from typing import Any

import numpy as np
import shapely

from geodata.db import Database
from tests.geodata.builders import field_of, publish

MIDDLE = (105.75, 21.6)
"""Far from the sample."""

SMALL, LARGE = 3_000, 40
_ACROSS, _DEGREES_PER_M = 0.05, 1 / 111_000


def publish_crowd(database: Database) -> None:
    """Publish small and large growing areas around `MIDDLE`: about 11 km from the first to the last."""
    random = np.random.default_rng(11)
    places = random.uniform(-_ACROSS, _ACROSS, (SMALL + LARGE, 2)) + MIDDLE
    halves_m = np.concatenate([random.uniform(8, 20, SMALL), random.uniform(800, 1200, LARGE)])
    rows: list[dict[str, Any]] = [
        field_of(f"VN-CROWD-{at}", geom=shapely.Point(place).buffer(half * _DEGREES_PER_M, cap_style="square"))
        for at, (place, half) in enumerate(zip(places, halves_m, strict=True))
    ]
    with database.worker() as connection:
        publish(connection, "growing_areas", rows)
