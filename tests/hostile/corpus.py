"""All hostile files, family by family."""

from collections.abc import Mapping, Sequence
from types import ModuleType

from tests.hostile import (
    archives,
    bombs,
    communes,
    csv_tricks,
    disguises,
    drawings,
    geojson_tricks,
    geopackages,
    kml_tricks,
    names,
    pictures,
    shapefiles,
    shapes,
    xml_tricks,
)
from tests.hostile.cases import Case

LEAST: Mapping[str, int] = {
    disguises.FAMILY: 30,
    archives.FAMILY: 20,
    bombs.FAMILY: 20,
    xml_tricks.FAMILY: 25,
    geopackages.FAMILY: 25,
    shapefiles.FAMILY: 30,
    geojson_tricks.FAMILY: 25,
    csv_tricks.FAMILY: 25,
    kml_tricks.FAMILY: 15,
    shapes.FAMILY: 20,
    pictures.FAMILY: 15,
    communes.FAMILY: 10,
    drawings.FAMILY: 20,
    names.FAMILY: 10,
}
"""Family to the least number of files it must have."""


def gather(*families: ModuleType) -> Sequence[Case]:
    """List the files of some families."""
    return [case for family in families for case in family.cases()]


ALL = (
    disguises, archives, bombs, xml_tricks, geopackages, shapefiles, geojson_tricks, csv_tricks, kml_tricks, shapes,
    pictures, communes, drawings, names,
)  # fmt: skip
