"""CQL2 filters: read within limits, compiled to conditions over what the public sees of a register.

Every value becomes a bound parameter, every name is looked up among the register's queryables: a field that is not
public is as unknown as one that does not exist.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, get_args

import orjson
import shapely
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    LargeBinary,
    Text,
    and_,
    column,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
)

from geodata.cql2 import Cql2DepthError, Cql2SyntaxError, Tree, parse_cql2
from geodata.derived import WEB_MERCATOR, geometry_names, tile_table
from geodata.filter_values import bound, read_literal, read_shape, refuse
from geodata.public_views import Geometry
from geodata.register import Field, Register

MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_LISTED = 8192, 16, 256, 200
MAX_SPATIAL, MAX_VERTICES = 4, 1000
"""Limits of a filter: length in UTF-8, nesting, parts, values of one IN, spatial comparisons,
vertices of all their geometries together."""

GEOMETRY = "geometry"
"""What a record's place is called in filters."""

FilterLanguage = Literal["cql2-text", "cql2-json"]
LANGUAGES: tuple[FilterLanguage, ...] = get_args(FilterLanguage)

_MERCATOR_TOP = 89.0
_MARGIN = 1e-5
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A filter that was read.

    Attributes
    ----------
    tree : CQL2 JSON
    names : frozenset of str
        Fields it asks for, ``geometry`` among them.
    """

    register: Register
    tree: Tree
    names: frozenset[str]

    def condition(self, view: FromClause, *, by_index: bool = True) -> ColumnElement[bool]:
        """Return the condition over a view of the register.

        Parameters
        ----------
        by_index : bool
            Points and codes may be looked for in the tables that have an index, which know what is so now alone.
        """
        return _Compiler(self.register, view, by_index=by_index).boolean(self.tree)


def queryables(register: Register) -> dict[str, Field]:
    """Return the fields that a register can be asked by: public ones with one value each."""
    return {item.name: item for item in register.public_fields if item.column.type.python_type is not list}


def read_filter(register: Register, text: str, language: FilterLanguage = "cql2-text") -> Filter:
    """Read a filter, without asking the database anything.

    Raises
    ------
    ParameterError
        When it is malformed, too large, or asks for what there is not; says where and what there is.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        refuse(f"dài quá {MAX_BYTES} byte.", f"it is longer than {MAX_BYTES} bytes.")
    tree = _parse(text, language)
    _measure(tree)
    compiler = _Compiler(register, table(register.id, *(column(name) for name in _columns(register))), by_index=False)
    compiler.boolean(tree)
    return Filter(register, tree, frozenset(compiler.names))


def _columns(register: Register) -> list[str]:
    return ["id", *queryables(register), *geometry_names(register)]


def _parse(text: str, language: FilterLanguage) -> Tree:
    try:
        return orjson.loads(text) if language == "cql2-json" else parse_cql2(text, depth=MAX_DEPTH)
    except orjson.JSONDecodeError:
        refuse("không phải JSON.", "it is no JSON.")
    except Cql2DepthError:
        _refuse_depth()
    except Cql2SyntaxError as error:
        refuse(
            f"sai cú pháp CQL2 từ ký tự thứ {error.at}; ở đó có thể là: {error.expected_vi}.",
            f"it is no CQL2 from character {error.at} on; what can stand there: {error.expected_en}.",
        )


def _refuse_depth() -> NoReturn:
    refuse(f"lồng nhau quá {MAX_DEPTH} tầng.", f"it is nested deeper than {MAX_DEPTH} levels.")


def _measure(tree: Tree) -> None:
    """Refuse what is too deep or has too many parts; level by level, so that depth costs no stack."""
    level, nodes = [tree], 0
    # Below the deepest operation are its list of values and the values.
    for _ in range(MAX_DEPTH + 2):
        nodes += sum(not isinstance(part, list) for part in level)
        if nodes > MAX_NODES:
            refuse(f"có hơn {MAX_NODES} phần.", f"it has more than {MAX_NODES} parts.")
        level = [inner for part in level for inner in _inner(part)]
        if not level:
            return
    _refuse_depth()


def _inner(part: Tree) -> list[Tree]:
    if isinstance(part, dict):
        return list(part["args"]) if isinstance(part.get("args"), list) else []
    return part if isinstance(part, list) else []


@dataclass(frozen=True, slots=True)
class _Operand:
    """A field as it is compared: as it stands, or without regard to case or accents."""

    field: Field
    expression: ColumnElement[Any]
    is_plain: bool


