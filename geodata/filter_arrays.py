"""Array functions of a CQL2 filter: lists are compared as sets."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Text, and_, cast
from sqlalchemy.dialects.postgresql import ARRAY, array

from geodata.cql2 import Tree
from geodata.filter_scalars import scalar
from geodata.filter_scope import Scope
from geodata.filter_values import Kind, Value, refuse

MAX_ELEMENTS = 200
"""Of one list."""

_ELEMENTS: Mapping[Kind, Kind] = {"text": "texts", "number": "numbers"}
_TYPES: Mapping[Kind, Any] = {"texts": Text, "numbers": Numeric}


def _contains(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[bool]:
    return left.op("@>", is_comparison=True)(right)


_TESTS: Mapping[str, Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]] = {
    "a_equals": lambda left, right: and_(_contains(left, right), _contains(right, left)),
    "a_contains": _contains,
    "a_containedby": lambda left, right: _contains(right, left),
    "a_overlaps": lambda left, right: left.op("&&", is_comparison=True)(right),
}


def _compare(scope: Scope, name: str, args: list[Tree]) -> ColumnElement[bool]:
    values = [_list(scope, name, part) for part in args]
    kinds = {value.kind for value in values if value is not None} or {"texts"}
    if len(kinds) > 1:
        _refuse(name)
    # Numbers of a list are compared as numeric, so that any number can be asked for.
    kind = ARRAY(_TYPES[kinds.pop()])
    left, right = (cast(array([]) if value is None else value.sql, kind) for value in values)
    return _TESTS[name](left, right)


def _list(scope: Scope, name: str, tree: Tree) -> Value | None:
    """Return a list; None for the empty one, which is of any kind."""
    if not isinstance(tree, list):
        found = scalar(scope, tree)
        if found.kind not in _TYPES:
            _refuse(name)
        return found
    if len(tree) > MAX_ELEMENTS:
        refuse(f"danh sách có nhiều nhất {MAX_ELEMENTS} giá trị.", f"a list has at most {MAX_ELEMENTS} values.")
    elements = [scalar(scope, part) for part in tree]
    if not elements:
        return None
    kind = elements[0].kind
    if kind not in _ELEMENTS or any(element.kind != kind for element in elements):
        _refuse(name)
    return Value(_ELEMENTS[kind], array([cast(element.sql, _TYPES[_ELEMENTS[kind]]) for element in elements]))


def _refuse(name: str) -> None:
    refuse(
        f"{name} so sánh danh sách với danh sách cùng kiểu, ví dụ {name}(markets, ('CHN', 'USA')).",
        f"{name} compares lists of one type, such as {name}(markets, ('CHN', 'USA')).",
    )


ARRAYS = dict.fromkeys(_TESTS, (2, _compare))
"""Number of arguments and compiler of each."""
