"""The sample as a whole: one seed, one small part of a province, every record fit to be written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from geodata.sample.addresses import address_records, households_by_village
from geodata.sample.communes import commune_record, make_outlines
from geodata.sample.fields import make_plots
from geodata.sample.growing import growing_area_records
from geodata.sample.ntm import ntm_records
from geodata.sample.plane import to_lonlat
from geodata.sample.tourism import Ground, tourism_records
from geodata.sample.villages import Settlement, household_counts, make_settlements, village_record

SEED = 2026
REGISTERS = ("communes", "villages", "addresses", "growing_areas", "tourism_points", "ntm_results")
"""The registers that the sample fills, in the order in which they can be published."""

Record = tuple[dict[str, Any], shapely.Geometry]

_EVERY_NTH_IS_A_POINT = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """A made-up part of a province.

    Attributes
    ----------
    seed : int
        The same seed makes the same sample.
    records : mapping of register id to records
        Each record is the values of its write model (fields without a value are missing) and its geometry,
        degrees WGS 84, longitude first.
    """

    seed: int
    records: Mapping[str, Sequence[Record]]


def make_sample(seed: int = SEED) -> Sample:
    """Make the sample: 3 communes, 36 villages, 5,000 addresses, 315 growing areas (300 on the map), 60 tourism points, 6 results.

    Parameters
    ----------
    seed : int
        Starts every random stream; each register has its own, so a change in one leaves the others as they are.
    """
    streams = np.random.default_rng(seed).spawn(7)
    outlines = make_outlines(streams[0])
    settlements = make_settlements(streams[1], outlines)
    by_commune = [[item for item in settlements if item.commune == n] for n in range(len(outlines))]
    plots = make_plots(streams[2], outlines, [[item.core for item in items] for items in by_commune])
    addresses = address_records(streams[3], settlements)
    grounds = [
        Ground(outline, items, [plot for plot in plots if plot.commune == n])
        for n, (outline, items) in enumerate(zip(outlines, by_commune, strict=True))
    ]
    areas = zip(growing_area_records(streams[4], plots, settlements), plots, strict=True)
    records = {
        "communes": [(commune_record(n, outline), outline) for n, outline in enumerate(outlines)],
        "villages": _villages(streams[5], settlements, [values for values, _ in addresses]),
        "addresses": addresses,
        "growing_areas": [(values, plot.shape) for values, plot in areas],
        "tourism_points": tourism_records(streams[6], grounds),
        "ntm_results": ntm_records(outlines),
    }
    return Sample(
        seed,
        {name: [(values, to_lonlat(shape)) for values, shape in found] for name, found in records.items()},
    )


def _villages(
    random: np.random.Generator, settlements: Sequence[Settlement], addresses: Sequence[dict[str, Any]]
) -> list[Record]:
    """Return the villages; some are known by a point only, as in older lists."""
    counts = household_counts(random, households_by_village(addresses, settlements))
    serials: dict[int, int] = {}
    found: list[Record] = []
    for n, (settlement, count) in enumerate(zip(settlements, counts, strict=True)):
        serials[settlement.commune] = serials.get(settlement.commune, 0) + 1
        is_point = n % _EVERY_NTH_IS_A_POINT == _EVERY_NTH_IS_A_POINT - 1
        shape = shapely.point_on_surface(settlement.core) if is_point else settlement.core
        found.append((village_record(random, settlement, serials[settlement.commune], count), shape))
    return found
