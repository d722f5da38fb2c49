"""What is not refused the database can reckon, whatever it is, and shapes are looked for in an index."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, FromClause, func, select, text

from geodata.errors import ParameterError
from geodata.filter_scope import queryables
from geodata.filter_values import kind_of
from geodata.filtering import read_filter
from geodata.public_views import public_view
from geodata.registers import discover
from tests.geodata.cql2_places import ROWS, find
from tests.geodata.test_filter_refusals import POINT, read

NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([0, -0.0, 1e299, -1e299, 1e-299, 9223372036854775807, -9223372036854775808, 1 << 63, 1e20, 0.5, -16, 17, 1e15]),
)  # fmt: skip
NUMERIC = st.recursive(
    st.one_of(NUMBERS, st.sampled_from(["rank", "pop_min", "pop_max", "share", "pop_other"]).map(lambda name: {"property": name})),
    lambda inner: st.builds(
        lambda op, left, right: {"op": op, "args": [left, right]}, st.sampled_from(["+", "-", "*", "/", "%", "div", "^"]), inner, inner
    ),
    max_leaves=8,
)  # fmt: skip
PATTERNS = st.text(st.sampled_from("ab%_\\∖﹨＼﹪％＿ắ"), max_size=5)
TEXTUAL = st.one_of(
    PATTERNS, st.sampled_from([{"property": "name"}, {"op": "accenti", "args": [{"property": "nameascii"}]}])
)
TIMES = st.one_of(
    st.sampled_from([{"property": name} for name in ("date", "start", "end")]),
    st.dates().map(lambda day: {"date": day.isoformat()}),
    st.sampled_from([{"timestamp": "9999-12-31T23:59:59.999999-14:00"}, {"timestamp": "0001-01-01T00:00:00Z"}, "2020-01-01"]),
)  # fmt: skip
PERIODS = st.one_of(
    TIMES,
    st.tuples(st.one_of(TIMES, st.just("..")), st.one_of(TIMES, st.just(".."))).map(
        lambda ends: {"interval": list(ends)}
    ),
)
PLACES = st.one_of(st.just({"property": "geometry"}), st.sampled_from([
    POINT, {"bbox": [-180, -90, 180, 90]}, {"bbox": [170, 1, -170, 1]}, {"bbox": [1, 1, 1, 1]}, {"type": "LineString", "coordinates": [[0, 90], [0, -90]]},
    {"type": "GeometryCollection", "geometries": [POINT, {"type": "LineString", "coordinates": [[0, 0], [9, 9]]}]},
]))  # fmt: skip
PREDICATES = st.one_of(
    st.builds(lambda op, *sides: {"op": op, "args": list(sides)}, st.sampled_from(["=", "<", ">="]), NUMERIC, NUMERIC),
    st.builds(lambda *sides: {"op": "between", "args": list(sides)}, NUMERIC, NUMERIC, NUMERIC),
    st.builds(lambda left, listed: {"op": "in", "args": [left, listed]}, NUMERIC, st.lists(NUMERIC, min_size=1, max_size=3)),
    st.builds(lambda text, pattern: {"op": "like", "args": [text, {"op": "accenti", "args": [pattern]}]}, TEXTUAL, PATTERNS),
    st.builds(lambda text, pattern: {"op": "like", "args": [text, pattern]}, TEXTUAL, PATTERNS),
    st.builds(lambda name, *sides: {"op": f"t_{name}", "args": list(sides)}, st.sampled_from(["after", "during", "overlaps", "equals"]), PERIODS, PERIODS),
    st.builds(lambda name, *sides: {"op": f"s_{name}", "args": list(sides)},
              st.sampled_from(["intersects", "equals", "disjoint", "touches", "within", "overlaps", "crosses", "contains"]), PLACES, PLACES),
    st.builds(lambda name, listed: {"op": f"a_{name}", "args": [{"property": "months"}, listed]},
              st.sampled_from(["equals", "contains", "containedby", "overlaps"]), st.lists(NUMERIC, max_size=3)),
)  # fmt: skip


@pytest.mark.parametrize("examples", [100, pytest.param(6000, marks=pytest.mark.long)])
def test_whatever_is_not_refused_the_database_can_reckon(
    connection: Connection, towns: FromClause, examples: int
) -> None:
    answered = 0

    # The quick run asks for the same each time; the long one looks for more.
    calm = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
    is_quick = examples < 1000

    @settings(max_examples=examples, derandomize=is_quick, **calm)
    @given(PREDICATES)
    def ask(tree: Any) -> None:
        nonlocal answered
        try:
            condition = read(tree).condition(towns, by_index=False)
        except ParameterError:
            return
        connection.execute(select(towns.c.id).where(condition)).all()
        answered += 1

    ask()
    assert answered > examples / 3


HARD = (
    "rank / 0 = 1", "rank % (rank - rank) = 0", "rank div 0 = 0", "share * 1e299 * 1e299 > 1", "share / 1e-299 > 1", "0 ^ (-1) = rank",
    "(0 - 8) ^ 0.5 = rank", "share ^ 1e299 = 1", "(1e299 * 1e299) ^ (1e299 * 1e299) = rank", "rank ^ (1e299 * 1e299) = 1",
    "rank ^ (1e-299 * 1e-299) = 1", "rank ^ (share * 1e-299 * 1e-299) = 1", "(1e-299 * 1e-299) ^ rank = 1", "(share * 1e-299 * 1e-299) ^ 0.5 = 1",
    "pop_max + 9223372036854775807 > 0", "pop_max * pop_max * pop_max * pop_max > 0", "(-32768) * rank = 1", "share - share = 0",
    "share % share = 0", "share div 3 = 1", "rank + 1e299 = share", "share IN (1e299 * 1e299, 2)", "share BETWEEN -1e299 * 1e10 AND 1e299 * 1e299",
    "pop_min < 99999999999999999999999", "rank = 1.5", "rank IN (1, 2.5, 99999999999999999999)",
)  # fmt: skip


def test_what_has_no_result_does_not_match_and_is_no_error(connection: Connection, towns: FromClause) -> None:
    found = {written: find(connection, towns, written) for written in HARD}
    for written in ("rank / 0 = 1", "rank div 0 = 0", "0 ^ (-1) = rank", "(0 - 8) ^ 0.5 = rank", "share ^ 1e299 = 1"):
        assert found[written] == set()
    assert found["pop_max * pop_max * pop_max * pop_max > 0"] == {row["name"] for row in ROWS if row["pop_max"]}
    assert find(connection, towns, "NOT rank / 0 = 1") == set()


EXPRESSIONS = {
    "text": ("{q} > 'x'", "{q} = {q}", "CASEI({q}) LIKE 'x%'", "{q} IN ('x', {q})", "ACCENTI({q}) = ACCENTI('x')", "'x' = {q}"),
    "number": ("{q} > 1", "{q} = {q} * 2", "{q} ^ 2 < {q} / {q}", "{q} IN (1, 2.5, {q})", "{q} BETWEEN 1 AND 1e20", "1 = {q}"),
    "truth": ("{q} = TRUE", "FALSE <> {q}", "{q} = {q}"),
    "date": ("{q} > DATE('2020-01-01')", "T_AFTER({q}, TIMESTAMP('2020-01-01T00:00:00Z'))", "T_INTERSECTS(INTERVAL({q}, '..'), {q})", "{q} <= {q}"),
    "timestamp": ("{q} > DATE('2020-01-01')",),
    "texts": ("A_CONTAINS({q}, ('x'))", "A_EQUALS({q}, {q})", "A_OVERLAPS(('x', 'y'), {q})"),
    "numbers": ("A_CONTAINS({q}, (1))", "A_EQUALS({q}, ())", "A_CONTAINEDBY({q}, (1, 99999999999))"),
}  # fmt: skip
PLACE = (
    "S_INTERSECTS(geometry, BBOX(105,20,107,21))", "S_DISJOINT(POINT(106 20), geometry)", "S_WITHIN(geometry, POLYGON((0 0,1 0,1 1,0 0)))",
    "S_EQUALS(geometry, geometry)", "S_OVERLAPS(geometry, LINESTRING(0 0, 1 1)) OR S_CROSSES(geometry, BBOX(1,1,2,2))",
    "S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(1 1, 2 2))) AND S_TOUCHES(geometry, POINT(1 1))",
)  # fmt: skip


@pytest.mark.parametrize("name", list(discover()))
def test_each_queryable_of_each_register_takes_the_operations_of_its_type(connection: Connection, name: str) -> None:
    register = discover()[name]
    view = public_view(register, is_past=False)
    written = [
        expression.format(q=field.name)
        for field in queryables(register).values()
        for expression in ("{q} IS NULL", *EXPRESSIONS[kind_of(field)])
    ]
    asked = [(expression, True) for expression in (*written, *PLACE)] + [(expression, False) for expression in PLACE]
    for expression, by_index in asked:
        condition = read_filter(register, expression).condition(view, by_index=by_index)
        connection.execute(select(func.count()).select_from(view).where(condition)).one()


INDEXES = {
    "addresses": "idx_addresses_tile_point",
    "growing_areas": "idx_growing_areas_geom",
    "communes": "idx_communes_geom",
}


@pytest.mark.parametrize("name", list(INDEXES))
def test_functions_that_need_a_meeting_look_for_it_in_an_index(connection: Connection, name: str) -> None:
    register = discover()[name]
    view = public_view(register, is_past=False)
    # Of an empty table every way looks as short: the ones that lead along no shape are taken away.
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    connection.execute(text("SET LOCAL enable_indexscan = off"))
    for function in ("INTERSECTS", "EQUALS", "TOUCHES", "WITHIN", "OVERLAPS", "CROSSES", "CONTAINS"):
        for sides in ("geometry, BBOX(106,20,106.1,20.1)", "POINT(106 20), geometry"):
            condition = read_filter(register, f"S_{function}({sides})").condition(view)
            statement = select(view.c.id).where(condition).compile(connection, compile_kwargs={"literal_binds": True})
            plan = "\n".join(connection.scalars(text(f"EXPLAIN {statement}".replace(":", "\\:"))))
            assert INDEXES[name] in plan, f"{function}({sides})\n{plan}"
