"""What a register is: one frozen declaration that every engine reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, Table
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import current_date
from sqlalchemy.sql.visitors import iterate

from geodata.writing import WriteModel

Attribute = InstrumentedAttribute[Any]
GeometryKind = Literal["point", "polygon"]

MAX_ZOOM = 14


@dataclass(frozen=True, slots=True)
class Label:
    """One text in the two languages."""

    vi: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the text in ``language`` (``vi`` unless ``en`` is asked)."""
        return self.en if language == "en" else self.vi


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a code list, with its label and the colour it has on maps."""

    label: Label
    color: str = "#5b6770"
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeForm:
    """How a code is written, as people are told.

    Attributes
    ----------
    digits : int, optional
        The code is just as many digits, so that a lost leading zero can be told.
    """

    label: Label
    example: str
    digits: int | None = None


COMMUNE_FORM = CodeForm(Label("đúng 5 chữ số", "just 5 digits"), "00001", digits=5)
PROVINCE_FORM = CodeForm(Label("đúng 2 chữ số", "just 2 digits"), "01", digits=2)
"""Decision 19/2025/QĐ-TTg."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One column of a register and how it meets the world.

    Attributes
    ----------
    column : mapped attribute
        Of the register's model, or of a one-to-one companion table (private data).
    public : bool
        Private unless said otherwise.
    public_if : SQL condition, optional
        A public column whose value is shown only where this holds.
    tile : bool
        Whether vector tiles carry it (implies public).
    aliases : tuple of str
        Header names in uploads beside the column's own, in any spelling: compared without accents and case.
    scheme : str, optional
        The value is a code of this scheme and lives in the register's code table, not in a column of the model.
    form : CodeForm, optional
        Of a code.
    units : tuple of str
        What people write behind the number, compared without accents and case.
    looks_like : pattern, optional
        What its values look like (the whole text), where that tells a column whose header says nothing.
    """

    column: Attribute
    title: Label
    public: bool = False
    public_if: ColumnElement[bool] | None = None
    tile: bool = False
    aliases: tuple[str, ...] = ()
    choices: Mapping[str, Choice] = field(default_factory=dict)
    scheme: str | None = None
    looks_like: re.Pattern[str] | None = None
    name_: str = ""
    form: CodeForm | None = None
    units: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name in the API, in tiles, files and the write model."""
        return self.name_ or self.column.key

    @property
    def changes_by_day(self) -> bool:
        """Whether its value is public on one day and not on another."""
        return self.public_if is not None and any(isinstance(part, current_date) for part in iterate(self.public_if))


@dataclass(frozen=True, slots=True)
class TileRule:
    """How a register is drawn in vector tiles.

    Attributes
    ----------
    min_zoom : int
        No tiles below this zoom.
    counts_below : int, optional
        Below this zoom a tile holds counts per cell instead of the points themselves.
    shares_borders : bool
        Whether the areas are parts of one whole: neighbours have the same line between them at every zoom.
    keeps_all : bool
        Whether each record is drawn at every zoom, as a point at least; else records below a pixel are thinned out
        where many lie close together.
    is_shown_first : bool
        Whether the layer is on where a map opens without a choice of layers.
    """

    min_zoom: int = 0
    counts_below: int | None = None
    shares_borders: bool = False
    keeps_all: bool = False
    is_shown_first: bool = True


@dataclass(frozen=True, slots=True)
class Hidden:
    """Which records the public does not meet, told by the value of one field.

    Attributes
    ----------
    field : str
    withheld : tuple of str
        Records with these values are not public at all.
    unlisted : tuple of str
        Records with these values are on no map and in no list, unless it asks for ``field`` or the register's key.
    """

    field: str
    withheld: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """Values whose records are on no map."""
        return (*self.withheld, *self.unlisted)


@dataclass(frozen=True, slots=True, eq=False)
class SideList:
    """Dated rows that a record may have several of, such as its registration with each market.

    They lie in a table of their own, whose key is ``feature_id`` and what tells the rows of one record apart. A row
    of a file gives one of them; the public sees all as one list, the columns whose fields are public.

    Attributes
    ----------
    name : str
        Of the list in the API.
    withheld : Hidden, optional
        Rows that the public does not see.
    """

    model: type[Any]
    name: str
    title: Label
    withheld: Hidden | None = None

    @property
    def table(self) -> Table:
        """The table of schema ``reg``."""
        table: Table = self.model.__table__
        return table


