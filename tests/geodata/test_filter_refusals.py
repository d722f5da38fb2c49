"""What no filter may ask is refused before the database is asked, and no text of one is text of a statement."""

import json
import time
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, FromClause, select

from geodata.errors import ParameterError
from geodata.filtering import Filter, read_filter
from geodata.register import Register
from tests.geodata.cql2_places import TOWNS, find

INTERVAL = "INTERVAL('2020-01-01','2021-01-01')"


def read(written: Any, register: Register = TOWNS) -> Filter:
    if isinstance(written, str):
        return read_filter(register, written)
    return read_filter(register, json.dumps(written), "cql2-json")


def refusal(written: Any) -> tuple[str, str]:
    """Return why a filter is refused, in both languages."""
    with pytest.raises(ParameterError) as refused:
        read(written)
    return refused.value.vi, refused.value.en


# --- private fields

CONSTRUCTS = (
    "{} = 'x'", "'x' = {}", "name = {}", "{} LIKE 'x%'", "casei({}) LIKE 'x%'", "{} IN ('x')", "name IN ('x', {})",
    "{} BETWEEN 'a' AND 'b'", "name BETWEEN {} AND 'b'", "{} IS NULL", "({} = 'x') IS NULL", "{} + 1 = 2", "2 ^ {} = 2",
    "rank < (rank * {})", "S_WITHIN({}, POINT(1 1))", "S_EQUALS(POINT(1 1), {})", "T_AFTER({}, DATE('2020-01-01'))",
    "T_DURING(INTERVAL({}, '..'), " + INTERVAL + ")", "A_CONTAINS({}, ('x'))", "A_OVERLAPS(tags, ('x', {}))",
    "accenti(casei({})) = 'x'", "NOT {} = 'x'", "TRUE = ({} = 'x')",
)  # fmt: skip


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_a_private_field_is_as_unknown_as_one_that_is_not_there_in_every_construct(construct: str) -> None:
    private, internal, unknown = (refusal(construct.format(name)) for name in ("mayor", "uuid", "nobody"))
    assert tuple(said.replace("mayor", "nobody") for said in private) == unknown
    assert tuple(said.replace("uuid", "nobody") for said in internal) == unknown
    assert "“nobody”" in unknown[0]


# --- types and limits

WRONG = (
    "name = 1", "1 = name", "rank = 'x'", "name = rank", "name < boolean", "boolean = 1", "date = 1", "date = 'x'", "start > 3",
    "name = DATE('2020-01-01')", "date = DATE('2020-02-30')", "date = DATE('x')", "start = TIMESTAMP('2020-01-01T00:00:00')",
    "start = TIMESTAMP('0001-01-01T00:00:00+14:00')", "name + 1 = 2", "name || 'x' = 'y'", "date - 1 = 2", "rank + TRUE = 1",
    "rank + 'x' = 1", "rank * 1e300 = 1", "rank = 1e999", "rank ^ 2 ^ 2 = 1", "name LIKE nameascii", "rank LIKE '1%'",
    "name LIKE 1", "name LIKE 'x\\'", "name LIKE '%a%b%c%'", "name LIKE '____'", "name LIKE '%a%%'", "casei(rank) = 'x'",
    "casei(name, name) = 'x'", "rank IN ('x')", "rank IN (1, 'x')", "name BETWEEN 1 AND 2", "tags = 'x'", "'x' = tags",
    "tags = tags", "tags IN ('x')", "tags LIKE 'x%'", "A_CONTAINS(name, ('x'))", "A_CONTAINS(tags, 'x')", "A_CONTAINS(tags, (1))",
    "A_CONTAINS(tags, ('x', 1))", "A_CONTAINS(tags, (('x')))", "A_CONTAINS(tags, (TRUE))", "A_OVERLAPS(tags, months)",
    "A_CONTAINS(tags)", "A_CONTAINS(tags, (POINT(1 1)))", "geometry = 1", "POINT(1 1) = name", "name = ('x', 'y')",
    "S_INTERSECTS(geometry, name)", "S_INTERSECTS(name, POINT(1 1))", "S_INTERSECTS(geometry)", "S_INTERSECTS(geometry, 'x')",
    "S_DWITHIN(geometry, POINT(1 1))", "S_INTERSECTS(geometry, POINT(90 180))", "S_DISJOINT(geometry, POINT(90 180))",
    "S_INTERSECTS(geometry, MULTIPOINT(7.02 49.92, 90 180))", "S_INTERSECTS(geometry, BBOX(1,2,3))",
    "S_INTERSECTS(geometry, BBOX(1,3,2,2))", "S_INTERSECTS(geometry, BBOX(200,0,-200,1))",
    "S_TOUCHES(geometry, GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(1 1, 2 2)))",
    "S_INTERSECTS(geometry, POLYGON((0 0,1 1,1 0,0 1,0 0)))", "T_AFTER(name, DATE('2020-01-01'))", "T_AFTER(date, 1)",
    "T_AFTER(date, 'x')", "T_AFTER(date)", "T_DURING(date, " + INTERVAL + ")", "T_MEETS(" + INTERVAL + ", date)",
    "T_AFTER(INTERVAL('..', '..'), INTERVAL('..', '..'))", "T_AFTER(INTERVAL(rank, '..'), date)", "f(name) = 1", "f()",
    "pg_sleep(9) = 1", "A_SLEEP(9)", "INTERVAL('2020-01-01', '..') = date", INTERVAL + " IS NULL", "name = NULL", "(tags) IS NULL = 1",
)  # fmt: skip


