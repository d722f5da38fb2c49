"""KML, KMZ and GPX: links, thousands of folders, shapes within shapes, several documents in one."""

from collections.abc import Iterator

from tests.hostile.cases import COMMUNE, Case, calling, fixed, gpx, kml, placemark, waypoint
from tests.hostile.zips import DEFLATED, Part, write_zip, zip_of

FAMILY = "KML and KMZ"
_POINT = "<Point><coordinates>108.1,16.1</coordinates></Point>"


def _at(text: str) -> str:
    return kml(placemark(), placemark(f"<Point><coordinates>{text}</coordinates></Point>"))


def _link(more: str = "") -> str:
    return f"<NetworkLink><Link><href>{{url}}/a.kml</href>{more}</Link></NetworkLink>"


_CALLS = {
    "link alone": (kml(_link()), "refused UPLOAD_FORMAT"),
    "link that is asked for again and again": (
        kml(_link("<refreshMode>onInterval</refreshMode><refreshInterval>0</refreshInterval>"), placemark()),
        "ok 1/1 KML_LINK",
    ),
    "1,000 links": (kml(_link() * 1_000, placemark()), "ok 1/1 KML_LINK"),
    "link to a file": (
        kml(_link().replace("{url}/a.kml", "file://{secret}"), placemark()),
        "ok 1/1 KML_LINK",
    ),
    "model elsewhere": (
        kml(placemark("<Model><Link><href>{url}/m.dae</href></Link></Model>"), placemark()),
        "ok 1/2 GEOM_EMPTY",
    ),
    "style elsewhere": (kml(placemark(f"<styleUrl>{{url}}/s.kml#a</styleUrl>{_POINT}")), "ok 1/1"),
    "GPX links": (
        gpx(waypoint().replace("</wpt>", '<link href="{url}"><text>x</text></link></wpt>')),
        "refused 0/1 COMMUNE_NOT_FOUND",
    ),
}
_TEXTS: dict[str, tuple[str, str]] = {
    "20,000 folders deep": ("<kml>" + "<Folder>" * 20_000 + "</Folder>" * 20_000 + "</kml>", "refused TOO_DEEP"),
    "60 folders deep": ("<kml>" + "<Folder>" * 60 + placemark() + "</Folder>" * 60 + "</kml>", "refused TOO_DEEP"),
    "100,000 folders side by side": (
        "<kml><Document>" + "<Folder/>" * 100_000 + placemark() + "</Document></kml>",
        "ok 1/1",
    ),
    "shapes 100,000 deep": ("<kml><Placemark>" + "<MultiGeometry>" * 100_000, "refused TOO_DEEP"),
    "shapes 5 deep": (
        kml(placemark(), placemark("<MultiGeometry>" * 5 + _POINT + "</MultiGeometry>" * 5)),
        "ok 1/2 NAME_DOUBLED",
    ),
    "shapes 50 deep": (
        kml(placemark(), placemark("<MultiGeometry>" * 50 + _POINT + "</MultiGeometry>" * 50)),
        "ok 1/2 NAME_DOUBLED",
    ),
    "placemark within a placemark": (
        kml(f"<Placemark><name>x</name>{placemark()}</Placemark>"),
        "ok 1/2 COMMUNE_NOT_FOUND",
    ),
    "words for a place": (_at("an,bình"), "ok 1/2 GEOM_COORDINATE_TYPE"),
    "place of NaN": (_at("nan,inf"), "ok 1/2 GEOM_NOT_FINITE"),
    "place as far as numbers go": (_at("1e308,-1e308"), "ok 1/2 GEOM_OUTSIDE_VIETNAM"),
    "place of one number": (_at("108.1"), "ok 1/2 GEOM_TOO_FEW_POSITIONS"),
    "place of commas": (_at("," * 10_000), "ok 1/2 GEOM_COORDINATE_TYPE"),
    "100,001 places in a line": (
        kml(placemark(), placemark(f"<LineString><coordinates>{'108,16 ' * 100_001}</coordinates></LineString>")),
        "ok 1/2 GEOM_TOO_MANY_VERTICES",
    ),
    "ring that is not closed": (
        kml(
            placemark(
                "<Polygon><outerBoundaryIs><LinearRing><coordinates>108,16 108,17 109,17</coordinates></LinearRing>"
                "</outerBoundaryIs></Polygon>"
            )
        ),
        "refused 0/1 GEOM_RING_NOT_CLOSED",
    ),
    "points and lines in one": (
        kml(
            placemark(
                f"<MultiGeometry>{_POINT}<LineString><coordinates>1,2 3,4</coordinates></LineString></MultiGeometry>"
            )
        ),
        "refused 0/1 GEOM_COLLECTION",
    ),
    "no placemarks": (kml(), "refused EMPTY_LAYER"),
    "data without a name": (kml(placemark().replace(' name="ma_xa"', "")), "refused 0/1 COMMUNE_NOT_FOUND"),
    "data of 300 names": (
        kml(
            placemark().replace(
                "</ExtendedData>",
                "".join(f'<Data name="c{at}"><value>1</value></Data>' for at in range(300)) + "</ExtendedData>",
            )
        ),
        "refused TOO_MANY_COLUMNS",
    ),
    "name of 1 MB": (kml(placemark(), placemark(name="x" * 1_000_000)), "ok 1/2 TEXT_TOO_LONG"),
}
_TRACKS: dict[str, tuple[str, str]] = {
    "GPX without positions": (
        gpx(waypoint(), '<wpt lon="" lat=""><name>x</name></wpt>', "<wpt/>"),
        "refused 0/3 COMMUNE_NOT_FOUND GEOM_COORDINATE_TYPE:2",
    ),
    "GPX of words": (
        gpx(waypoint(), '<wpt lon="nan" lat="inf"><name>x</name></wpt>'),
        "refused 0/2 COMMUNE_NOT_FOUND GEOM_NOT_FINITE",
    ),
    "GPX of three layers": (
        gpx(waypoint(), "<rte><rtept lon='1' lat='2'/></rte>", "<trk/>"),
        "needs_choice LAYER_CHOICE",
    ),
    "GPX of a track of 100,001 points": (
        gpx("<trk><trkseg>" + "<trkpt lon='108' lat='16'/>" * 100_001 + "</trkseg></trk>"),
        "refused 0/1 GEOM_TOO_MANY_VERTICES",
    ),
    "GPX of 50,000 segments": (gpx("<trk>" + "<trkseg/>" * 50_000 + "</trk>"), "refused 0/1 GEOM_EMPTY"),
    "GPX of nothing": (gpx(), "refused EMPTY_LAYER"),
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, (text, expected) in _CALLS.items():
        suffix = ".gpx" if "GPX" in name else ".kml"
        yield Case(FAMILY, name, suffix, expected, calling(text), True)
    for name, (text, expected) in _TEXTS.items():
        yield Case(FAMILY, name, ".kml", expected, fixed(text))
    for name, (text, expected) in _TRACKS.items():
        yield Case(FAMILY, name, ".gpx", expected, fixed(text))
    two = zip_of(**{"doc__kml": kml(placemark()), "b/doc__kml": kml(placemark())})
    yield Case(FAMILY, "KMZ of two documents", ".kmz", "needs_choice LAYER_CHOICE", fixed(two))
    yield Case(FAMILY, "KMZ without a document", ".kmz", "refused NO_LAYER", fixed(zip_of(a__png=b"\x89PNG\r\n")))
    linked = [Part("doc.kml", kml(placemark()).encode(), DEFLATED), Part("files/a.html", b"<script>alert(1)</script>")]
    yield Case(FAMILY, "KMZ with a page", ".kmz", "ok 1/1", fixed(write_zip(linked)))
    yield Case(
        FAMILY, f"KML of commune {COMMUNE} zipped as .zip", ".zip", "ok 1/1", fixed(zip_of(a__kml=kml(placemark())))
    )
