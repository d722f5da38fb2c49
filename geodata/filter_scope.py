"""What a CQL2 filter can speak of: the register's public fields by name, and its geometry."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause

from geodata.cql2 import Tree
from geodata.derived import geometry_names
from geodata.filter_values import refuse
from geodata.register import Field, Register

GEOMETRY = "geometry"
"""What a record's place is called in filters."""


def queryables(register: Register) -> dict[str, Field]:
    """Return the fields that a register can be asked by: those that are public, lists among them."""
    return {item.name: item for item in register.public_fields}


@dataclass(slots=True)
class Scope:
    """One view of a register, while a filter is compiled over it.

    Attributes
    ----------
    by_index : bool
        Points and codes may be looked for in the tables that have an index, which know what is so now alone.
    boolean : callable
        Compiles what is true or false of a record.
    names : set of str
        Fields that were met, `GEOMETRY` among them.
    places, powers : int
        Spatial comparisons, and powers, that were met.
    """

    register: Register
    view: FromClause
    by_index: bool
    boolean: Callable[["Scope", Tree], ColumnElement[bool]]
    names: set[str] = field(default_factory=set)
    places: int = 0
    powers: int = 0

    def field(self, name: Any) -> Field:
        """Return the public field of this name.

        Raises
        ------
        ParameterError
            When there is none: a private one is as unknown as one that does not exist.
        """
        known = queryables(self.register)
        if not isinstance(name, str) or name not in known:
            listed = ", ".join([*known, GEOMETRY])
            shown = name[:40] if isinstance(name, str) else ""
            refuse(f"không có trường “{shown}”; có: {listed}.", f"there is no field “{shown}”; there are: {listed}.")
        self.names.add(name)
        return known[name]

    def shapes(self) -> list[ColumnElement[Any]]:
        """Return the columns of the record's place, the fuller one first."""
        self.names.add(GEOMETRY)
        return [self.view.c[name] for name in geometry_names(self.register)]


def property_name(tree: Tree) -> Any:
    """Return the name that a property is asked by; None for what is no property."""
    return tree.get("property") if isinstance(tree, dict) and "op" not in tree else None
