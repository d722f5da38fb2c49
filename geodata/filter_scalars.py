"""Scalar expressions of a CQL2 filter: fields, values, arithmetic, texts without regard to case or accents.

What is computed is of type numeric, which no operation here overflows within the limits of a filter. What has no
result (a division by zero, a root of a negative number) is null, so the record does not match.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Double, Numeric, and_, case, cast, func, literal_column, or_

from geodata.cql2 import ARITHMETIC, TEXT_FUNCTIONS, Tree
from geodata.filter_scope import GEOMETRY, Scope, property_name
from geodata.filter_values import Value, field_value, literal_value, refuse

MAX_POWERS = 8
"""Of a filter."""

# Of a power: within these it fits a double, either way. Written out, since a parameter would make doubles of all of it.
_LEAST_BASE: ColumnElement[Any] = literal_column("1e-15")
_LARGEST_BASE: ColumnElement[Any] = literal_column("1e15")
_LARGEST_EXPONENT: ColumnElement[Any] = literal_column("16")
_DECIMALS: ColumnElement[Any] = literal_column("300")
"""What is smaller than a double can be makes an error of its cast, not a zero."""

_ACCENTS: ColumnElement[Any] = literal_column("'public.unaccent'::regdictionary")
_TEXT_FUNCTIONS: Mapping[str, Callable[[ColumnElement[Any]], ColumnElement[Any]]] = {
    "casei": func.lower,
    "accenti": lambda text: func.public.unaccent(_ACCENTS, text),
}


def operation(tree: Tree) -> tuple[str, list[Tree]]:
    """Return an operation's name in small letters, and its arguments.

    Raises
    ------
    ParameterError
        When it is none.
    """
    if isinstance(tree, dict) and isinstance(tree.get("op"), str) and isinstance(tree.get("args"), list):
        return tree["op"].lower(), tree["args"]
    refuse("cần một phép so sánh ở chỗ chỉ có giá trị.", "a comparison is needed where there is but a value.")


def scalar(scope: Scope, tree: Tree) -> Value:
    """Compile one side of a comparison.

    Raises
    ------
    ParameterError
    """
    written = literal_value(tree)
    if written is not None:
        return written
    if isinstance(tree, dict) and "op" in tree:
        return _computed(scope, tree)
    name = property_name(tree)
    if name == GEOMETRY or not isinstance(tree, dict) or len(tree) != 1 or name is None:
        refuse(
            "hình, khoảng thời gian và danh sách chỉ dùng trong các phép s_, t_ và a_.",
            "shapes, intervals and lists go into operations s_, t_ and a_ only.",
        )
    field = scope.field(name)
    return field_value(field, scope.view.c[name])


def _computed(scope: Scope, tree: Tree) -> Value:
    name, args = operation(tree)
    if name in ARITHMETIC:
        return _arithmetic(scope, name, args)
    if name in TEXT_FUNCTIONS:
        return text_function(name, [scalar(scope, part) for part in args])
    return Value("truth", scope.boolean(scope, tree))


def text_function(name: str, values: list[Value]) -> Value:
    """Compile casei or accenti.

    Raises
    ------
    ParameterError
        When it is not of one text.
    """
    if len(values) != 1 or values[0].kind != "text":
        refuse(f"{name} có một tham số, là chữ.", f"{name} has one argument, a text.")
    return Value("text", _TEXT_FUNCTIONS[name](values[0].sql))


def _arithmetic(scope: Scope, name: str, args: list[Tree]) -> Value:
    values = [scalar(scope, part) for part in args]
    if len(values) != 2 or any(value.kind != "number" for value in values):  # noqa: PLR2004
        refuse(f"phép {name} cần hai số.", f"{name} takes two numbers.")
    if name == "^":
        _count_power(scope, args)
    left, right = (cast(value.sql, Numeric) for value in values)
    return Value("number", _ARITHMETIC[name](left, right), is_computed=True)


def _count_power(scope: Scope, args: list[Tree]) -> None:
    """Refuse what would be a long statement: a power writes its operands several times."""
    scope.powers += 1
    if scope.powers > MAX_POWERS:
        refuse(f"có hơn {MAX_POWERS} phép ^.", f"there are more than {MAX_POWERS} of ^.")
    if any(_has_power(part) for part in args):
        refuse("không dùng ^ trong ^.", "there is no ^ within ^.")


def _has_power(tree: Tree) -> bool:
    if not isinstance(tree, dict) or not isinstance(tree.get("args"), list):
        return False
    return tree.get("op") == "^" or any(_has_power(part) for part in tree["args"])


def _power(base: ColumnElement[Any], exponent: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a power where it has a value that a double holds; else null.

    The operands are cut to the bounds beside being asked for them: what is constant is computed before it is asked.
    """
    is_whole = exponent == func.trunc(exponent)
    has_value = or_(
        and_(base == 0, exponent >= 0),
        and_(
            func.abs(base).between(_LEAST_BASE, _LARGEST_BASE),
            func.abs(exponent) <= _LARGEST_EXPONENT,
            or_(base > 0, is_whole),
        ),
    )
    cut = func.least(func.greatest(base, -_LARGEST_BASE), _LARGEST_BASE)
    raised = func.least(func.greatest(exponent, -_LARGEST_EXPONENT), _LARGEST_EXPONENT)
    sides = (cast(func.round(side, _DECIMALS), Double) for side in (cut, raised))
    return case((has_value, cast(func.power(*sides), Numeric)))


def _divisor(number: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.nullif(number, 0)


_ARITHMETIC: Mapping[str, Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[Any]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left.op("/")(_divisor(right)),
    "%": lambda left, right: func.mod(left, _divisor(right)),
    "div": lambda left, right: func.div(left, _divisor(right)),
    "^": _power,
}
