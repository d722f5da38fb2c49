"""What CQL2 filters find in a real table: OGC's own expressions and numbers where the data allow, else reckoned beside.

The expressions are those of the abstract tests of OGC 21-065r2, Annex A.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, FromClause

from tests.geodata.cql2_places import NAMES, ROWS, Row, find

Find = Callable[[str], set[str]]
Rule = Callable[[Row], bool]
ALL = {row["name"] for row in ROWS}


@pytest.fixture
def found(connection: Connection, towns: FromClause) -> Find:
    return lambda written: find(connection, towns, written)


def names(rule: Rule) -> set[str]:
    return {row["name"] for row in ROWS if rule(row)}


TEMPORAL = """
1 t_after("date",date('2022-04-16'))
1 t_before("date",date('2022-04-16'))
2 t_disjoint("date",date('2022-04-16'))
1 t_equals("date",date('2022-04-16'))
1 t_intersects("date",date('2022-04-16'))
1 t_after("date",interval('2022-01-01','2022-12-31'))
1 t_before("date",interval('2022-01-01','2022-12-31'))
2 t_disjoint("date",interval('2022-01-01','2022-12-31'))
0 t_equals("date",interval('2022-01-01','2022-12-31'))
1 t_equals("date",interval('2022-04-16','2022-04-16'))
1 t_intersects("date",interval('2022-01-01','2022-12-31'))
1 t_after(start,timestamp('2022-04-16T10:13:19Z'))
1 t_before(start,timestamp('2022-04-16T10:13:19Z'))
2 t_disjoint(start,timestamp('2022-04-16T10:13:19Z'))
1 t_equals(start,timestamp('2022-04-16T10:13:19Z'))
1 t_intersects(start,timestamp('2022-04-16T10:13:19Z'))
0 t_after(start,interval('2022-01-01T00:00:00Z','2022-12-31T23:59:59Z'))
1 t_before(start,interval('2022-01-01T00:00:00Z','2022-12-31T23:59:59Z'))
1 t_disjoint(start,interval('2022-01-01T00:00:00Z','2022-12-31T23:59:59Z'))
0 t_equals(start,interval('2022-01-01T00:00:00Z','2022-12-31T23:59:59Z'))
2 t_intersects(start,interval('2022-01-01T00:00:00Z','2022-12-31T23:59:59Z'))
1 t_after(interval(start,end),interval('..','2022-04-16T10:13:19Z'))
2 t_before(interval(start,end),interval('2023-01-01T00:00:00Z','..'))
1 t_disjoint(interval(start,end),interval('2022-04-16T10:13:19Z','2022-04-16T10:15:09Z'))
1 t_equals(interval(start,end),interval('2021-04-16T10:15:59Z','2022-04-16T10:16:06Z'))
2 t_intersects(interval(start,end),interval('2022-04-16T10:13:19Z','2022-04-16T10:15:09Z'))
1 T_CONTAINS(interval(start,end),interval('2022-04-16T10:13:19Z','2022-04-16T10:15:10Z'))
1 T_DURING(interval(start,end),interval('2022-01-01T00:00:00Z','2022-12-31T23:59:59Z'))
1 T_FINISHES(interval(start,end),interval('2022-04-16T10:13:19Z','2022-04-16T10:16:06Z'))
1 T_FINISHEDBY(interval(start,end),interval('2022-04-16T10:13:19Z','2022-04-16T10:16:06Z'))
0 T_MEETS(interval(start,end),interval('2022-04-16T10:13:19Z','2022-04-16T10:15:10Z'))
1 T_METBY(interval(start,end),interval('2022-04-16T10:13:19Z','2022-04-16T10:15:10Z'))
2 T_OVERLAPPEDBY(interval(start,end),interval('2020-04-16T10:13:19Z','2022-04-16T10:15:10Z'))
1 T_OVERLAPS(interval(start,end),interval('2022-04-16T10:13:19Z','2023-04-16T10:15:10Z'))
1 T_STARTEDBY(interval(start,end),interval('2022-04-16T10:13:19Z','2022-04-16T10:15:10Z'))
0 T_STARTS(interval(start,end),interval('2022-04-16T10:13:19Z','2022-04-16T10:15:10Z'))
1 t_after(date('2022-04-16'),"date")
1 t_before(interval('2022-01-01','2022-12-31'),"date")
1 t_equals(timestamp('2022-04-16T10:13:19Z'),start)
2 t_after(interval('2023-01-01T00:00:00Z','..'),interval(start,end))
1 t_before(interval('..','2022-04-16T10:13:19Z'),interval(start,end))
2 t_intersects(interval('2022-04-16T10:13:19Z','2022-04-16T10:15:09Z'),interval(start,end))
2 T_CONTAINS(interval('2021-04-16T10:13:19Z','2023-04-16T10:15:10Z'),interval(start,end))
1 T_DURING(interval('2022-07-01T00:00:00Z','2022-12-31T23:59:59Z'),interval(start,end))
1 T_FINISHES(interval('2022-04-16T10:13:19Z','2022-04-16T10:16:06Z'),interval(start,end))
1 T_FINISHEDBY(interval('2022-04-16T10:13:19Z','2022-04-16T10:16:06Z'),interval(start,end))
1 T_MEETS(interval('2022-04-16T10:13:19Z','2022-04-16T10:15:10Z'),interval(start,end))
0 T_METBY(interval('2022-04-16T10:13:19Z','2022-04-16T10:15:10Z'),interval(start,end))
0 T_OVERLAPPEDBY(interval('2020-04-16T10:13:19Z','2022-04-16T10:15:10Z'),interval(start,end))
0 T_OVERLAPS(interval('2022-04-16T10:13:19Z','2023-04-16T10:15:10Z'),interval(start,end))
0 T_STARTEDBY(interval('2022-04-16T10:13:19Z','2022-04-16T10:15:10Z'),interval(start,end))
1 T_STARTS(interval('2022-04-16T10:13:19Z','2022-04-16T10:15:10Z'),interval(start,end))
0 start=end
3 start<=end
3 start<end
0 start>=end
3 start<>end
2 "date" in (DATE('2021-04-16'),DATE('2022-04-16'),DATE('2022-04-18'))
1 "date" not in (DATE('2021-04-16'),DATE('2022-04-16'),DATE('2022-04-18'))
1 start in (TIMESTAMP('2022-04-16T10:13:19Z'))
2 start not in ('2022-04-16T10:13:19Z')
"""


def test_temporal_expressions_find_as_many_as_ogc_says(found: Find) -> None:
    """All but one: a record that T_FINISHES an interval is one that the interval is T_FINISHEDBY, where OGC has 1 and 0."""
    expected = {line[2:]: int(line[0]) for line in TEMPORAL.strip().splitlines()}
    assert {written: len(found(written)) for written in expected} == expected


RULES: dict[str, Rule] = {
    "name='Luxembourg'": lambda r: r["name"] == "Luxembourg",
    "'København'=name": lambda r: r["name"] == "København",
    "name=nameascii": lambda r: r["name"] == r["nameascii"],
    "name<>nameascii": lambda r: r["nameascii"] is not None and r["name"] != r["nameascii"],
    "'København' LIKE 'K_benhavn'": lambda r: True,
    "'København' NOT LIKE 'K_benhavn'": lambda r: False,
    "name LIKE 'B_a%'": lambda r: r["name"].startswith("Bra"),
    "name LIKE '%\\%\\_\\\\'": lambda r: r["name"].startswith("Bra"),
    "name LIKE '%'": lambda r: True,
    "name LIKE '_%'": lambda r: True,
    "name LIKE ''": lambda r: False,
    "ACCENTI(CASEI(name)) LIKE accenti(casei('KØ%'))": lambda r: r["name"] == "København",
    "ACCENTI(name)=accenti('Kobenhavn')": lambda r: r["name"] == "København",
    "accenti(name) = nameascii": lambda r: r["nameascii"] is not None,
    "CASEI(name) IN (casei('KIEV'), casei('đà nẵng'), 'foo')": lambda r: r["name"] in {"Kiev", "Đà Nẵng"},
    "ACCENTI(name) LIKE ACCENTI('%％＿＼')": lambda r: r["name"].startswith("Bra"),
    "pop_other between pop_min and pop_max":
        lambda r: r["pop_other"] is not None and r["pop_min"] <= r["pop_other"] <= r["pop_max"],
    "pop_other not between pop_min and pop_max":
        lambda r: r["pop_other"] is not None and not r["pop_min"] <= r["pop_other"] <= r["pop_max"],
    "pop_min=pop_max": lambda r: r["pop_min"] == r["pop_max"],
    "rank < pop_min": lambda r: r["rank"] < r["pop_min"],
    "share > rank": lambda r: r["share"] != r["share"] or r["share"] > r["rank"],  # NaN is above all
    "pop_other=1038280+8": lambda r: r["pop_other"] == 1_038_288,
    "1038280+8=pop_other": lambda r: r["pop_other"] == 1_038_288,
    "pop_other>=1038290-2*2^0": lambda r: (r["pop_other"] or 0) >= 1_038_288,
    "pop_other>1038290-20/10": lambda r: (r["pop_other"] or 0) > 1_038_288,
    "pop_other>1038290-21 div 10": lambda r: (r["pop_other"] or 0) > 1_038_288,
    "pop_other>1038290-5%2": lambda r: (r["pop_other"] or 0) > 1_038_289,
    "pop_other<1038280+2^3": lambda r: r["pop_other"] is not None and r["pop_other"] < 1_038_288,
    "pop_other in (1000000+38288,1000000+600000+11692,3*1000000)": lambda r: r["pop_other"] in {1_038_288, 1_611_692},
    "share * 4 = rank": lambda r: r["share"] in {0.25, 0.0} and r["share"] * 4 == r["rank"],
    "share + 0.1 = 0.35": lambda r: r["share"] == 0.25,
    "pop_max / rank > 1000000": lambda r: r["rank"] != 0 and r["pop_max"] / r["rank"] > 1_000_000,
    "-rank = -3": lambda r: r["rank"] == 3,
    "rank ^ 0.5 = 1": lambda r: r["rank"] == 1,
    "(-8) ^ 0.5 = rank": lambda r: False,
    "boolean=true": lambda r: r.get("boolean") is True,
    "boolean in (false)": lambda r: r.get("boolean") is False,
    "(rank = 1) = boolean": lambda r: r.get("boolean") is not None and (r["rank"] == 1) == r["boolean"],
    "(nameascii = 'x') IS NULL": lambda r: r["nameascii"] is None,
    "pop_other + 1 IS NULL": lambda r: r["pop_other"] is None,
    "tags IS NULL": lambda r: r.get("tags") is None,
    "geometry IS NULL": lambda r: False,
    "A_CONTAINS(tags, ('capital'))": lambda r: "capital" in (r.get("tags") or ()),
    "A_CONTAINS(('capital', 'sea'), tags)": lambda r: r.get("tags") is not None and {"capital", "sea"} >= set(r["tags"]),
    "A_CONTAINEDBY(tags, ('capital'))": lambda r: r.get("tags") is not None and {"capital"} >= set(r["tags"]),
    "A_EQUALS(tags, ('capital', 'sea'))": lambda r: set(r.get("tags") or ()) == {"capital", "sea"},
    "A_EQUALS(tags, ())": lambda r: r.get("tags") == [],
    "A_OVERLAPS(tags, (accenti('séa'), 'river'))": lambda r: bool({"sea", "river"} & set(r.get("tags") or ())),
    "A_OVERLAPS(months, (1+4, 9.0, 99999999999, 1.5))": lambda r: bool({5, 9} & set(r.get("months") or ())),
    "A_CONTAINS(months, (rank))": lambda r: False,
    "A_EQUALS(months, months)": lambda r: r.get("months") is not None,
    "NOT A_CONTAINS(tags, ('capital'))": lambda r: r.get("tags") is not None and "capital" not in r["tags"],
}  # fmt: skip


def test_expressions_find_what_a_reading_of_the_rows_finds(found: Find) -> None:
    for written, rule in RULES.items():
        assert found(written) == names(rule), written
    counts = [len(names(rule)) for rule in RULES.values()]
    assert sum(0 < count < len(ROWS) for count in counts) > len(RULES) * 3 / 4


VALUES = {
    "name": "'foo'", "nameascii": "'foo'", "boolean": "true", "share": "3.14", "rank": "1", "pop_min": "1", "pop_max": "1",
    "pop_other": "1", "date": "DATE('2022-04-14')", "start": "TIMESTAMP('2022-04-14T14:48:46Z')",
    "end": "TIMESTAMP('2022-04-14T14:48:46Z')",
}  # fmt: skip


@pytest.mark.parametrize("sides", ["{q} {op} {v}", "{v} {op} {q}", "{q} {op} {q}", "{v} {op} {v}"])
def test_comparisons_of_each_type_exclude_each_other_as_ogc_says(found: Find, sides: str) -> None:
    """Conformance tests comparison, comparison-value-property, -property-property and -value-value."""
    for name, value in VALUES.items():
        sets = {op: found(sides.format(q=name, op=op, v=value)) for op in ("=", "<>", ">", "<", ">=", "<=")}
        assert not sets["="] & sets["<>"], name
        assert not sets[">"] & sets["<="], name
        assert not sets["<"] & sets[">="], name
        known = found(f"{name} IS NOT NULL") if "{q}" in sides else ALL
        assert sets["="] | sets["<>"] == sets[">"] | sets["<="] == sets["<"] | sets[">="] == known, name
        if sides in {"{q} {op} {q}", "{v} {op} {v}"}:
            assert sets["="] == sets[">="] == sets["<="] == known, name


def test_is_null_and_is_not_null_share_the_rows_between_them(found: Find) -> None:
    for name in (*NAMES, "geometry"):
        assert found(f"{name} IS NULL") | found(f"{name} IS NOT NULL") == ALL, name
        assert not found(f"{name} IS NULL") & found(f"{name} is not null"), name


def test_combinations_follow_the_logic_of_three_values(found: Find) -> None:
    """Conformance test logical: what is unknown of a row is neither true nor false of it."""
    parts: dict[str, Callable[[Row], Any]] = {
        "pop_other > 1038288": lambda r: None if r["pop_other"] is None else r["pop_other"] > 1_038_288,
        "boolean = true": lambda r: r.get("boolean"),
        "A_CONTAINS(tags, ('capital'))": lambda r: None if r.get("tags") is None else "capital" in r["tags"],
        "date IS NULL": lambda r: r.get("date") is None,
    }

    def negated(truth: Any) -> Any:
        return None if truth is None else not truth

    def both(first: Any, second: Any) -> Any:
        return False if first is False or second is False else None if None in {first, second} else True

    for (p1, r1), (p2, r2), (p3, r3), (p4, r4) in list(product(parts.items(), repeat=4))[::7]:
        written = f"(NOT {p1} AND {p2}) OR ({p3} and NOT {p4}) or not ({p1} AND {p4})"
        expected = {
            row["name"]
            for row in ROWS
            if True in {
                both(negated(r1(row)), r2(row)), both(r3(row), negated(r4(row))), negated(both(r1(row), r4(row))),
            }
        }  # fmt: skip
        assert found(written) == expected, written


SPATIAL = {
    "S_INTERSECTS(geometry, BBOX(-180,-90,180,90))": 7, "S_INTERSECTS(BBOX(0,40,10,50), geometry)": 1,
    "S_INTERSECTS(geometry, BBOX(150,-90,-150,90))": 1, "S_EQUALS(geometry, POINT(6.1300028 49.6116604))": 1,
    "S_DISJOINT(geometry, BBOX(0,40,10,50))": 6, "S_WITHIN(geometry, BBOX(0,40,13,60))": 2,
    "S_CONTAINS(BBOX(0,40,13,60), geometry)": 2, "S_CONTAINS(geometry, BBOX(0,40,13,60))": 0,
    "S_CONTAINS(geometry, POINT Z (6.1300028 49.6116604 7))": 1, "S_TOUCHES(geometry, LINESTRING(25.6 45.65, 30 30))": 1,
    "S_OVERLAPS(geometry, MULTIPOINT(7 50,10 51))": 0, "S_CROSSES(geometry, LINESTRING(7 50,10 51))": 0,
    "S_EQUALS(geometry, geometry)": 7, "S_CROSSES(LINESTRING(0 0, 2 2), LINESTRING(0 2, 2 0))": 7,
    "S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(30.51 50.43), POLYGON((0 45, 10 45, 10 50, 0 50, 0 45))))": 2,
    "S_DISJOINT(geometry, GEOMETRYCOLLECTION(POINT(30.51 50.43), POLYGON((0 45, 10 45, 10 50, 0 50, 0 45))))": 5,
    "S_WITHIN(geometry, GEOMETRYCOLLECTION(POINT(30.51 50.43), POINT(25.6 45.65)))": 2,
    "NOT S_INTERSECTS(geometry, MULTIPOLYGON(((0 40,10 40,10 50,0 50,0 40)),((20 40,40 40,40 60,20 60,20 40))))": 4,
}  # fmt: skip


def test_spatial_functions_hold_with_the_shape_on_either_side(found: Find) -> None:
    assert {written: len(found(written)) for written in SPATIAL} == SPATIAL


def test_an_end_that_a_record_leaves_empty_is_open_where_it_has_the_other(
    connection: Connection, towns: FromClause, found: Find
) -> None:
    connection.execute(towns.update().where(towns.c.name == "Kiev").values(end=None))
    assert "Kiev" in found("T_INTERSECTS(INTERVAL(start, end), INTERVAL('2050-01-01', '..'))")
    assert "Kiev" not in found("T_BEFORE(INTERVAL(start, end), DATE('2050-01-01'))")
    assert "Kiev" in found("T_AFTER(INTERVAL(start, end), DATE('2021-01-01'))")
    assert found("T_INTERSECTS(INTERVAL(start, end), INTERVAL('..', '2100-01-01'))") == {
        "København",
        "Luxembourg",
        "Kiev",
    }


def test_a_day_and_an_instant_are_compared_by_days_as_they_are_written(found: Find) -> None:
    assert found("date = TIMESTAMP('2022-04-16T23:30:00+07:00')") == {"Luxembourg"}
    assert found("date = TIMESTAMP('2022-04-15T23:30:00-07:00')") == set()
    assert found("start = DATE('2021-04-16')") == {"København"}
    assert found("date <= '2022-04-16'") == {"København", "Luxembourg"}
