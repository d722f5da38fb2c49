"""Names of columns, layers and files as SQL, HTML and paths; thousands of them, and one for two."""

from collections.abc import Iterator

from tests.geodata.importing.workbooks import workbook
from tests.hostile.cases import COMMUNE, LAT, LON, Case, csv, feature, fixed, geojson, good_row
from tests.hostile.geopackages import geopackage
from tests.hostile.shapefiles import ROW, dbf, shapefile
from tests.hostile.zips import Part, write_zip

FAMILY = "names"
_NAMES = {
    "SQL": 'name"); DROP TABLE reg.tourism_points; --',
    "SQL of a placeholder": "%(x)s :x $1 {0}",
    "HTML": "<img src=x onerror=alert(1)>",
    "template": "{{7*7}} ${7*7} <%= 7 %>",
    "path": "../../etc/passwd",
    "formula": "=cmd|'/c calc'!A0",
    "log line": 'x\\n{"level":"INFO"}',
    "our own": "_wkb",
    "field of the register's table": "created_by",
    "500 letters": "x" * 500,
    "turned round": "\u202egnp.exe",
    "NUL": "a\\u0000b",
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, text in _NAMES.items():
        made = geojson(feature(X=1)).replace('"X"', '"' + text.replace('"', '\\"') + '"')
        yield Case(FAMILY, f"GeoJSON column, {name}", ".geojson", "ok 1/1", fixed(made))
    for name in ("SQL", "HTML", "formula", "path"):
        text = _NAMES[name]
        quoted = '"' + text.replace('"', '""') + '"'
        row = [*good_row(), 1]
        yield Case(
            FAMILY, f"CSV column, {name}", ".csv", "ok 1/1", fixed(csv(row, header=f"ten,ma_xa,lon,lat,{quoted}"))
        )
        yield Case(FAMILY, f"CSV cell, {name}", ".csv", "ok 1/1", fixed(csv(good_row(quoted))))
        book = workbook([["ten", "ma_xa", "lon", "lat", text], [text, COMMUNE, LON, LAT, text]])
        yield Case(FAMILY, f"workbook column, {name}", ".xlsx", "ok 1/1", fixed(book))
        inside = write_zip([Part(f"{text.replace('..', '').strip('/')}.csv", csv(good_row()).encode())])
        yield Case(FAMILY, f"member, {name}", ".zip", "ok 1/1", fixed(inside))
    columns = [(b'a");--', b"C", 20, 0), (b"ma_xa", b"C", 5, 0)]
    yield Case(
        FAMILY,
        "DBF column, SQL",
        ".zip",
        "refused 0/1 FIELD_MISSING",
        lambda _: shapefile(table=dbf(ROW, columns=columns)),
    )
    sql = 'ALTER TABLE v ADD COLUMN "x""); DROP TABLE v; --" TEXT'
    yield Case(FAMILY, "GeoPackage column, SQL", ".gpkg", "ok 1/1", lambda bait: geopackage(bait, sql))
    twice = geojson(feature(Ten="a", TEN="b", tEn="c"))
    yield Case(FAMILY, "one name in four cases", ".geojson", "ok 1/1", fixed(twice))
    forms = geojson(feature(**{"xã": COMMUNE, "xa\u0303": COMMUNE}))
    yield Case(FAMILY, "one name in two forms of Unicode", ".geojson", "ok 1/1", fixed(forms))
