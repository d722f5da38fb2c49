"""The write model's rules for whole columns, so that a row without fault never becomes a Python object.

The rules are read off the model itself: patterns, lengths, bounds and lists of values. A row that meets all of them is
valid for the model; any other row, and any field whose rule is code, goes through the model one by one. The two ways
agree by test.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types as at
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from geodata.writing import NotInFuture, today_in_vietnam

Mask = NDArray[np.bool_]
Rule = Callable[[pa.Array], pa.Array]


@cache
def column_rules(model: type[BaseModel]) -> Mapping[str, tuple[Rule, ...] | None]:
    """Return each field's rules as functions of a column; None where only the model itself can tell."""
    return {name: _rules_of(info) for name, info in model.model_fields.items()}


def _rules_of(info: FieldInfo) -> tuple[Rule, ...] | None:
    kind, metadata = _unwrap(info.annotation, list(info.metadata))
    rules: list[Rule] = []
    if get_origin(kind) is Literal:
        values = pa.array(get_args(kind))
        rules.append(lambda column: pc.is_in(column, values))
    elif kind not in {str, int, float, bool} and getattr(kind, "__name__", "") != "date":
        return None
    for part in metadata:
        found = _rule(part)
        if found is None:
            return None
        rules += found
    return tuple(rules)


def _unwrap(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    """Take ``| None`` and ``Annotated`` off a type, keeping what they say."""
    origin = get_origin(annotation)
    if origin in {Union, UnionType}:
        rest = [part for part in get_args(annotation) if part is not NoneType]
        return _unwrap(rest[0], metadata) if len(rest) == 1 else (annotation, metadata)
    if hasattr(annotation, "__metadata__"):
        return _unwrap(annotation.__origin__, [*metadata, *annotation.__metadata__])
    return annotation, metadata


def _rule(part: Any) -> list[Rule] | None:
    """Return what one piece of a field's metadata demands; None when it is code."""
    match part:
        case StringConstraints():
            found = _text_rules(part.pattern, part.min_length, part.max_length)
        case FieldInfo():
            rules = [_rule(inner) for inner in part.metadata]
            return None if None in rules else [rule for inner in rules for rule in inner or ()]
        case at.Ge() | at.Gt() | at.Le() | at.Lt():
            found = [_bound(part)]
        case NotInFuture():
            found = [lambda column: pc.less_equal(column, today_in_vietnam())]
        case at.MinLen():
            found = _text_rules(None, part.min_length, None)
        case at.MaxLen():
            found = _text_rules(None, None, part.max_length)
        case _ if hasattr(part, "pattern"):
            found = _text_rules(part.pattern, None, None)
        case _:
            return None
    return found


def _bound(part: at.Ge | at.Gt | at.Le | at.Lt) -> Rule:
    if isinstance(part, at.Ge):
        return lambda column: pc.greater_equal(column, part.ge)
    if isinstance(part, at.Gt):
        return lambda column: pc.greater(column, part.gt)
    if isinstance(part, at.Le):
        return lambda column: pc.less_equal(column, part.le)
    return lambda column: pc.less(column, part.lt)


def _text_rules(pattern: Any, least: int | None, most: int | None) -> list[Rule]:
    rules: list[Rule] = []
    if pattern is not None:
        rules.append(lambda column: pc.match_substring_regex(column, str(pattern)))
    if least is not None:
        rules.append(lambda column: pc.greater_equal(pc.utf8_length(column), least))
    if most is not None:
        rules.append(lambda column: pc.less_equal(pc.utf8_length(column), most))
    return rules


def surely_valid(model: type[BaseModel], name: str, text: pa.Array, values: pa.Array) -> Mask:
    """Return where a field is valid without asking the model.

    Parameters
    ----------
    text, values : arrays, shape (n,)
        See `geodata.importing.cells.Cells`.
    """
    info = model.model_fields[name]
    rules = column_rules(model)[name]
    is_empty = _mask(pc.is_null(text))
    if rules is None:
        return is_empty & (not info.is_required())
    is_good = _mask(pc.is_valid(values))
    for rule in rules:
        is_good &= _mask(pc.fill_null(rule(values), False))  # noqa: FBT003  Arrow's own signature
    return is_good | (is_empty & (not info.is_required()))


def _mask(column: pa.Array) -> Mask:
    mask: Mask = column.to_numpy(zero_copy_only=False).astype(bool)
    return mask
