"""Tricks of XML in every format that is XML: document types, entities, depth, encodings, inclusion."""

import codecs
from collections.abc import Callable, Iterator

from tests.geodata.importing.workbooks import rewritten, workbook
from tests.hostile.bombs import ods, ods_row
from tests.hostile.cases import Bait, Case, Make, calling, fixed, gpx, kml, placemark, waypoint
from tests.hostile.shapefiles import shapefile
from tests.hostile.zips import zip_of

FAMILY = "XML"
_ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))
_TYPES = {
    "empty": "<!DOCTYPE x>",
    "public, elsewhere": '<!DOCTYPE x PUBLIC "-//x" "{url}/x.dtd">',
    "system, a file": '<!DOCTYPE x SYSTEM "file://{secret}">',
    "entity of a file": '<!DOCTYPE x [<!ENTITY e8 SYSTEM "file://{secret}">]>',
    "entity of an address": '<!DOCTYPE x [<!ENTITY e8 SYSTEM "{url}/e">]>',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "{url}/p"> %p;]>',
    "entities of entities": f'<!DOCTYPE x [<!ENTITY e0 "ha">{_ENTITIES}]>',
    "one long entity many times": f'<!DOCTYPE x [<!ENTITY e8 "{"A" * 100_000}">]>',
    "entity of itself": '<!DOCTYPE x [<!ENTITY e8 "&e8;">]>',
}
_SUFFIXES = {"KML": ".kml", "GPX": ".gpx", "XLSX": ".xlsx", "ODS": ".ods", "KMZ": ".kmz"}


def _document(kind: str, before: str, name: str) -> bytes:
    if kind == "KML":
        return kml(placemark(name=name), before=before).encode()
    if kind == "KMZ":
        return zip_of(doc__kml=kml(placemark(name=name), before=before))
    if kind == "GPX":
        return gpx(waypoint(name), before=before).encode()
    if kind == "ODS":
        return ods(ods_row("ten", "ma_xa", "lon", "lat") + ods_row(name, "20194", "108.1", "16.1"), before)
    rows = [["ten", "ma_xa", "lon", "lat"], ["DAU", "20194", 108.1, 16.1]]

    def change(member: str, data: bytes) -> bytes:
        if member != "xl/sharedStrings.xml":
            return data
        head, mark, rest = data.partition(b"<sst")
        return head + before.encode() + mark + rest.replace(b"DAU", name.encode())

    return rewritten(workbook(rows), change)


def _typed(kind: str, doctype: str) -> Make:
    def make(bait: Bait) -> bytes:
        return _document(kind, calling(doctype)(bait).decode(), "&e8;" if "ENTITY e" in doctype else "Suối Mơ")

    return make


def _encoded(codec: str, told: str, text: str | None = None) -> bytes:
    return (f'<?xml version="1.0" encoding="{told}"?>' + (text or kml(placemark()))).encode(codec, "replace")


