"""Tables derived from a register at publish: the slim tile copy, the counts per cell, the search entries, and more.

They are built from the declaration, so a new register gets them without a line of its own. Tiles are cut from
the slim copy because it is narrow and in Hilbert order (2.4 to 4.8 times faster than the wide table when
measured), low zooms of dense point registers from the counts.
"""

from collections.abc import Mapping
from functools import cache
from operator import eq

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    BinaryExpression,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from geodata.columns import BarePoint
from geodata.db import Base
from geodata.register import Register
from geodata.registers import discover

WEB_MERCATOR = 3857

CELLS_ACROSS = 64
"""Cells across a tile that shows counts."""

BLOCKS_ACROSS = 4
"""Blocks of cells across a tile: what small counts of guarded records are merged into."""

SMALLEST_COUNT = 5
"""Smallest number of guarded records that a count tells of."""

FIRST_BLOCK = CELLS_ACROSS * CELLS_ACROSS
"""Number of a tile's first block, above the numbers of its cells."""


@cache
def tile_table(register: Register, metadata: MetaData = Base.metadata) -> Table:
    """Return the slim copy that tiles are cut from: id, what is drawn, geometry in EPSG:3857.

    Polygon registers carry the shape, two simplified copies and a point inside, so that a shape below a pixel
    (a small island, a small commune seen from far) is still drawn, as a point.
    """
    geometries = [Column("point", Geometry("POINT", WEB_MERCATOR, spatial_index=False), nullable=False)]
    indexes = [Index(f"idx_{register.id}_tile_point", "point", postgresql_using="gist")]
    extra = []
    if register.geometry_kind == "polygon":
        shape = Geometry("MULTIPOLYGON", WEB_MERCATOR, spatial_index=False)
        geometries += [Column("geom", shape), Column("geom_mid", shape), Column("geom_low", shape)]
        indexes.append(Index(f"idx_{register.id}_tile_geom", "geom", postgresql_using="gist"))
        extra = [Column("size_m", Integer, nullable=False, comment="Longer side of the box, EPSG:3857 metres")]
    fields = [Column(item.name, item.column.type) for item in register.tile_fields]
    return Table(
        f"{register.id}_tile", metadata, Column("id", BigInteger, primary_key=True, autoincrement=False),
        *fields, *extra, *geometries, *indexes, schema="reg", comment=f"Slim copy of {register.id} for tiles",
    )  # fmt: skip


def kind_columns(register: Register) -> Mapping[str, str]:
    """Return the columns of the counts that hold one value of the legend each, by value."""
    legend = register.legend_field
    return {} if legend is None else {value: f"{legend.name}_{value}" for value in legend.choices}


def guarded_column(register: Register) -> str | None:
    """Return the column of the counts that holds the guarded records, None where there are none.

    Raises
    ------
    ValueError
        When the guarded records are not those of one value of the legend: their counts could not be told apart.
    """
    guard, legend = register.guarded, register.legend_field
    if guard is None:
        return None
    if isinstance(guard, BinaryExpression) and guard.operator is eq and legend is not None:
        name = kind_columns(register).get(getattr(guard.right, "value", ""))
        if getattr(guard.left, "key", None) == legend.column.key and name is not None:
            return name
    raise ValueError(f"register {register.id}: counts need guarded records to be those of one value of the legend")


@cache
def placed_table(register: Register, metadata: MetaData = Base.metadata) -> Table:
    """Return the points of a dense register by the tiles of the largest zoom that show them, buffers included."""
    return Table(
        f"{register.id}_placed",
        metadata,
        Column("tile", Integer, primary_key=True, autoincrement=False, comment="Column * 16384 + row, zoom 14"),
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        *(Column(item.name, item.column.type) for item in register.tile_fields),
        Column("place", Geometry("POINT", spatial_index=False), nullable=False, comment="In units of the tile"),
        schema="reg",
        comment=f"Points of {register.id} in their tiles of zoom 14",
    )


