"""Rows that an officer of one commune sends for another: named, hidden, by number, or with many at once."""

from collections.abc import Iterator
from typing import Any

from tests.geodata.importing.workbooks import workbook
from tests.hostile.cases import COMMUNE, FOREIGN_COMMUNE, LAT, LON, Case, csv, feature, fixed, geojson, good_row
from tests.hostile.geopackages import geopackage

FAMILY = "cross-commune rows"
_CODES: dict[str, tuple[Any, str]] = {
    "named": (FOREIGN_COMMUNE, "ok 1/2 COMMUNE_NOT_YOURS"),
    "with blanks around": (f" {FOREIGN_COMMUNE} ", "ok 1/2 COMMUNE_NOT_YOURS"),
    "as a number": (int(FOREIGN_COMMUNE), "ok 1/2 COMMUNE_UNKNOWN"),
    "as a number with decimals": (f"{int(FOREIGN_COMMUNE)}.0", "ok 1/2 COMMUNE_UNKNOWN"),
    "in full-width digits": ("０１２７３", "ok 1/2 COMMUNE_UNKNOWN"),
    "in Arabic digits": ("٠١٢٧٣", "ok 1/2 COMMUNE_UNKNOWN"),
    "with a letter that is not seen": (f"{FOREIGN_COMMUNE}\u200b", "ok 1/2 COMMUNE_NOT_YOURS"),
    "one's own with another behind": (f"{COMMUNE},{FOREIGN_COMMUNE}", "ok 1/2 COMMUNE_UNKNOWN"),
    "as SQL": (f"{COMMUNE}' OR '1'='1", "ok 1/2 COMMUNE_UNKNOWN"),
    "unknown": ("99999", "ok 1/2 COMMUNE_UNKNOWN"),
    "none": (None, "ok 1/2 COMMUNE_NOT_FOUND"),
    "a list": ([COMMUNE, FOREIGN_COMMUNE], "ok 1/2 COMMUNE_UNKNOWN"),
    "as its name": ("Phường Thục Phán", "ok 1/2 COMMUNE_UNKNOWN"),
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, (code, expected) in _CODES.items():
        yield Case(FAMILY, name, ".geojson", expected, fixed(geojson(feature(), feature(ma_xa=code))))
    rows = [("x", FOREIGN_COMMUNE, LON, LAT)] * 2_000
    yield Case(
        FAMILY,
        "2,000 of another",
        ".csv",
        "ok 1/2001 COMMUNE_NOT_YOURS:2000 COORDINATES_ROUNDED",
        fixed(csv(good_row(), *rows)),
    )
    two = csv((*good_row(), FOREIGN_COMMUNE), header="ten,ma_xa,lon,lat,commune_code")
    yield Case(FAMILY, "two columns for it", ".csv", "ok 1/1", fixed(two))
    sheet = workbook([["ten", "ma_xa", "lon", "lat"], ["a", COMMUNE, LON, LAT], ["b", FOREIGN_COMMUNE, LON, LAT]])
    yield Case(FAMILY, "in a workbook", ".xlsx", "ok 1/2 COMMUNE_NOT_YOURS", fixed(sheet))
    sql = f"INSERT INTO v (geom, ten, ma_xa) SELECT geom, 'x', '{FOREIGN_COMMUNE}' FROM v"
    yield Case(FAMILY, "in a GeoPackage", ".gpkg", "ok 1/2 COMMUNE_NOT_YOURS", lambda bait: geopackage(bait, sql))
