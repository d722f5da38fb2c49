"""CQL2 filters: read within limits, compiled to conditions over what the public sees of a register.

Every value becomes a bound parameter, every name is looked up among the register's queryables: a field that is not
public is as unknown as one that does not exist. What only the database could find to be wrong of a value is refused
before, or is written so that the record just does not match.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn, get_args

import orjson
from sqlalchemy import ColumnElement, FromClause, and_, column, false, not_, or_, table, true

from geodata.cql2 import Cql2DepthError, Cql2SyntaxError, Tree, parse_cql2
from geodata.derived import geometry_names
from geodata.filter_arrays import ARRAYS
from geodata.filter_comparisons import COMPARISONS
from geodata.filter_scalars import operation
from geodata.filter_scope import Scope, queryables
from geodata.filter_shapes import Move, in_degrees
from geodata.filter_spatial import SPATIAL
from geodata.filter_temporal import TEMPORAL
from geodata.filter_values import refuse
from geodata.register import Register

MAX_BYTES, MAX_DEPTH, MAX_NODES = 8192, 16, 256
"""Limits of a filter: length in UTF-8, nesting, parts. Those of its operations stand where these are compiled."""

FilterLanguage = Literal["cql2-text", "cql2-json"]
LANGUAGES: tuple[FilterLanguage, ...] = get_args(FilterLanguage)


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A filter that was read.

    Attributes
    ----------
    tree : CQL2 JSON
        Its shapes in degrees WGS 84.
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
        return _boolean(Scope(self.register, view, by_index, _boolean), self.tree)


def read_filter(
    register: Register, text: str, language: FilterLanguage = "cql2-text", *, to_wgs84: Move | None = None
) -> Filter:
    """Read a filter, without asking the database anything.

    Parameters
    ----------
    to_wgs84 : callable, optional
        Moves a shape of the filter to longitude and latitude in degrees, where it is written in another coordinate
        system (``filter-crs``); see `geodata.filter_shapes.moved` for how exact that is.

    Raises
    ------
    ParameterError
        When it is malformed, too large, or asks for what there is not; says where and what there is.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        refuse(f"dài quá {MAX_BYTES} byte.", f"it is longer than {MAX_BYTES} bytes.")
    tree = _parse(text, language)
    _measure(tree)
    tree = in_degrees(tree, to_wgs84)
    names = ("id", *queryables(register), *geometry_names(register))
    scope = Scope(register, table(register.id, *map(column, names)), by_index=False, boolean=_boolean)
    _boolean(scope, tree)
    return Filter(register, tree, frozenset(scope.names))


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
        return [inner for name in ("args", "interval") for inner in _listed(part.get(name))]
    return _listed(part)


def _listed(part: Tree) -> list[Tree]:
    return part if isinstance(part, list) else []


def _boolean(scope: Scope, tree: Tree) -> ColumnElement[bool]:
    """Compile what is true or false of a record."""
    if isinstance(tree, bool):
        return true() if tree else false()
    name, args = operation(tree)
    if name in {"and", "or"} and len(args) > 1:
        return (and_ if name == "and" else or_)(*(_boolean(scope, part) for part in args))
    count, compile_ = _OPERATIONS.get(name, (-1, None))
    if compile_ is None or len(args) != count:
        known = ", ".join(("and", "or", *_OPERATIONS))
        refuse(
            f"không có phép “{name[:40]}” với {len(args)} tham số; có: {known}.",
            f"there is no operation “{name[:40]}” of {len(args)} arguments; there are: {known}.",
        )
    return compile_(scope, name, args)


def _not(scope: Scope, _name: str, args: list[Tree]) -> ColumnElement[bool]:
    return not_(_boolean(scope, args[0]))


_OPERATIONS: Mapping[str, tuple[int, Callable[[Scope, str, list[Tree]], ColumnElement[bool]]]] = {
    "not": (1, _not),
    **COMPARISONS,
    **SPATIAL,
    **TEMPORAL,
    **ARRAYS,
}