class _Compiler:
    """Compiles a tree over one view; ``names`` are the fields it met."""

    def __init__(self, register: Register, view: FromClause, *, by_index: bool) -> None:
        self.register = register
        self.view = view
        self.by_index = by_index
        self.fields = queryables(register)
        self.names: set[str] = set()
        self.places = self.vertices = 0

    def boolean(self, tree: Tree) -> ColumnElement[bool]:
        """Compile what is true or false of a record."""
        if isinstance(tree, bool):
            return true() if tree else false()
        name, args = _operation(tree)
        if name in {"and", "or"} and len(args) > 1:
            return (and_ if name == "and" else or_)(*(self.boolean(part) for part in args))
        count, compile_ = _OPERATIONS.get(name, (-1, None))
        if compile_ is None or len(args) != count:
            known = ", ".join(("and", "or", *_OPERATIONS))
            refuse(
                f"không có phép “{name[:40]}” với {len(args)} tham số; có: {known}.",
                f"there is no operation “{name[:40]}” of {len(args)} arguments; there are: {known}.",
            )
        return compile_(self, name, args)

    def negate(self, _name: str, args: list[Tree]) -> ColumnElement[bool]:
        return not_(self.boolean(args[0]))

    def compare(self, name: str, args: list[Tree]) -> ColumnElement[bool]:
        operand = self.operand(args[0])
        if name == "=" and self._is_code(operand):
            return self._has_code(operand, [read_literal(operand.field, args[1])])
        found: ColumnElement[bool] = _COMPARISONS[name](operand.expression, self.value(operand, args[1]))
        return found

    def like(self, _name: str, args: list[Tree]) -> ColumnElement[bool]:
        operand, pattern = self.operand(args[0]), args[1]
        plain = _unwrapped(pattern)[0]
        if operand.field.column.type.python_type is not str or not isinstance(plain, str):
            refuse("like chỉ so sánh chữ.", "like compares texts only.")
        if (len(plain) - len(plain.rstrip("\\"))) % 2:
            refuse("mẫu like không được kết thúc bằng \\.", "a pattern of like cannot end with \\.")
        found: ColumnElement[bool] = operand.expression.like(self.value(operand, pattern))
        return found

    def between(self, _name: str, args: list[Tree]) -> ColumnElement[bool]:
        operand = self.operand(args[0])
        return operand.expression.between(self.value(operand, args[1]), self.value(operand, args[2]))

    def one_of(self, _name: str, args: list[Tree]) -> ColumnElement[bool]:
        operand, listed = self.operand(args[0]), args[1]
        if not isinstance(listed, list) or not 0 < len(listed) <= MAX_LISTED:
            refuse(f"in cần từ 1 đến {MAX_LISTED} giá trị.", f"in takes 1 to {MAX_LISTED} values.")
        if self._is_code(operand):
            return self._has_code(operand, [read_literal(operand.field, part) for part in listed])
        return operand.expression.in_([self.value(operand, part) for part in listed])

    def is_null(self, _name: str, args: list[Tree]) -> ColumnElement[bool]:
        tree = args[0]
        if isinstance(tree, dict) and tree.get("property") == GEOMETRY:
            self.names.add(GEOMETRY)
            return and_(*(self.view.c[name].is_(None) for name in geometry_names(self.register)))
        return self.operand(tree).expression.is_(None)

    def intersects(self, _name: str, args: list[Tree]) -> ColumnElement[bool]:
        if not isinstance(args[0], dict) or args[0].get("property") != GEOMETRY:
            refuse(
                f"s_intersects so sánh {GEOMETRY} với một hình cho sẵn.",
                f"s_intersects compares {GEOMETRY} with a shape that is given.",
            )
        self.names.add(GEOMETRY)
        shape = read_shape(args[1])
        self.places, self.vertices = self.places + 1, self.vertices + shapely.get_num_coordinates(shape)
        if self.places > MAX_SPATIAL or self.vertices > MAX_VERTICES:
            refuse(
                f"nhiều nhất {MAX_SPATIAL} phép so sánh vị trí, {MAX_VERTICES} đỉnh.",
                f"at most {MAX_SPATIAL} spatial comparisons, {MAX_VERTICES} vertices.",
            )
        given = func.ST_GeomFromWKB(literal(shapely.to_wkb(shape), LargeBinary), 4326, type_=Geometry())
        return self._meets(given, shape)

    def _meets(self, given: ColumnElement[Any], shape: shapely.Geometry) -> ColumnElement[bool]:
        shapes = [self.view.c[name] for name in geometry_names(self.register)]
        meets = or_(*(func.ST_Intersects(place, given) for place in shapes))
        if not self.by_index or self.register.geometry_kind != "point":
            return meets
        slim = table(
            tile_table(self.register).name, column("id", BigInteger), column("point", Geometry()), schema="open"
        )
        west, south, east, north = shape.bounds
        # A box stays a box in Web Mercator, and points are looked for there; a metre is left for rounding.
        corners = (
            west - _MARGIN,
            max(south, -_MERCATOR_TOP) - _MARGIN,
            east + _MARGIN,
            min(north, _MERCATOR_TOP) + _MARGIN,
        )
        box = func.ST_Transform(func.ST_MakeEnvelope(*corners, 4326), WEB_MERCATOR, type_=Geometry())
        near = select(slim.c.id).where(slim.c.point.op("&&", is_comparison=True)(box))
        return and_(self.view.c.id.in_(near), meets)

    def _is_code(self, operand: _Operand) -> bool:
        return self.by_index and operand.is_plain and operand.field.scheme is not None

    def _has_code(self, operand: _Operand, values: list[Any]) -> ColumnElement[bool]:
        """By the code table's index: the view's own column is a look-up for each row."""
        assert self.register.codes is not None
        names = ("feature_id", "scheme", "value")
        codes = table(self.register.codes.__tablename__, *(column(name) for name in names), schema="open")
        scheme = literal(operand.field.scheme, Text)
        bound = [literal(value, Text) for value in values]
        return self.view.c.id.in_(select(codes.c.feature_id).where(codes.c.scheme == scheme, codes.c.value.in_(bound)))

    def operand(self, tree: Tree) -> _Operand:
        """Compile the left side of a comparison: a field, within casei and accenti maybe."""
        inner, wrappers = _unwrapped(tree)
        name = inner.get("property") if isinstance(inner, dict) and len(inner) == 1 else None
        if not isinstance(name, str):
            refuse("bên trái phép so sánh phải là tên trường.", "the left side of a comparison has to be a field.")
        if name not in self.fields:
            known = ", ".join([*self.fields, GEOMETRY])
            refuse(
                f"không có trường “{name[:40]}”; có: {known}.", f"there is no field “{name[:40]}”; there are: {known}."
            )
        field = self.fields[name]
        if wrappers and field.column.type.python_type is not str:
            refuse("casei và accenti chỉ dùng với chữ.", "casei and accenti are for texts only.")
        self.names.add(name)
        return _Operand(field, _wrapped(self.view.c[name], wrappers), is_plain=not wrappers)

    @staticmethod
    def value(operand: _Operand, tree: Tree) -> ColumnElement[Any]:
        """Compile the right side of a comparison."""
        inner, wrappers = _unwrapped(tree)
        return _wrapped(bound(read_literal(operand.field, inner)), wrappers)