@dataclass(frozen=True, eq=False)
class Register:
    """A register, declared once.

    Attributes
    ----------
    id : str
        Collection id = folder = table = tile layer.
    geometry : mapped attribute
        The typed geometry column.
    point : mapped attribute, optional
        For polygon registers whose older records are points: the point column.
    key : tuple of str
        Names of the fields by which an upload recognises a record it already knows.
    label : str
        Name of the field that people read as the record's name; search finds by it.
    codes : mapped class, optional
        The side table of typed codes.
    guarded : SQL condition, optional
        Which records the publication policy guards (households): shown as they are only under ``code_point``.
    hidden : Hidden, optional
    lists : tuple of SideList
    least_area_m2 : float
        Areas below are scraps and refused.
    area_field : str, optional
        Name of the field that says in hectares how large the area is.
    takes_commune_area : bool
        Whether a record that is given no shape takes its commune's area; records may lie upon each other then.
    """

    id: str
    title: Label
    description: Label
    model: type[Any]
    write: type[WriteModel]
    geometry: Attribute
    fields: tuple[Field, ...]
    label: str
    point: Attribute | None = None
    key: tuple[str, ...] = ()
    tile: TileRule = TileRule()
    codes: type[Any] | None = None
    guarded: ColumnElement[bool] | None = None
    hidden: Hidden | None = None
    lists: tuple[SideList, ...] = ()
    least_area_m2: float = 1.0
    area_field: str | None = None
    takes_commune_area: bool = False

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"register {self.id}: a field name stands twice")
        if self.table.name != self.id:
            raise ValueError(f"register {self.id}: table is called {self.table.name}")
        known = set(self.write.model_fields) | {"geometry"}
        missing = {name for name in names if name not in known and name not in self.derived}
        if missing:
            raise ValueError(f"register {self.id}: write model lacks {sorted(missing)}")
        for wanted in (self.label, *self.key):
            if wanted not in names:
                raise ValueError(f"register {self.id}: no field {wanted}")
        for item in self.fields:
            if item.tile and not item.public:
                raise ValueError(f"register {self.id}: {item.name} is in tiles but not public")

    @property
    def derived(self) -> frozenset[str]:
        """Names of fields that the service fills in itself (not read from files)."""
        return (frozenset({"province_code"}) & set(self.table.c.keys())) - set(self.write.model_fields)

    @property
    def table(self) -> Table:
        """The table of schema ``reg``."""
        table: Table = self.model.__table__
        return table

    @property
    def geometry_kind(self) -> GeometryKind:
        """``point`` or ``polygon``."""
        return "point" if self.geometry.type.geometry_type == "POINT" else "polygon"

    @cached_property
    def public_fields(self) -> tuple[Field, ...]:
        """Fields that public surfaces may show, in declared order; those of lists are shown in their list."""
        listed = {item.model for item in self.lists}
        return tuple(field for field in self.fields if field.public and field.column.class_ not in listed)

    def list_fields(self, side: SideList) -> tuple[Field, ...]:
        """Return the public fields of a list, in declared order."""
        return tuple(field for field in self.fields if field.public and field.column.class_ is side.model)

    @cached_property
    def changes_by_day(self) -> bool:
        """Whether what the public sees may be another tomorrow without any revision."""
        return any(field.changes_by_day for field in self.public_fields)

    @cached_property
    def has_validity(self) -> bool:
        """Whether records say from when to when they are in force."""
        return {"valid_from", "valid_to"} <= {field.name for field in self.public_fields}

    @cached_property
    def tile_fields(self) -> tuple[Field, ...]:
        """Fields that tiles carry."""
        return tuple(field for field in self.fields if field.tile)

    @cached_property
    def is_drawn_by_day(self) -> bool:
        """Whether tiles say from when to when records are in force, so that a map can show those of one day."""
        return {"valid_from", "valid_to"} <= {field.name for field in self.tile_fields}

    @cached_property
    def legend_field(self) -> Field | None:
        """The field whose values have colours and are counted apart: the first tile field with a list of values."""
        return next((item for item in self.tile_fields if item.choices), None)

    @cached_property
    def main_fields(self) -> tuple[Field, ...]:
        """Fields stored in the register's own table."""
        return tuple(field for field in self.fields if field.column.class_ is self.model)

    @cached_property
    def code_fields(self) -> tuple[Field, ...]:
        """Fields whose value is a code."""
        return tuple(field for field in self.fields if field.scheme is not None and field.column.key == "value")

    def code_details(self, code: Field) -> tuple[Field, ...]:
        """Return the fields that say more about a code, such as the day it was issued."""
        return tuple(field for field in self.fields if field.scheme == code.scheme and field.column.key != "value")

    @cached_property
    def companion_fields(self) -> Mapping[Table, tuple[Field, ...]]:
        """Fields of companion tables, by table: one-to-one ones, and those of lists."""
        found: dict[Table, tuple[Field, ...]] = {}
        for item in self.fields:
            if item.column.class_ is self.model or item.scheme is not None:
                continue
            table = item.column.class_.__table__
            found[table] = (*found.get(table, ()), item)
        return found

    @cached_property
    def shared_tables(self) -> tuple[Table, ...]:
        """Tables beside the register's own that hold its lists and codes."""
        codes = () if self.codes is None else (self.codes.__table__,)
        return (*(side.table for side in self.lists), *codes)

    @cached_property
    def private_tables(self) -> tuple[Table, ...]:
        """Tables beside the register's own that hold what is private about its records."""
        return tuple(table for table in self.companion_fields if table not in self.shared_tables)

    @property
    def needs_place(self) -> bool:
        """Whether a record is nothing without a place; units may be listed before their boundary is known."""
        return self.point is not None or not self.geometry_column.nullable

    @property
    def is_dense(self) -> bool:
        """Whether there are so many points that tiles of low zooms hold counts."""
        return self.tile.counts_below is not None

    @property
    def is_in_communes(self) -> bool:
        """Whether each record belongs to one commune (column ``commune_code``)."""
        return "commune_code" in self.table.c

    def field(self, name: str) -> Field:
        """Return the field of this name (KeyError when there is none)."""
        for item in self.fields:
            if item.name == name:
                return item
        raise KeyError(name)

    @property
    def is_named(self) -> bool:
        """Whether search finds the records by name (dense registers are found by code alone)."""
        return self.field(self.label).scheme is None

    @property
    def geometry_column(self) -> Column[Any]:
        """The table column of the geometry."""
        return self.table.c[self.geometry.key]