@pytest.mark.parametrize("written", WRONG)
def test_what_has_no_meaning_is_refused_in_two_languages(written: str) -> None:
    vi, en = refusal(written)
    assert vi.startswith("Tham số “filter” không hợp lệ: ")
    assert en.startswith("The parameter “filter” is not valid: ")


def test_a_value_of_another_type_is_told_what_the_field_takes() -> None:
    assert "“rank”" in refusal("rank = 'x'")[0]
    assert "cần một số" in refusal("'x' = rank")[0]
    assert "a_contains" in refusal("tags = 'x'")[1]
    assert "one of them is a text" in refusal("'x' = 1")[1]
    assert "days, instants" in refusal("T_AFTER(name, DATE('2020-01-01'))")[1]


SHARE: dict[str, Any] = {"property": "share"}
POINT = {"type": "Point", "coordinates": [1, 1]}
WRONG_JSON: dict[str, Any] = {
    "no operation": {"property": "name"}, "list": [], "text": "x", "number": 1, "null": None, "argument null": {"op": "=", "args": [SHARE, None]},
    "no arguments": {"op": "="}, "arguments no list": {"op": "not", "args": True}, "op no text": {"op": 1, "args": []},
    "property no text": {"op": "isNull", "args": [{"property": ["name"]}]},
    "empty in": {"op": "in", "args": [SHARE, []]}, "in no list": {"op": "in", "args": [SHARE, 1]}, "in of lists": {"op": "in", "args": [SHARE, [[1]]]},
    "date and timestamp": {"op": "=", "args": [{"property": "date"}, {"date": "2020-01-01", "timestamp": "2020-01-01T00:00:00Z"}]},
    "date no text": {"op": "=", "args": [{"property": "date"}, {"date": 1}]}, "interval of one": {"op": "t_after", "args": [{"property": "date"}, {"interval": ["2020-01-01"]}]},
    "interval no list": {"op": "t_after", "args": [{"property": "date"}, {"interval": "2020-01-01"}]},
    "interval of numbers": {"op": "t_after", "args": [{"property": "date"}, {"interval": [1, 2]}]},
    "no coordinates": {"op": "s_within", "args": [{"property": "geometry"}, {"type": "Point"}]},
    "odd coordinates": {"op": "s_within", "args": [{"property": "geometry"}, {"type": "Polygon", "coordinates": "x"}]},
    "bbox of texts": {"op": "s_within", "args": [{"property": "geometry"}, {"bbox": ["1", "2", "3", "4"]}]},
    "collection in a collection": {"op": "s_within", "args": [{"property": "geometry"}, {
        "type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": [POINT]}]}]},
    "surrogate": '{"op":"=","args":[{"property":"name"},"\\ud800"]}', "zero": {"op": "=", "args": [{"property": "name"}, "\x00"]},
    "large number": '{"op":"=","args":[{"property":"share"},1e400]}', "long text": {"op": "=", "args": [{"property": "name"}, "x" * 1001]},
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG_JSON))
def test_json_that_is_no_filter_is_refused(name: str) -> None:
    written = WRONG_JSON[name]
    with pytest.raises(ParameterError):
        read_filter(TOWNS, written if isinstance(written, str) and name != "text" else json.dumps(written), "cql2-json")


