"""Move ground that Natural Earth still draws in the province it belonged to before 2004 or 2008.

Than Uyên and Mường Tè are in Lai Châu, Lấp Vò and Lai Vung in Đồng Tháp, Mê Linh in Hà Nội. No free
outline of the right border was found, so the cut runs halfway between the communes on both sides.
"""

from collections.abc import Iterable, Mapping

import shapely
from shapely.geometry.base import BaseGeometry

from geodata.reference import CommuneRow

CORRECTIONS = (("11", "12"), ("15", "12"), ("92", "82"), ("25", "01"))
"""Province that has too much in Natural Earth, province it belongs to."""

NODE_GRID_DEG = 1e-5
"""The grid of the source's own coordinates, so that untouched vertices stay where they are."""


def correct_borders(
    provinces: Mapping[str, BaseGeometry], neighbour: BaseGeometry, communes: Iterable[CommuneRow]
) -> tuple[dict[str, BaseGeometry], BaseGeometry]:
    """Give the ground around misplaced communes to their own province.

    Parameters
    ----------
    provinces : mapping of str to geometry
        Outlines by province code, degrees; a coverage together with ``neighbour``.
    neighbour : geometry
        The land across the border.
    communes : iterable of CommuneRow
        Their points decide where a border is wrong and where the cut runs.

    Returns
    -------
    tuple
        Provinces and neighbour, again a coverage: new corners are added to everyone they touch.
    """
    communes = list(communes)
    moved = [(right, find_misplaced(provinces[wrong], wrong, right, communes)) for wrong, right in CORRECTIONS]
    edges = [area.boundary for area in (*provinces.values(), neighbour, *(piece for _, piece in moved))]
    lines = shapely.union_all(edges, grid_size=NODE_GRID_DEG)
    owners: list[tuple[str, BaseGeometry]] = [*moved, *provinces.items(), ("", neighbour)]
    faces: dict[str, list[BaseGeometry]] = {owner: [] for owner, _ in owners}
    for face in shapely.get_parts(shapely.polygonize(shapely.get_parts(lines))):
        inside = face.representative_point()
        owner = next((owner for owner, area in owners if area.contains(inside)), None)
        if owner is not None:
            faces[owner].append(face)
    united = {owner: shapely.union_all(parts) for owner, parts in faces.items()}
    for wrong, right in CORRECTIONS:
        united[wrong], united[right] = give_up_remnants(united[wrong], united[right])
    return {code: united[code] for code in provinces}, united[""]


def find_misplaced(outline: BaseGeometry, wrong: str, right: str, communes: Iterable[CommuneRow]) -> BaseGeometry:
    """Find the part of an outline that is nearest to misplaced communes.

    Parameters
    ----------
    outline : geometry
        Of the province ``wrong``.
    wrong, right : str
        Province codes; communes of other provinces are ignored.
    communes : iterable of CommuneRow
        Those without a point are passed over.

    Returns
    -------
    geometry
        Degrees; empty if no commune of ``right`` has its point inside.
    """
    codes_points = [
        (row.province_code, shapely.Point(row.rep_lon, row.rep_lat))
        for row in communes
        if row.province_code in {wrong, right} and row.rep_lon is not None and row.rep_lat is not None
    ]
    sites = shapely.MultiPoint([point for _, point in codes_points])
    cells = shapely.voronoi_polygons(sites, extend_to=outline, ordered=True)
    misplaced = [
        cell
        for (code, point), cell in zip(codes_points, cells.geoms, strict=True)
        if code == right and outline.contains(point)
    ]
    return shapely.union_all(misplaced).intersection(outline)


def give_up_remnants(loser: BaseGeometry, winner: BaseGeometry) -> tuple[BaseGeometry, BaseGeometry]:
    """Pass on the slips of land that a moved piece cut off from the rest of its former province.

    Parameters
    ----------
    loser, winner : geometry
        Neighbours in a coverage.

    Returns
    -------
    tuple of geometry
        The loser without its smaller parts that touch the winner, and the winner with them. Islands stay.
    """
    parts = sorted(shapely.get_parts(loser), key=lambda part: float(part.area), reverse=True)
    remnants = [part for part in parts[1:] if part.touches(winner)]
    kept = [part for part in parts if part not in remnants]
    return shapely.union_all(kept), shapely.union_all([winner, *remnants])
