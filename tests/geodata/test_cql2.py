"""CQL2 text is read as the reference parser reads it, and never takes longer or goes deeper than it should."""

import re
import time
from typing import Any

import cql2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.cql2 import Cql2DepthError, Cql2SyntaxError, parse_cql2

DEPTH = 16
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs", "Cc"]), max_size=8)
NAMES = st.sampled_from(
    ["kind", "a", "house_number", "a1", "x_", "đường", '"two words"', '"AND"', '"a""b"', "x:y.z", "date"]
)
NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9).map(str), st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: f"{number:.4f}")
)
LITERALS = st.one_of(
    TEXTS.map(lambda text: "'" + text.replace("'", "''") + "'"),
    NUMBERS,
    st.dates().map(lambda day: f"DATE('{day.isoformat()}')"),
    st.just("TIMESTAMP('2026-01-31T08:00:00Z')"),
    st.sampled_from(["TRUE", "false"]),
)
SCALARS = st.one_of(NAMES, NAMES.map(lambda name: f"CASEI({name})"), NAMES.map(lambda name: f"accenti(casei({name}))"))
# The reference parser takes a power of a power from the left, the standard from the right.
SUMS = st.recursive(
    st.one_of(NAMES, NUMBERS.map(lambda number: number.replace("-", "- ")), st.just("f(a, 'x', 1)")),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["+", "-", "*", "/", "%", "div"]), inner),
        inner.map(lambda part: f"({part})"),
        inner.map(lambda part: f"-({part})"),
        st.builds("({}) ^ {}".format, inner, st.integers(0, 9)),
    ),
    max_leaves=5,
)
POINTS = st.tuples(st.integers(-180, 180), st.integers(-90, 90)).map(lambda place: f"{place[0]} {place[1]}")
LINES = st.lists(POINTS, min_size=2, max_size=4).map(", ".join)
SHAPES = st.one_of(
    POINTS.map(lambda point: f"POINT({point})"),
    LINES.map(lambda line: f"LINESTRING ({line})"),
    LINES.map(lambda line: f"MULTIPOINT({line})"),
    st.builds("MULTILINESTRING(({}), ({}))".format, LINES, LINES),
    st.builds("GeometryCollection(POINT({}), LINESTRING({}))".format, POINTS, LINES),
    st.just("POINT Z (1 2 3)"),
    st.just("POLYGON((0 0,1 0,1 1,0 0))"),
    st.just("MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))"),
    st.sampled_from(["BBOX(105.5,20,107,21.25)", "bbox(-180, -90, -5, 180, 90, 5)", "geometry", '"geometry"']),
)
TIMES = st.one_of(
    NAMES,
    st.dates().map(lambda day: f"DATE('{day.isoformat()}')"),
    st.just("timestamp('2026-01-31T08:00:00Z')"),
    st.builds(
        "INTERVAL({}, {})".format,
        st.one_of(NAMES, st.just("'..'"), st.dates().map(lambda day: f"'{day.isoformat()}'")),
        st.sampled_from(["'..'", "'2026-01-31T08:00:00Z'", "a"]),
    ),
)
# The reference parser takes a single property within brackets for the property.
LISTS = st.one_of(
    NAMES,
    st.just("('x')"),
    st.lists(st.one_of(LITERALS, NAMES), min_size=2, max_size=3).map(lambda parts: f"({','.join(parts)})"),
)
SPATIAL = [
    f"S_{name}" for name in ["INTERSECTS", "EQUALS", "DISJOINT", "TOUCHES", "WITHIN", "OVERLAPS", "CROSSES", "CONTAINS"]
]
TEMPORAL = [f"T_{name}" for name in ["AFTER", "BEFORE", "CONTAINS", "DISJOINT", "DURING", "EQUALS", "FINISHEDBY", "FINISHES", "INTERSECTS", "MEETS", "METBY", "OVERLAPPEDBY", "OVERLAPS", "STARTEDBY", "STARTS"]]  # fmt: skip
NOT = st.sampled_from(["", "NOT "])
PREDICATES = st.one_of(
    st.tuples(SCALARS, st.sampled_from([" = ", "<>", " <", ">", "<=", " >= "]), LITERALS).map("".join),
    st.builds("{} {}LIKE {}".format, SCALARS, NOT, st.sampled_from(["'a%'", "casei('_b')"])),
    st.builds("{} {}BETWEEN {} AND {}".format, NAMES, NOT, NUMBERS, NUMBERS),
    st.builds("{} {}IN ({})".format, SCALARS, NOT, st.lists(LITERALS, min_size=1, max_size=3).map(", ".join)),
    st.builds("{} IS {}NULL".format, NAMES, NOT),
    st.builds("{} {} {}".format, SUMS, st.sampled_from(["=", "<>", "<"]), SUMS),
    st.builds("{} {}BETWEEN {} AND {}".format, SUMS, NOT, SUMS, SUMS),
    st.builds("{} {}IN ({})".format, SUMS, NOT, st.lists(SUMS, min_size=1, max_size=3).map(", ".join)),
    st.builds("{}({}, {})".format, st.sampled_from(SPATIAL), SHAPES, SHAPES),
    st.builds("{}({}, {})".format, st.sampled_from([name.lower() for name in TEMPORAL] + TEMPORAL), TIMES, TIMES),
    st.builds("A_{}({}, {})".format, st.sampled_from(["EQUALS", "CONTAINS", "ContainedBy", "overlaps"]), LISTS, LISTS),
)
EXPRESSIONS = st.recursive(
    PREDICATES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " AND ".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " or ".join(parts) + ")"),
        inner.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=6,
)