def nested(depth: int, inner: Any, wrap: Any) -> Any:
    for _ in range(depth):
        inner = wrap(inner)
    return inner


LIMITS: dict[str, tuple[Any, Any]] = {
    "sum": ("rank" + "+1" * 14 + " = 1", "rank" + "+1" * 20 + " = 1"),
    "brackets": ("(" * 15 + "rank = 1" + ")" * 15, "(" * 17 + "rank = 1" + ")" * 17),
    "signs": ("rank = " + "-" * 13 + "rank", "rank = " + "-" * 40 + "rank"),
    "in": (f"rank IN ({','.join(['1'] * 200)})", f"rank IN ({','.join(['1'] * 201)})"),
    "list": (f"A_CONTAINS(months, ({','.join(['1'] * 200)}))", f"A_CONTAINS(months, ({','.join(['1'] * 201)}))"),
    "parts": (" OR ".join(["rank=1"] * 85), " OR ".join(["rank=1"] * 86)),
    "text": (f"name = '{'x' * 1000}'", f"name = '{'x' * 1001}'"),
    "places": (" OR ".join(["S_WITHIN(POINT(1 1), geometry)"] * 4), " OR ".join(["S_WITHIN(POINT(1 1), geometry)"] * 5)),
    "vertices": (
        f"S_WITHIN(geometry, MULTIPOINT({','.join(['1 1'] * 998)})) OR S_TOUCHES(LINESTRING(1 1, 2 2), geometry)",
        f"S_WITHIN(geometry, MULTIPOINT({','.join(['1 1'] * 999)})) OR S_TOUCHES(LINESTRING(1 1, 2 2), geometry)",
    ),
    "powers": (" AND ".join(["rank ^ 2 > 1"] * 8), " AND ".join(["rank ^ 2 > 1"] * 9)),
    "wildcards": ("name LIKE '%ab%_'", "name LIKE '%ab%_c_'"),
    "bytes": ("rank = 1" + " " * 8184, "rank = 1" + " " * 8185),
    "json depth": (
        nested(14, {"op": "=", "args": [SHARE, 1]}, lambda inner: {"op": "not", "args": [inner]}),
        nested(40, {"op": "=", "args": [SHARE, 1]}, lambda inner: {"op": "not", "args": [inner]}),
    ),
    "json sum": (
        {"op": "=", "args": [1, nested(13, SHARE, lambda inner: {"op": "+", "args": [inner, 1]})]},
        {"op": "=", "args": [1, nested(20, SHARE, lambda inner: {"op": "+", "args": [inner, 1]})]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LIMITS))
def test_a_filter_is_read_up_to_each_limit_and_not_beyond(name: str) -> None:
    within, beyond = LIMITS[name]
    assert read(within).names
    started = time.process_time()
    refusal(beyond)
    # It takes some hundredths; what is left is for the collector, which may come by.
    assert time.process_time() - started < 1.5


@pytest.mark.parametrize("written", [
    "{}" * 2000, '{"op":"=","args":' + "[" * 4000, '{"op":"+","args":[' * 440 + "1", '{"x":' * 1000 + "1" + "}" * 1000,
    '{"op":"and","args":[true,' * 300 + "true" + "]}" * 300, '{"op":"s_within","args":[{"type":"Point","coordinates":' + "[" * 900 + "]" * 900 + "},true]}",
    '{"op":"=","args":' * 900 + "1" + "}" * 900, '{"args":' * 900 + "1" + "}" * 900, '{"op":"not","args":[{"interval":' * 300 + "1" + "}]}" * 300,
    '{"op":"isNull","args":[{"property":"geometry","date":' + "[" * 900 + "]" * 900 + "}]}",
    '{"op":"isNull","args":[{"type":"GeometryCollection","geometries":' + "[" * 900 + "]" * 900 + "}]}",
    '{"op":"isNull","args":[{"bbox":' + "[" * 900 + "]" * 900 + "}]}", '{"op":' + "[" * 900 + "]" * 900 + ',"args":[]}',
    '{"op":"t_after","args":[{"date":' + "[" * 900 + "]" * 900 + '},{"property":"date"}]}',
    '{"op":"=","args":[1,1],"x":' + "[" * 1000 + "]" * 1000 + "}",
])  # fmt: skip
def test_deep_json_costs_nothing(written: str) -> None:
    started = time.process_time()
    try:
        tree = read_filter(TOWNS, written, "cql2-json").tree
    except ParameterError:
        tree = True
    assert time.process_time() - started < 1.5
    # What no filter has is not kept: the key of a tile is made of the tree.
    assert len(json.dumps(tree)) < 100


WORDS = st.sampled_from([
    "=", "<", "and", "not", "like", "in", "between", "isNull", "casei", "+", "^", "s_within", "t_during", "a_contains", "f", "name", "rank",
    "date", "tags", "geometry", "Point", "Polygon", "GeometryCollection", "..", "2020-01-01", "2020-01-01T00:00:00Z", "x%",
])  # fmt: skip
KEYS = st.sampled_from(
    ["op", "args", "property", "date", "timestamp", "interval", "type", "coordinates", "geometries", "bbox"]
)
ANYTHING = st.recursive(
    st.one_of(WORDS, st.none(), st.booleans(), st.integers(-200, 200), st.floats(allow_nan=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(lambda op, args: {"op": op, "args": args}, WORDS, st.lists(inner, max_size=3)),
        WORDS.map(lambda name: {"property": name}),
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(ANYTHING)
def test_any_json_is_read_or_refused(tree: Any) -> None:
    try:
        found = read_filter(TOWNS, json.dumps(tree), "cql2-json")
    except ParameterError:
        return
    assert json.dumps(found.tree)


# --- injection

PAYLOADS = (
    "zz' OR 1=1 --", "zz') OR 1=1 --", "zz'; SELECT pg_sleep(5) --", "zz' UNION SELECT head_name FROM reg.household_private --",
    'zz" OR 1=1 --', "zz\\' OR 1=1", "$1", ":name", "%(name)s", "zz\u02bc OR 1=1", "zz%27 OR 1=1",
)  # fmt: skip
HOLDERS = (
    "name = {}", "{} = name", "name IN ('a', {})", "casei(name) = casei({})", "accenti({}) = name", "A_CONTAINS(tags, ({}))",
    "A_OVERLAPS(({}, 'zz'), tags)", "name BETWEEN {} AND {}",
)  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_of_a_filter_is_text_of_the_statement(connection: Connection, towns: FromClause, payload: str) -> None:
    quoted = "'" + payload.replace("'", "''") + "'"
    for holder in HOLDERS:
        condition = read(holder.format(*[quoted] * 2)).condition(towns, by_index=False)
        assert payload not in str(select(towns.c.name).where(condition).compile(connection))
        assert find(connection, towns, holder.format(*[quoted] * 2)) == set(), holder
    like = f"name LIKE {quoted.replace('%', '')}"
    assert find(connection, towns, like) == set()
    name = '"' + payload.replace('"', '""') + '"'
    assert "there is no field" in refusal(f"{name} = 'x'")[1]
    for where in ({"op": payload, "args": []}, {"op": "isNull", "args": [{"property": payload}]}):
        assert refusal(where)
    for time_ in (f"T_AFTER(date, DATE({quoted}))", f"T_AFTER(date, INTERVAL({quoted}, '..'))", f"date = {quoted}"):
        assert "it takes a day" in refusal(time_)[1]


# --- other coordinate systems


def test_a_shape_outside_what_can_be_moved_is_refused() -> None:
    def to_nowhere(shape: shapely.Geometry) -> shapely.Geometry:
        return shapely.transform(shape, lambda places: places * float("inf"))

    for written in (
        "S_WITHIN(geometry, POINT(1 1))",
        "S_WITHIN(geometry, LINESTRING(1 1, 2 2))",
        "S_WITHIN(geometry, BBOX(1,1,2,2))",
    ):
        with pytest.raises(ParameterError, match="longitude and latitude"):
            read_filter(TOWNS, written, to_wgs84=to_nowhere)
