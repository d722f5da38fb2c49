"""Temporal functions of a CQL2 filter: days, instants and intervals, each with a start and an end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal_column, not_, or_

from geodata.cql2 import Tree
from geodata.filter_scalars import scalar
from geodata.filter_scope import Scope
from geodata.filter_values import Value, comparable_times, refuse, time_value

_OPEN = ".."
_FOR_INSTANTS = frozenset({"t_after", "t_before", "t_disjoint", "t_equals", "t_intersects"})
"""The others are of intervals only: an instant has no inside."""


@dataclass(frozen=True, slots=True)
class _Ends:
    """Start and end as they are compared."""

    start: ColumnElement[Any]
    end: ColumnElement[Any]


_TESTS: Mapping[str, Callable[[_Ends, _Ends], ColumnElement[bool]]] = {
    "t_after": lambda a, b: a.start > b.end,
    "t_before": lambda a, b: a.end < b.start,
    "t_contains": lambda a, b: and_(a.start < b.start, a.end > b.end),
    "t_disjoint": lambda a, b: or_(a.start > b.end, a.end < b.start),
    "t_during": lambda a, b: and_(a.start > b.start, a.end < b.end),
    "t_equals": lambda a, b: and_(a.start == b.start, a.end == b.end),
    "t_finishedby": lambda a, b: and_(a.start < b.start, a.end == b.end),
    "t_finishes": lambda a, b: and_(a.start > b.start, a.end == b.end),
    "t_intersects": lambda a, b: not_(or_(a.start > b.end, a.end < b.start)),
    "t_meets": lambda a, b: a.end == b.start,
    "t_metby": lambda a, b: a.start == b.end,
    "t_overlappedby": lambda a, b: and_(a.start > b.start, a.start < b.end, a.end > b.end),
    "t_overlaps": lambda a, b: and_(a.start < b.start, a.end > b.start, a.end < b.end),
    "t_startedby": lambda a, b: and_(a.start == b.start, a.end > b.end),
    "t_starts": lambda a, b: and_(a.start == b.start, a.end < b.end),
}


def _compare(scope: Scope, name: str, args: list[Tree]) -> ColumnElement[bool]:
    periods = [_period(scope, part) for part in args]
    if name not in _FOR_INSTANTS and any(start is end is not None for start, end in periods):
        refuse(f"{name} so sánh hai khoảng: INTERVAL(…, …).", f"{name} compares two intervals: INTERVAL(…, …).")
    known = [value for period in periods for value in period if value is not None]
    if not known:
        refuse("khoảng thời gian cần đầu hoặc cuối.", "an interval needs a start or an end.")
    as_compared = dict(zip(map(id, known), comparable_times(known), strict=True))
    is_by_day = any(value.kind == "date" for value in known)
    left, right = (_ends(period, as_compared, is_by_day=is_by_day) for period in periods)
    return _TESTS[name](left, right)


def _period(scope: Scope, tree: Tree) -> tuple[Value | None, Value | None]:
    """Return start and end; None where it is open."""
    ends = tree.get("interval") if isinstance(tree, dict) and len(tree) == 1 else None
    if ends is None:
        found = _time(scope, tree)
        return found, found
    if not isinstance(ends, list) or len(ends) != 2:  # noqa: PLR2004  start and end
        refuse("khoảng thời gian có đầu và cuối.", "an interval has a start and an end.")
    start, end = (None if part == _OPEN else _time(scope, part) for part in ends)
    return start, end


def _time(scope: Scope, tree: Tree) -> Value:
    if isinstance(tree, str):
        return time_value(tree)
    found = scalar(scope, tree)
    if found.kind not in {"date", "timestamp"}:
        refuse(
            "các phép t_ so sánh ngày, thời điểm và khoảng thời gian.",
            "operations t_ compare days, instants and intervals.",
        )
    return found


def _ends(period: Sequence[Value | None], as_compared: Mapping[int, ColumnElement[Any]], *, is_by_day: bool) -> _Ends:
    """Return the ends of a period; one that a record leaves empty is open where the record has the other."""
    start, end = (None if value is None else as_compared[id(value)] for value in period)
    kind = "date" if is_by_day else "timestamptz"
    first: ColumnElement[Any] = literal_column(f"'-infinity'::{kind}")
    last: ColumnElement[Any] = literal_column(f"'infinity'::{kind}")
    if start is None or end is None:
        return _Ends(first if start is None else start, last if end is None else end)
    if period[0] is period[1]:
        return _Ends(start, end)
    return _Ends(_or_open(start, first, other=end), _or_open(end, last, other=start))


def _or_open(time: ColumnElement[Any], open_: ColumnElement[Any], *, other: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(time, case((other.is_not(None), open_)))


TEMPORAL = dict.fromkeys(_TESTS, (2, _compare))
"""Number of arguments and compiler of each."""
