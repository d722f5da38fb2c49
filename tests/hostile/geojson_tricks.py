"""GeoJSON that is deep, doubled, not quite JSON, or full of numbers that are none."""

import codecs
import json
from collections.abc import Iterator

from tests.hostile.cases import LAT, LON, POINT, Case, feature, fixed, geojson

FAMILY = "GeoJSON"
_GOOD = json.dumps(feature(), ensure_ascii=False)


def _with(text: str) -> str:
    """Return a collection of a good feature and another as it stands."""
    return f'{{"type":"FeatureCollection","features":[{_GOOD},{text}]}}'


def _shaped(geometry: str) -> str:
    return _with(f'{{"type":"Feature","properties":{{"ten":"x","ma_xa":"20194"}},"geometry":{geometry}}}')


def _valued(value: str) -> str:
    return _with(f'{{"type":"Feature","properties":{{"ten":{value},"ma_xa":"20194"}},"geometry":{json.dumps(POINT)}}}')


def _identified(value: str) -> str:
    return _with(f'{{"type":"Feature","id":{value},{_GOOD[20:]}')


_DEEP = "[" * 100_000 + "]" * 100_000
_TEXTS: dict[str, tuple[str | bytes, str]] = {
    "100,000 brackets": (_DEEP, "refused TOO_DEEP"),
    "100,000 brackets never closed": ('{"a":' * 100_000, "refused TOO_DEEP"),
    "coordinates 100,000 deep": (_shaped(f'{{"type":"Polygon","coordinates":{_DEEP}}}'), "refused TOO_DEEP"),
    "coordinates 12 deep": (
        _shaped('{"type":"Point","coordinates":' + "[" * 12 + "1,2" + "]" * 12 + "}"),
        "ok 1/2 GEOM_NESTING",
    ),
    "properties 100,000 deep": (_valued(_DEEP), "refused TOO_DEEP"),
    "properties 20 deep": (_valued('{"a":' * 20 + "1" + "}" * 20), "ok 2/2 POINTS_SHARED"),
    "brackets in a text": (_valued(json.dumps("[" * 100_000)), "ok 1/2 TEXT_TOO_LONG"),
    "id of 1,000 digits": (_identified("9" * 1_000), "ok 1/2 NAME_DOUBLED"),
    "id of 2⁶³": (_identified(str(1 << 63)), "ok 1/2 NAME_DOUBLED"),
    "id that is an object": (_identified('{"a":[1]}'), "ok 1/2 NAME_DOUBLED"),
    "number of a million digits": (_valued("1" * 1_000_000), "refused GEOJSON_SYNTAX"),
    "number with an exponent of 9 digits": (_valued("1e999999999"), "ok 1/2 FIELD_MISSING"),
    "key twice": (
        _with(_GOOD.replace('"ten"', '"ten":"a","ten"')),
        "ok 1/2 GEOJSON_DUPLICATE_KEY NAME_DOUBLED",
    ),
    "features twice": (
        '{"type":"FeatureCollection","features":[],"features":[' + _GOOD + "]}",
        "ok 1/1 GEOJSON_DUPLICATE_KEY",
    ),
    "geometry twice": (_with(_GOOD[:-1] + ',"geometry":null}'), "ok 1/2 GEOJSON_DUPLICATE_KEY GEOM_MISSING"),
    "type twice": (
        _with(_GOOD[:-1] + ',"type":"Point"}'),
        "ok 1/2 GEOJSON_DUPLICATE_KEY GEOM_EMPTY",
    ),
    "NaN": (_shaped('{"type":"Point","coordinates":[NaN,NaN]}'), "ok 1/2 GEOM_NOT_FINITE"),
    "Infinity": (
        _shaped('{"type":"Point","coordinates":[Infinity,-Infinity]}'),
        "ok 1/2 GEOM_NOT_FINITE",
    ),
    "numbers beyond any double": (
        _shaped('{"type":"Point","coordinates":[1e400,-1e400]}'),
        "ok 1/2 GEOM_NOT_FINITE",
    ),
    "numbers as texts": (
        _shaped('{"type":"Point","coordinates":["108.1","16.1"]}'),
        "ok 1/2 GEOM_COORDINATE_TYPE",
    ),
    "point of no numbers": (_shaped('{"type":"Point","coordinates":[]}'), "ok 1/2 GEOM_EMPTY"),
    "point of 100,000 numbers": (
        _shaped('{"type":"Point","coordinates":[' + ",".join(["1"] * 100_000) + "]}"),
        "ok 1/2 GEOM_OUTSIDE_VIETNAM",
    ),
    "null coordinates": (_shaped('{"type":"Point","coordinates":null}'), "ok 1/2 GEOM_EMPTY"),
    "coordinates that are an object": (
        _shaped('{"type":"Point","coordinates":{"0":1,"1":2}}'),
        "ok 1/2 GEOM_NESTING",
    ),
    "geometry that is a text": (_shaped('"POINT(1 2)"'), "ok 1/2 GEOM_UNREADABLE"),
    "geometry without a type": (_shaped('{"coordinates":[1,2]}'), "ok 1/2 GEOM_TYPE_UNKNOWN"),
    "feature that is a number": (_with("7"), "ok 1/2 FEATURE_UNREADABLE"),
    "feature that is a list": (_with("[1,2]"), "ok 1/2 FEATURE_UNREADABLE"),
    "feature within a feature": (_with(geojson(feature())), "ok 1/2 FEATURE_UNREADABLE"),
    "byte order mark": (codecs.BOM_UTF8 + geojson(feature()).encode(), "ok 1/1"),
    "two byte order marks": (codecs.BOM_UTF8 * 2 + geojson(feature()).encode(), "refused GEOJSON_SYNTAX"),
    "UTF-16": (geojson(feature()).encode("utf-16"), "refused GEOJSON_ENCODING"),
    "half a pair of letters": (_valued(r'"\ud800"'), "ok 2/2 POINTS_SHARED"),
    "a pair of letters the wrong way round": (_valued(r'"\udc00\ud800"'), "ok 2/2 POINTS_SHARED"),
    "NUL in a text": (_valued(r'"a\u0000b"'), "ok 2/2 POINTS_SHARED"),
    "NUL in the file": (_valued('"a\0b"'), "refused GEOJSON_SYNTAX"),
    "bytes that are no UTF-8": (
        _valued('"X"').encode().replace(b"X", b"\xff\xfe\xed\xa0\x80"),
        "refused GEOJSON_ENCODING",
    ),
    "comment": (_with(_GOOD + "/* x */"), "refused GEOJSON_SYNTAX"),
    "comma too many": (_with(_GOOD + ","), "refused GEOJSON_SYNTAX"),
    "single quotes": (_with(_GOOD.replace('"', "'")), "refused GEOJSON_SYNTAX"),
    "text that is never closed": (_with('"' + "x" * 100_000), "refused GEOJSON_SYNTAX"),
    "million backslashes": (_with('"' + "\\" * 1_000_000), "refused GEOJSON_SYNTAX"),
    "end in the middle": (geojson(feature(), feature())[:-30], "refused GEOJSON_SYNTAX"),
    "rubbish behind": (geojson(feature()) + "}]", "refused GEOJSON_SYNTAX"),
    "prototype of JavaScript": (
        _with(_GOOD.replace('"ten"', '"__proto__":{"x":1},"constructor":1,"ten"')),
        "ok 1/2 NAME_DOUBLED",
    ),
    "crs that is a number": (geojson(feature(), crs=4326), "refused GEOJSON_CRS_LINK"),
    "crs that is unknown": (
        geojson(feature(), crs={"type": "name", "properties": {"name": "EPSG:999999"}}),
        "needs_choice CRS_UNUSABLE",
    ),
    "crs of 1 MB": (
        geojson(feature(), crs={"type": "name", "properties": {"name": "E" * 1_000_000}}),
        "refused GEOJSON_CRS",
    ),
    "crs that runs a pipeline": (
        geojson(feature(), crs={"type": "name", "properties": {"name": "+proj=pipeline +step +proj=axisswap"}}),
        "refused GEOJSON_CRS",
    ),
    "lines, one of rubbish": (f"{_GOOD}\n]{{\n{_GOOD}\n", "refused GEOJSON_SYNTAX"),
    "nothing but a mark": (codecs.BOM_UTF8, "refused GEOJSON_SYNTAX"),
    "nothing but white space": (" \n" * 1_000, "refused GEOJSON_SYNTAX"),
    "257 columns": (geojson(feature(**{f"c{at}": 1 for at in range(257)})), "refused TOO_MANY_COLUMNS"),
    "a column a feature": (geojson(*[feature(**{f"c{at}": 1}) for at in range(300)]), "refused TOO_MANY_COLUMNS"),
    "text of 65,537 bytes": (_valued(json.dumps("x" * 65_537)), "ok 1/2 TEXT_TOO_LONG"),
    "far away": (
        geojson(feature({"type": "Point", "coordinates": [1e308, -1e308]}), feature()),
        "ok 1/2 GEOM_OUTSIDE_VIETNAM",
    ),
    "swapped": (geojson(feature({"type": "Point", "coordinates": [LAT, LON]})), "refused 0/1 GEOM_SWAPPED"),
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, (text, expected) in _TEXTS.items():
        yield Case(FAMILY, name, ".geojson", expected, fixed(text))
