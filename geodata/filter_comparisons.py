"""Comparisons of a CQL2 filter: =, <> …, like, between, in, isNull."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, column, false, literal, select, table

from geodata.cql2 import TEXT_FUNCTIONS, Tree
from geodata.filter_scalars import operation, scalar, text_function
from geodata.filter_scope import GEOMETRY, Scope, property_name
from geodata.filter_shapes import is_shape
from geodata.filter_values import Value, comparable, literal_value, refuse

MAX_LISTED = 200
"""Values of one IN."""
MAX_WILDCARDS = 3
"""Of one pattern."""
_FREE_WILDCARDS, _LETTERS = 2, 2

_FOLDED_TO_WILDCARDS = "∖﹨＼﹪％＿"
"""Letters that the rules of unaccent make a backslash, a percent sign or an underscore of."""

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def _compare(scope: Scope, name: str, args: list[Tree]) -> ColumnElement[bool]:
    left, right = (scalar(scope, part) for part in args)
    if name == "=":
        for code, other in ((left, right), (right, left)):
            if _is_code(scope, code) and other.written is not None:
                return _has_code(scope, code, [other.written])
    found: ColumnElement[bool] = _OPERATORS[name](*comparable([left, right]))
    return found


def _between(scope: Scope, _name: str, args: list[Tree]) -> ColumnElement[bool]:
    value, low, high = comparable([scalar(scope, part) for part in args])
    return value.between(low, high)


def _in(scope: Scope, _name: str, args: list[Tree]) -> ColumnElement[bool]:
    listed = args[1]
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_LISTED:
        refuse(f"in cần từ 1 đến {MAX_LISTED} giá trị.", f"in takes 1 to {MAX_LISTED} values.")
    value, others = scalar(scope, args[0]), [scalar(scope, part) for part in listed]
    written = [other.written for other in others if other.written is not None]
    if _is_code(scope, value) and len(written) == len(others):
        return _has_code(scope, value, written)
    first, *rest = comparable([value, *others])
    return first.in_(rest)


def _is_code(scope: Scope, value: Value) -> bool:
    """Whether it is a code, and one that may be looked for in the table of codes."""
    field = value.field
    return scope.by_index and field is not None and field.scheme is not None and field.column.key == "value"


def _has_code(scope: Scope, code: Value, values: list[str]) -> ColumnElement[bool]:
    """By the code table's index: the view's own column is a look-up for each row."""
    codes_model = scope.register.codes
    assert codes_model is not None
    assert code.field is not None
    names = ("feature_id", "scheme", "value")
    codes = table(codes_model.__tablename__, *(column(name) for name in names), schema="open")
    scheme = literal(code.field.scheme, Text)
    bound = [literal(value, Text) for value in values]
    found = select(codes.c.feature_id).where(codes.c.scheme == scheme, codes.c.value.in_(bound))
    return scope.view.c.id.in_(found)


def _is_null(scope: Scope, _name: str, args: list[Tree]) -> ColumnElement[bool]:
    if property_name(args[0]) == GEOMETRY:
        return and_(*(shape.is_(None) for shape in scope.shapes()))
    if is_shape(args[0]):
        return false()
    return scalar(scope, args[0]).sql.is_(None)


def _like(scope: Scope, _name: str, args: list[Tree]) -> ColumnElement[bool]:
    text, pattern = scalar(scope, args[0]), _pattern(args[1])
    if text.kind != "text":
        refuse("like chỉ so sánh chữ.", "like compares texts only.")
    return text.sql.like(pattern.sql)


def _pattern(tree: Tree) -> Value:
    """Compile a pattern: a text, within casei and accenti maybe."""
    names: list[str] = []
    while isinstance(tree, dict) and "op" in tree:
        name, args = operation(tree)
        if name not in TEXT_FUNCTIONS or len(args) != 1:
            break
        names.append(name)
        tree = args[0]
    found = literal_value(tree)
    if found is None or found.written is None:
        refuse("mẫu của like phải là chữ cho sẵn.", "a pattern of like is a text that is given.")
    found = Value("text", literal(_checked_pattern(found.written, is_folded="accenti" in names), Text))
    for name in reversed(names):
        found = text_function(name, [found])
    return found


def _checked_pattern(pattern: str, *, is_folded: bool) -> str:
    """Return a pattern whose letters stay letters when their accents go.

    Two wildcards may stand alone, as '%' and '_%' do in OGC's tests; a third needs two letters to hold on to.
    """
    written, wildcards, letters = "", 0, 0
    rest = iter(pattern)
    for letter in rest:
        plain = next(rest, "") if letter == "\\" else letter
        if not plain:
            refuse("mẫu like không được kết thúc bằng \\.", "a pattern of like cannot end with \\.")
        is_wildcard = letter in "%_"
        wildcards, letters = wildcards + is_wildcard, letters + (not is_wildcard)
        is_escaped = letter == "\\" or (is_folded and plain in _FOLDED_TO_WILDCARDS)
        written += "\\" * is_escaped + plain
    if wildcards > (MAX_WILDCARDS if letters >= _LETTERS else _FREE_WILDCARDS):
        refuse(
            f"mẫu like có nhiều nhất {MAX_WILDCARDS} ký tự thay thế (% và _), và {_FREE_WILDCARDS} "
            f"nếu có ít hơn {_LETTERS} chữ.",
            f"a pattern of like has at most {MAX_WILDCARDS} wildcards (% and _), and {_FREE_WILDCARDS} "
            f"where it has less than {_LETTERS} letters.",
        )
    return written


COMPARISONS: Mapping[str, tuple[int, Callable[[Scope, str, list[Tree]], ColumnElement[bool]]]] = {
    **dict.fromkeys(_OPERATORS, (2, _compare)),
    "like": (2, _like),
    "between": (3, _between),
    "in": (2, _in),
    "isnull": (1, _is_null),
}
"""Number of arguments and compiler of each."""