_OPERATIONS: Mapping[str, tuple[int, Callable[[_Compiler, str, list[Tree]], ColumnElement[bool]]]] = {
    "not": (1, _Compiler.negate),
    **dict.fromkeys(_COMPARISONS, (2, _Compiler.compare)),
    "like": (2, _Compiler.like),
    "between": (3, _Compiler.between),
    "in": (2, _Compiler.one_of),
    "isnull": (1, _Compiler.is_null),
    "s_intersects": (2, _Compiler.intersects),
}
_ACCENTS: ColumnElement[Any] = literal_column("'public.unaccent'::regdictionary")
_WRAPPERS: Mapping[str, Callable[[ColumnElement[Any]], ColumnElement[Any]]] = {
    "casei": func.lower,
    "accenti": lambda text: func.public.unaccent(_ACCENTS, text),
}


def _operation(tree: Tree) -> tuple[str, list[Tree]]:
    if isinstance(tree, dict) and isinstance(tree.get("op"), str) and isinstance(tree.get("args"), list):
        return tree["op"].lower(), tree["args"]
    refuse("cần một phép so sánh ở chỗ chỉ có giá trị.", "a comparison is needed where there is but a value.")


def _unwrapped(tree: Tree) -> tuple[Tree, list[str]]:
    wrappers: list[str] = []
    while isinstance(tree, dict) and isinstance(tree.get("op"), str) and tree["op"].lower() in _WRAPPERS:
        name, args = _operation(tree)
        if len(args) != 1:
            refuse(f"{name} có một tham số.", f"{name} has one argument.")
        wrappers.append(name)
        tree = args[0]
    return tree, wrappers


def _wrapped(expression: ColumnElement[Any], wrappers: list[str]) -> ColumnElement[Any]:
    for name in reversed(wrappers):
        expression = _WRAPPERS[name](expression)
    return expression