def plain(tree: Any) -> Any:
    """Return a tree with numbers as floats, tuples as lists, ands within ands as one: what the two may differ in."""
    if isinstance(tree, dict):
        found = {name: plain(part) for name, part in tree.items()}
        if found.get("op") in {"and", "or"}:
            found["args"] = [inner for part in found["args"] for inner in _parts(part, found["op"])]
        return found
    if isinstance(tree, list | tuple):
        return [plain(part) for part in tree]
    return float(tree) if isinstance(tree, int) and not isinstance(tree, bool) else tree


def _parts(part: Any, name: str) -> list[Any]:
    is_same = isinstance(part, dict) and part.get("op") == name
    return list(part["args"]) if is_same else [part]


@settings(deadline=None, max_examples=200)
@given(EXPRESSIONS)
def test_a_text_is_read_as_the_reference_parser_reads_it(text: str) -> None:
    assert plain(parse_cql2(text, depth=DEPTH)) == plain(cql2.parse_text(text).to_json())


@settings(deadline=None, max_examples=300)
@given(st.text("()='\"<> aANDORNOTINLIKE1.,+-*/^%", max_size=60))
def test_any_text_is_read_or_refused_with_a_place_within_it(text: str) -> None:
    try:
        parse_cql2(text, depth=DEPTH)
    except (Cql2SyntaxError, Cql2DepthError) as error:
        refusal = error
    else:
        return
    is_deep = isinstance(refusal, Cql2DepthError)
    assert len(text) > DEPTH if is_deep else 1 <= refusal.at <= len(text) + 1


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", 1), ("kind", 5), ("kind = ", 7), ("kind = 'x", 8), ("kind = 'x' AND", 15), ("kind 'x'", 6), ("1kind = 2", 2),
        ("kind = 'x'; DROP TABLE y", 11), ("kind = 'x' -- ", 14), ("kind = NULL", 8), ("kind IN ()", 10),
        ("S_INTERSECTS(geometry, POINT(1))", 24), ("kind = 'x')", 11), ("a = 1 + + ", 10), ("a + 1", 6), ("a = 1 = 1", 7),
        ("NOT a", 6), ("a AND b = 1", 3), ("b = 1 OR casei(a)", 18), ("(a) = 1 AND (b)", 16), ("a NOT = 1", 7), ("a BETWEEN 1 OR 2", 13),
        ("INTERVAL('..') = a", 14), ("T_AFTER(a, INTERVAL('..', '..', '..'))", 37), ("DATE(1) = a", 6), ("BBOX(1,a) = 1", 8),
        ("S_WITHIN(a, GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 1))))", 32), ("A_CONTAINS(a, ('x' 'y'))", 20), ("f(a", 4),
        ("a ^ = 2", 5), ("a div = 2", 7), ("S_WITHIN(POINT M (1 1 1), a)", 16), ("a = ['x']", 5),
    ],
)  # fmt: skip
def test_what_is_no_cql2_is_refused_with_the_place(text: str, at: int) -> None:
    with pytest.raises(Cql2SyntaxError) as refused:
        parse_cql2(text, depth=DEPTH)
    assert refused.value.at == at