_ATTRIBUTES = " ".join(f"a{at}=''" for at in range(100_000))
_BOMB = kml(placemark(name="&e8;"), before=f'<!DOCTYPE kml [<!ENTITY e0 "ha">{_ENTITIES}]>')
_ODD: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "entity bomb in UTF-16": (".kml", "refused XML_DOCTYPE", lambda: _encoded("utf-16", "utf-16", _BOMB)),
    "entity bomb in UTF-16 without a mark": (
        ".kml",
        "refused XML_DOCTYPE",
        lambda: _encoded("utf-16-be", "utf-16", _BOMB),
    ),
    "entity bomb in UTF-7": (".kml", "refused XML_SYNTAX", lambda: _encoded("utf-7", "utf-7", _BOMB)),
    "entity bomb in UTF-32": (".kml", "refused XML_SYNTAX", lambda: _encoded("utf-32", "utf-32", _BOMB)),
    "entity bomb in EBCDIC": (".kml", "refused XML_SYNTAX", lambda: _encoded("cp037", "cp037", _BOMB)),
    "good file in UTF-16": (".kml", "ok 1/1", lambda: _encoded("utf-16", "utf-16")),
    "encoding that unpacks": (".kml", "refused XML_SYNTAX", lambda: _encoded("utf-8", "zlib_codec")),
    "encoding that is unknown": (".kml", "refused XML_SYNTAX", lambda: _encoded("utf-8", "khong-co")),
    "encoding that is told wrong": (".kml", "refused XML_SYNTAX", lambda: _encoded("utf-8", "us-ascii")),
    "mark of one encoding, name of another": (
        ".kml",
        "refused XML_SYNTAX",
        lambda: codecs.BOM_UTF8 + _encoded("utf-8", "utf-16"),
    ),
    "bytes that are no text": (
        ".kml",
        "refused XML_SYNTAX",
        lambda: kml(placemark(name="X")).encode().replace(b"X", b"\xff\xfe\xc3"),
    ),
    "NUL inside": (".kml", "refused XML_SYNTAX", lambda: kml(placemark(name="a\0b")).encode()),
    "letter number 0": (".kml", "refused XML_SYNTAX", lambda: kml(placemark(name="&#0;")).encode()),
    "letter beyond Unicode": (".kml", "refused XML_SYNTAX", lambda: kml(placemark(name="&#xFFFFFFFF;")).encode()),
    "half a pair of letters": (".kml", "refused XML_SYNTAX", lambda: kml(placemark(name="&#xD800;")).encode()),
    "100,000 elements deep": (".kml", "refused TOO_DEEP", lambda: b"<kml>" + b"<a>" * 100_000),
    "100,000 elements deep, GPX": (".gpx", "refused TOO_DEEP", lambda: b"<gpx>" + b"<a>" * 100_000),
    "100,000 attributes": (
        ".kml",
        "ok 1/1",
        lambda: kml(placemark().replace("<Point>", f"<Point {_ATTRIBUTES}>")).encode(),
    ),
    "attribute of 20 MB": (
        ".kml",
        "ok 1/1",
        lambda: kml(placemark().replace("<Point>", f'<Point a="{"x" * 20_000_000}">')).encode(),
    ),
    "same attribute twice": (".kml", "refused XML_SYNTAX", lambda: kml("<Folder a='1' a='2'/>", placemark()).encode()),
    "name of 1 MB": (".kml", "ok 1/1", lambda: kml(f"<{'x' * 1_000_000}/>", placemark()).encode()),
    "element that is never closed": (".kml", "refused XML_SYNTAX", lambda: kml(placemark()).encode()[:-10]),
    "text behind the end": (".kml", "refused XML_SYNTAX", lambda: kml(placemark()).encode() + b"<kml/>"),
    "comment of 5 MB in front": (
        ".kml",
        "ok 1/1",
        lambda: b"<!--" + b"x" * 5_000_000 + b"-->" + kml(placemark()).encode(),
    ),
    "CDATA with markup": (".kml", "ok 1/1", lambda: kml(placemark(name="<![CDATA[<!DOCTYPE x><script>]]>")).encode()),
}
_CALLS = {
    "style sheet elsewhere": ('<?xml-stylesheet href="{url}/s.xsl" type="text/xsl"?>' + kml(placemark()), "ok 1/1"),
    "inclusion of a file": (
        kml('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret}" parse="text"/>', placemark()),
        "ok 1/1",
    ),
    "schema elsewhere": (
        kml(placemark()).replace("<Document>", '<Document xsi:schemaLocation="a {url}/a.xsd">'),
        "ok 1/1",
    ),
    "icon elsewhere": (
        kml("<Style><IconStyle><Icon><href>{url}/i.png</href></Icon></IconStyle></Style>", placemark()),
        "ok 1/1",
    ),
    "ground overlay elsewhere": (
        kml("<GroundOverlay><Icon><href>file://{secret}</href></Icon></GroundOverlay>", placemark()),
        "ok 1/1",
    ),
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    for kind, suffix in _SUFFIXES.items():
        for name, doctype in _TYPES.items():
            if kind in ("KML", "GPX") or name in ("empty", "entity of a file", "entities of entities"):
                yield Case(FAMILY, f"{kind}, {name}", suffix, "refused XML_DOCTYPE", _typed(kind, doctype), True)
    for name, (suffix, expected, make) in _ODD.items():
        yield Case(FAMILY, name, suffix, expected, lambda _, make=make: make())
    for name, (text, expected) in _CALLS.items():
        yield Case(FAMILY, name, ".kml", expected, calling(text), True)
    for side in ("shp.xml", "qml", "sld", "qix"):
        text = calling(_TYPES["entity of a file"] + "<x href='{url}/x'>&e8;</x>")
        beside = lambda bait, side=side, text=text: shapefile(**{side: text(bait)})  # noqa: E731
        yield Case(FAMILY, f"{side} beside a shapefile, entity of a file", ".zip", "ok 1/1", beside, True)
    yield Case(FAMILY, "nothing but a declaration", ".kml", "refused XML_SYNTAX", fixed('<?xml version="1.0"?>'))
    yield Case(FAMILY, "picture as SVG", ".kml", "refused UPLOAD_FORMAT", fixed('<svg onload="alert(1)"/>'))
