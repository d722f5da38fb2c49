"""Tables: quotes, NUL, endless lines, thousands of columns, formulas, mixed encodings."""

import codecs
from collections.abc import Iterator

from tests.hostile.cases import Case, csv, fixed, good_row

FAMILY = "CSV"
_HEAD = "ten,ma_xa,lon,lat"
_GOOD = csv(good_row())
_MANY = ",".join(f"c{at}" for at in range(10_000))


def _named(name: str) -> str:
    return csv(good_row(), good_row(name))


def _placed(lon: str, lat: str) -> str:
    return csv(good_row(), ("x", "20194", lon, lat))


_TEXTS: dict[str, tuple[str | bytes, str]] = {
    "NUL in a cell": (_named("a\0b"), "refused UPLOAD_FORMAT"),
    "NUL in front": ("\0" + _GOOD, "refused UPLOAD_FORMAT"),
    "line of 17 MB": (_named("x" * (17 << 20)), "refused CSV_LINE_TOO_LONG"),
    "header of 17 MB": ("x" * (17 << 20) + "\n1\n", "refused CSV_LINE_TOO_LONG"),
    "line of 17 MB without an end": ("a,b\n" + "1," * (9 << 20), "refused CSV_LINE_TOO_LONG"),
    "quoted line breaks for 20 MB": (_named('"' + "x\n" * (10 << 20) + '"'), "refused CSV_SYNTAX"),
    "quote that is never closed": (_GOOD + '"' + "x,y\n" * 10_000, "ok 1/2 FIELD_TOO_LONG ROW_COLUMNS"),
    "quotes in the middle": (_named('a"b"c'), "ok 2/2 POINTS_SHARED"),
    "quotes for 1 MB": (_named('"' * 1_000_001), "ok 1/2 ROW_COLUMNS"),
    "10,000 columns": (_MANY + "\n" + "1," * 9_999 + "1\n", "refused TOO_MANY_COLUMNS"),
    "257 columns": (",".join(f"c{at}" for at in range(257)) + "\n", "refused TOO_MANY_COLUMNS"),
    "rows wider than the header": (_GOOD + "a," * 5_000 + "\n", "ok 1/2 ROW_COLUMNS"),
    "rows narrower than the header": (_GOOD + "a\n", "ok 1/2 ROW_COLUMNS"),
    "a delimiter a row": (
        _GOOD + "x;20194;108.1;16.1\nx\t20194\t108.1\t16.1\n",
        "ok 1/3 ROW_COLUMNS:2",
    ),
    "header alone": (_HEAD, "refused EMPTY_LAYER"),
    "header of one name": (
        "ten,ten,ten,ten\n1,2,3,4\n",
        "refused 0/1 COMMUNE_NOT_FOUND CSV_NO_GEOMETRY",
    ),
    "header of no names": (",,,\n1,2,3,4\n", "refused CSV_NO_HEADER"),
    "header of numbers": ("1,2,3,4\n1,2,3,4\n", "refused CSV_NO_HEADER"),
    "formula": (_named("=cmd|'/c calc'!A0"), "ok 2/2 POINTS_SHARED"),
    "formula that calls": (_named('"=HYPERLINK(""http://127.0.0.1/""&A1)"'), "ok 2/2 POINTS_SHARED"),
    "formula with a plus": (_named("+1+1"), "ok 2/2 POINTS_SHARED"),
    "formula behind a tab": (_named('"\t=1+1"'), "ok 2/2 POINTS_SHARED"),
    "place that is a formula": (_placed("=1+1", "16.1"), "ok 1/2 COORDINATE_UNREADABLE"),
    "place that is no number": (_placed("nan", "inf"), "ok 1/2 COORDINATE_UNREADABLE"),
    "place as far as numbers go": (_placed("1e308", "-1e308"), "ok 1/2 CRS_ASSUMED GEOM_OUTSIDE_VIETNAM"),
    "place of other digits": (_placed("١٠٨.١", "१६.१"), "ok 2/2 POINTS_SHARED"),
    "place of a million digits": (_placed("1" * 1_000_000, "16.1"), "ok 1/2 COORDINATE_UNREADABLE"),
    "place in hexadecimal": (_placed("0x6c", "0x10"), "ok 1/2 COORDINATE_UNREADABLE"),
    "UTF-8 and Latin-1 mixed": (
        _GOOD.encode() + "Hồ,20194,108.1,16.1\n".encode("cp1258", "replace"),
        "ok 2/2 POINTS_SHARED",
    ),
    "UTF-16 of odd length": (
        codecs.BOM_UTF16_LE + _GOOD.encode("utf-16-le") + b"x",
        "ok 1/2 ROW_COLUMNS",
    ),
    "UTF-16 the wrong way round": (codecs.BOM_UTF16_BE + _GOOD.encode("utf-16-le"), "refused EMPTY_LAYER"),
    "UTF-32": (_GOOD.encode("utf-32"), "refused UPLOAD_FORMAT"),
    "every byte there is": (
        _HEAD.encode() + b"\n" + bytes(range(1, 256)) * 20,
        "refused 0/41 ENCODING_UNSURE ROW_COLUMNS:41 TEXT_BROKEN",
    ),
    "letters that turn text round": (_named("\u202e\u2066x\u200b"), "ok 2/2 POINTS_SHARED"),
    "text of 65,537 bytes": (_named("x" * 65_537), "ok 1/2 TEXT_TOO_LONG"),
    "text without a letter's base": (_named("\u0301" * 50), "ok 2/2 POINTS_SHARED"),
    "returns alone": (_GOOD.replace("\n", "\r"), "ok 1/1"),
    "form feeds and other ends of lines": (_GOOD.replace("\n", "\u2028"), "refused EMPTY_LAYER"),
    "sep line of a letter": ("sep=x\n" + _GOOD, "refused 0/2 CSV_NO_GEOMETRY ROW_COLUMNS:2"),
    "blank lines for 1 MB": ("\n" * 1_000_000 + _GOOD, "ok 1/1"),
    "WKT that is code": (
        'ten,ma_xa,wkt\nx,20194,"POINT(__import__(1) 2)"\n',
        "refused 0/1 GEOM_UNREADABLE",
    ),
}


def cases() -> Iterator[Case]:
    """Yield the family."""
    for name, (text, expected) in _TEXTS.items():
        yield Case(FAMILY, name, ".csv", expected, fixed(text))