@cache
def written_table(register: Register, metadata: MetaData = Base.metadata) -> Table:
    """Return the features of a dense register as the text that goes out, and where they are."""
    return Table(
        f"{register.id}_written",
        metadata,
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("feature", Text, nullable=False, comment="GeoJSON, with all that is public"),
        Column("place", BarePoint, nullable=False, comment="EPSG:3857"),
        # What a box holds is found and counted in the index alone.
        Index(f"idx_{register.id}_written_place", "place", postgresql_using="gist", postgresql_include=["id"]),
        schema="reg",
        comment=f"Features of {register.id} written out",
    )


@cache
def grid_table(register: Register, metadata: MetaData = Base.metadata) -> Table:
    """Return the counts per cell of a dense point register, kept by the tile that shows them.

    A tile has 64 by 64 cells; four cells of one zoom make one of the zoom above, so everything sums up at every zoom.
    What is not there is NULL and not 0 in the columns of the values, since tiles leave out what is NULL.
    """
    kinds = [Column(name, Integer) for name in kind_columns(register).values()]
    loose = Column("loose", Integer, nullable=False, comment="Guarded records that no smaller cell has five of")
    return Table(
        f"{register.id}_grid",
        metadata,
        Column("z", SmallInteger, primary_key=True, comment="Zoom of the tile that shows the cell"),
        Column("x", Integer, primary_key=True),
        Column("y", Integer, primary_key=True),
        Column("cell", SmallInteger, primary_key=True, comment="Row * 64 + column within the tile"),
        Column("count", Integer, nullable=False),
        Column("occupied", Integer, nullable=False, comment="Cells of the highest counted zoom that hold records"),
        *([] if guarded_column(register) is None else [loose]),
        *kinds,
        schema="reg",
        comment=f"Counts of {register.id} per cell, for low zooms",
    )


@cache
def finished_table(register: Register, metadata: MetaData = Base.metadata) -> Table:
    """Return the finished layers of a dense point register's tiles with counts.

    Every tile that holds counts has a row here, with nothing in it while its layer is still to be made.
    """
    return Table(
        f"{register.id}_finished",
        metadata,
        Column("z", SmallInteger, primary_key=True),
        Column("x", Integer, primary_key=True),
        Column("y", Integer, primary_key=True),
        Column("policy", Text, comment="Publication policy that it was made under"),
        Column("drawing", Text, comment="Mark of the expressions that it was made with"),
        Column("mvt", LargeBinary, comment="The tile's layer; null while it is to be made"),
        schema="reg",
        comment=f"Finished layers of {register.id} in tiles with counts",
    )


def search_table(metadata: MetaData = Base.metadata) -> Table:
    """Return the table of things that search finds by name."""
    name = "reg.search_entry"
    if name in metadata.tables:
        return metadata.tables[name]
    return Table(
        "search_entry",
        metadata,
        Column("register", Text, primary_key=True),
        Column("feature_id", BigInteger, primary_key=True, autoincrement=False),
        Column("feature_uuid", PgUuid, nullable=False),
        Column("label", Text, nullable=False),
        Column("code", Text),
        Column("key", Text, nullable=False, comment="Label and code as search compares them"),
        Column("commune_code", Text),
        Column("point", Geometry("POINT", 4326, spatial_index=False), nullable=False),
        Index("ix_search_entry_key", "key", postgresql_using="gin", postgresql_ops={"key": "gin_trgm_ops"}),
        schema="reg",
        comment="What search finds by name or code",
    )


def geometry_names(register: Register) -> tuple[str, ...]:
    """Names of the register's geometry columns, the fuller one first."""
    return tuple(item.key for item in (register.geometry, register.point) if item is not None)


def declare_all() -> MetaData:
    """Declare the derived tables of every register and return the metadata that migrations compare with."""
    for register in discover().values():
        tile_table(register)
        if register.is_dense:
            placed_table(register)
            written_table(register)
            grid_table(register)
            finished_table(register)
    search_table()
    return Base.metadata
