"""KML: placemarks, folders, extended data."""

from pathlib import Path

import shapely

from tests.geodata.importing.files import kml, read, refusal, rows, values, wkt


def test_kml_names_folders_and_extended_data_become_columns(tmp_path: Path) -> None:
    data = (
        "<Folder><name>Thôn 1</name><Placemark><name>Nhà văn hóa</name><description><![CDATA[<b>x</b>]]></description>"
        '<ExtendedData><Data name="mã"><value>01</value></Data><SchemaData><SimpleData name="loại">A</SimpleData>'
        "</SchemaData></ExtendedData><Point><coordinates> 105.1 , 21.2 , 0 </coordinates></Point></Placemark></Folder>"
    )
    result = read(tmp_path, kml(data), "a.kml")
    row = rows(result)[0]
    assert shapely.from_wkb(row["_wkb"]).wkt == "POINT (105.1 21.2)"
    assert {name: row[name] for name in result.columns} == {
        "name": "Nhà văn hóa", "description": "<b>x</b>", "mã": "01", "loại": "A", "folder": "Thôn 1",
    }  # fmt: skip


def test_kml_polygons_keep_their_holes_and_mixed_parts_are_refused_by_row(tmp_path: Path) -> None:
    def ring(kind: str, low: int, high: int) -> str:
        corners = f"{low},{low} {high},{low} {high},{high} {low},{high} {low},{low}"
        return f"<{kind}><LinearRing><coordinates>{corners}</coordinates></LinearRing></{kind}>"

    polygon = f"<Polygon>{ring('innerBoundaryIs', 1, 2)}{ring('outerBoundaryIs', 0, 9)}</Polygon>"
    point = "<Point><coordinates>1,2</coordinates></Point>"
    result = read(
        tmp_path,
        kml(
            f"<Placemark>{polygon}</Placemark>",
            f"<Placemark><MultiGeometry>{point}{point}</MultiGeometry></Placemark>",
            f"<Placemark><MultiGeometry>{point}{polygon}</MultiGeometry></Placemark>",
        ),
        "a.kml",
    )
    first, second, third = wkt(result)
    assert first == "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))"
    assert (second, third) == ("MULTIPOINT ((1 2), (1 2))", f"GEOMETRYCOLLECTION (POINT (1 2), {first})")
    assert values(result, "_problem") == [None, None, "GEOM_COLLECTION"]


def test_kml_syntax_errors_name_their_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, "<kml>\n<Placemark>\n</kml>", "a.kml")
    assert (error.code, error.detail["line"]) == ("XML_SYNTAX", 3)
