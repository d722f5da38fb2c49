"""Fields: strips of parcels between canals, cut to shape by villages and borders; growing areas are made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from geodata.sample.plane import Floats, random_points

AREAS_PER_COMMUNE = 105

_ZONES = 8
_FROM_BORDER_M, _FROM_CORE_M, _CANAL_M, _PATH_M = 15.0, 30.0, 14.0, 4.0
_STRIP_M = (110.0, 210.0)
_PARCEL_M = (190.0, 480.0)
_SKEW_M = 9.0
_KEPT_SHARE = 0.6
_SIMPLER_M = 2.0
_LEAST_M2 = 9_000.0
_ROUNDEST = 0.28
_WALKED_STEP_M = 55.0
_WALKED_NOISE_M = 1.1
_SHARE_WALKED = 0.4
_SHARE_DOUBLE = 0.1
_NEIGHBOURS_M = 2 * _PATH_M + 6.0
_RAGGED_M = 250.0


@dataclass(frozen=True)
class Plot:
    """The ground of one growing area.

    Attributes
    ----------
    commune, village, zone : int
        Numbers of the commune, of the nearest village that works it, and of the field zone, from 0.
    shape : Polygon or MultiPolygon
        Metres of the plane.
    is_walked : bool
        Whether the boundary has the many points of a walk around it.
    """

    commune: int
    village: int
    zone: int
    shape: shapely.Geometry
    is_walked: bool


def make_plots(
    random: np.random.Generator,
    outlines: Sequence[shapely.Polygon],
    cores: Sequence[Sequence[shapely.Polygon]],
) -> list[Plot]:
    """Return `AREAS_PER_COMMUNE` plots for each commune: none overlaps another, a village core or a border.

    Parameters
    ----------
    outlines : sequence of Polygon
        The communes, metres of the plane.
    cores : sequence of sequences of Polygon
        The built-up ground of each commune's villages.
    """
    plots: list[Plot] = []
    for commune, (outline, built) in enumerate(zip(outlines, cores, strict=True)):
        land = outline.buffer(-_FROM_BORDER_M) - shapely.union_all(built).buffer(_FROM_CORE_M)
        plots += _commune_plots(random, commune, land, built)
    return plots


def _commune_plots(
    random: np.random.Generator, commune: int, land: shapely.Geometry, built: Sequence[shapely.Polygon]
) -> list[Plot]:
    parcels = [
        (zone, parcel) for zone, ground in enumerate(_zones(random, land)) for parcel in _parcels(random, ground)
    ]
    near = shapely.distance(np.array([parcel for _, parcel in parcels])[:, None], np.array(built)[None, :])
    village = near.argmin(axis=1)
    doubles = round(AREAS_PER_COMMUNE * _SHARE_DOUBLE)
    ragged = near.min(axis=1) + random.normal(0, _RAGGED_M, len(parcels))
    chosen = np.sort(np.argsort(ragged)[: AREAS_PER_COMMUNE + doubles]).tolist()
    groups = _pair_up([parcels[n] for n in chosen], doubles)
    plots = []
    for group in groups:
        zone, _ = parcels[chosen[group[0]]]
        is_walked = bool(random.random() < _SHARE_WALKED)
        shapes = [parcels[chosen[n]][1] for n in group]
        drawn = [_walked(random, shape) if is_walked else shape for shape in shapes]
        shape = drawn[0] if len(drawn) == 1 else shapely.MultiPolygon(drawn)
        plots.append(Plot(commune, int(village[chosen[group[0]]]), zone, shape, is_walked))
    return plots


def _zones(random: np.random.Generator, land: shapely.Geometry) -> Iterator[shapely.Geometry]:
    """Divide the land by canals into zones, each with its own direction of strips."""
    seeds = shapely.MultiPoint(random_points(random, land, _ZONES))
    cells = shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=land))
    for cell in cells:
        yield cell.buffer(-_CANAL_M / 2, join_style="mitre").intersection(land)


def _parcels(random: np.random.Generator, ground: shapely.Geometry) -> list[shapely.Polygon]:
    """Lay strips over a zone and keep the parcels that are mostly inside it."""
    centre = shapely.get_coordinates(ground.centroid)[0]
    reach = float(shapely.hausdorff_distance(ground.centroid, ground.envelope))
    angle = random.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    quads = shapely.polygons(np.array([quad @ turn + centre for quad in _strips(random, reach)]))
    cut = shapely.simplify(shapely.intersection(quads, ground), _SIMPLER_M)
    whole = (
        (shapely.get_type_id(cut) == shapely.GeometryType.POLYGON)
        & (shapely.get_num_interior_rings(cut) == 0)
        & (shapely.area(cut) >= _KEPT_SHARE * shapely.area(quads))
        & (shapely.area(cut) >= _LEAST_M2)
        & (4 * np.pi * shapely.area(cut) / np.maximum(shapely.length(cut), 1) ** 2 >= _ROUNDEST)
    )
    return list(cut[whole])


def _strips(random: np.random.Generator, reach: float) -> Iterator[Floats]:
    """Yield the corners of parcels, shape (4, 2), over a square of half-width ``reach`` around the origin."""
    south = -reach
    while south < reach:
        north = south + float(random.uniform(*_STRIP_M))
        cuts = -reach + np.cumsum(random.uniform(*_PARCEL_M, size=int(2 * reach / _PARCEL_M[0]) + 2))
        lower = cuts + random.normal(0, _SKEW_M, len(cuts))
        upper = cuts + random.normal(0, _SKEW_M, len(cuts))
        for n in np.flatnonzero(cuts[:-1] < reach).tolist():
            west, east = (
                (lower[n] + _PATH_M, upper[n] + _PATH_M),
                (lower[n + 1] - _PATH_M, upper[n + 1] - _PATH_M),
            )
            yield np.array([(west[0], south), (east[0], south), (east[1], north), (west[1], north)])
        south = north + _CANAL_M / 2


def _pair_up(parcels: Sequence[tuple[int, shapely.Polygon]], pairs: int) -> list[list[int]]:
    """Group parcels into growing areas: some are two parcels on either side of a path."""
    groups: list[list[int]] = []
    step = max(1, len(parcels) // (2 * pairs))
    n = 0
    while n < len(parcels):
        is_due = pairs > 0 and (n % step == 0 or len(parcels) - n <= 2 * pairs)
        follows = n + 1 < len(parcels) and parcels[n][0] == parcels[n + 1][0]
        if is_due and follows and parcels[n][1].distance(parcels[n + 1][1]) < _NEIGHBOURS_M:
            groups.append([n, n + 1])
            pairs -= 1
            n += 1
        else:
            groups.append([n])
        n += 1
    return groups[:AREAS_PER_COMMUNE]


def _walked(random: np.random.Generator, parcel: shapely.Polygon) -> shapely.Polygon:
    """Return the parcel as a walk with a receiver draws it: a point every few steps, none quite on the line."""
    dense = shapely.get_coordinates(shapely.segmentize(parcel.exterior, _WALKED_STEP_M))[:-1]
    noise = np.clip(random.normal(0, _WALKED_NOISE_M, dense.shape), -2 * _WALKED_NOISE_M, 2 * _WALKED_NOISE_M)
    walked = shapely.Polygon(dense + noise)
    return walked if walked.is_valid else parcel