@pytest.mark.parametrize(
    "text",
    [
        "kind =",
        "kind",
        "kind = 1 kind",
        "S_INTERSECTS(geometry, POINT(a))",
        "a IN (1",
        "?",
        "a NOT = 1",
        "T_AFTER(a, INTERVAL(a))",
    ],
)
def test_what_could_stand_there_is_told_in_each_language(text: str) -> None:
    with pytest.raises(Cql2SyntaxError) as refused:
        parse_cql2(text, depth=DEPTH)
    error = refused.value
    words = set(re.findall(r"[a-z]{2,}", error.expected_en))
    assert not words & set(error.expected_vi.split())
    assert error.expected_vi


def test_brackets_in_an_array_function_are_a_list_even_of_one() -> None:
    lists = {
        "()": [],
        "(a)": [{"property": "a"}],
        "((a), 1)": [[{"property": "a"}], 1],
        "(1 + 2)": [{"op": "+", "args": [1, 2]}],
    }
    for text, tree in lists.items():
        assert parse_cql2(f"A_ContainedBy(b, {text})", depth=DEPTH) == {
            "op": "a_containedBy",
            "args": [{"property": "b"}, tree],
        }


def test_precedence_is_that_of_the_standard() -> None:
    texts = {
        "a + b * c ^ 2 = 1": "a + (b * (c ^ 2)) = 1", "a - b - c = 1": "(a - b) - c = 1", "2 ^ 3 ^ 2 = a": "2 ^ (3 ^ 2) = a",
        "a / b div c % 2 = 1": "((a / b) div c) % 2 = 1", "a-1 = -1": "(a - 1) = (-1)", "NOT a = 1 AND b = 2": "(NOT (a = 1)) AND (b = 2)",
        "a = 1 OR b = 2 AND c = 3": "(a = 1) OR ((b = 2) AND (c = 3))", "a BETWEEN 1 AND 2 AND b = 3": "(a BETWEEN 1 AND 2) AND (b = 3)",
        "a + 1 IS NULL": "(a + 1) IS NULL", "a = +.5e1": "a = 5.0", "-a ^ 2 = 1": "(-1 * a) ^ 2 = 1",
    }  # fmt: skip
    for text, bracketed in texts.items():
        assert plain(parse_cql2(text, depth=DEPTH)) == plain(parse_cql2(bracketed, depth=DEPTH)), text


def test_nesting_is_read_up_to_the_depth_and_not_beyond() -> None:
    for opening, closing in (
        ("(", ")"),
        ("NOT (", ")"),
        ("NOT ", ""),
        ("f(", ")"),
        ("1 = -(", ")"),
        ("1 = 1 ^ (", ")"),
    ):
        step = opening.count("(") + sum(map(opening.count, ("NOT", "-", "^")))
        for deep in (DEPTH // step, DEPTH // step + 1):
            text = opening * deep + "a = 1" + closing * deep
            if deep * step <= DEPTH:
                assert parse_cql2(text, depth=DEPTH)
            else:
                with pytest.raises(Cql2DepthError):
                    parse_cql2(text, depth=DEPTH)


@pytest.mark.parametrize("text", [
    "(" * 8000, "(a=(" * 2000, "NOT " * 2000, "f(" * 4000, "a in (" * 1300, "casei(" * 1300, "'" * 8191, "a=1 and " * 1000,
    "-" * 8000, "S_INTERSECTS(g," * 500, "a=" + "9" * 8000, "POLYGON(" * 1000, "S_INTERSECTS(g,POLYGON(" + "(" * 8000, "a" * 8000,
    " " * 8000, '"' * 8000, "a.b:" * 2000, "a=1+" * 2000, "a=" + "-" * 8000, "a=" + "1^" * 4000, "a=" + "1+" * 4000, "A_EQUALS(a,(" * 600,
    "INTERVAL(" * 800, '"a""' * 2000, "a=" + "((1),(" * 1300, "f(a=" * 2000, "'" + "''" * 4000, "a=1." + "0" * 8000 + "e", ". " * 4000,
], ids=lambda text: text[:12])  # fmt: skip
def test_a_long_text_takes_no_long_time(text: str) -> None:
    started = time.process_time()
    with pytest.raises((Cql2SyntaxError, Cql2DepthError)):
        parse_cql2(text + ")", depth=DEPTH)
    # It takes some hundredths; what is left is for the collector, which may come by.
    assert time.process_time() - started < 1.5
