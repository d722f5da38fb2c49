"""A register of towns as OGC's tests of CQL2 have them, with one field of each type; a temporary table is its view."""

from datetime import UTC, date, datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from pydantic import create_model
from sqlalchemy import ARRAY, Connection, DateTime, FromClause, SmallInteger, Text, column, insert, select, table, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from geodata.columns import WGS84, Feature
from geodata.filtering import FilterLanguage, read_filter
from geodata.public_views import Geometry as PlainGeometry
from geodata.register import Field, Label, Register
from geodata.writing import WriteModel


class _Base(DeclarativeBase):
    """Of its own, so that no migration misses the table."""


class Town(Feature, _Base):
    """A town."""

    __tablename__ = "towns"

    name: Mapped[str] = mapped_column(Text)
    nameascii: Mapped[str | None] = mapped_column(Text)
    pop_min: Mapped[int]
    pop_max: Mapped[int]
    pop_other: Mapped[int | None]
    rank: Mapped[int] = mapped_column(SmallInteger)
    share: Mapped[float | None]
    boolean: Mapped[bool | None]
    date: Mapped[date | None]
    start: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    months: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))
    mayor: Mapped[str | None] = mapped_column(Text, comment="Private")
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", WGS84, spatial_index=False))


NAMES = (
    "name", "nameascii", "pop_min", "pop_max", "pop_other", "rank", "share", "boolean", "date", "start", "end", "tags",
    "months",
)  # fmt: skip
_fields: dict[str, Any] = dict.fromkeys((*NAMES, "mayor"), (Any, None))
TOWNS = Register(
    id="towns",
    title=Label("Thành phố", "Towns"),
    description=Label("", ""),
    model=Town,
    write=create_model("TownIn", __base__=WriteModel, **_fields),
    geometry=Town.geom,
    label="name",
    fields=(
        *(Field(getattr(Town, name), Label(name, name), public=True) for name in NAMES),
        Field(Town.mayor, Label("Thị trưởng", "Mayor")),
    ),
)

Row = dict[str, Any]


def _at(day: str, time: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)


# The three dated ones give the numbers that OGC's tests of temporal functions expect.
ROWS: list[Row] = [
    {"name": "København", "nameascii": "Kobenhavn", "pop_min": 1_085_000, "pop_max": 1_085_000, "pop_other": 1_038_288,
     "rank": 1, "share": 0.25, "boolean": True, "date": date(2021, 4, 16), "start": _at("2021-04-16", "10:15:59"),
     "end": _at("2022-04-16", "10:16:06"), "tags": ["sea", "capital"], "months": [5, 6, 7], "lon": 12.56, "lat": 55.68},
    {"name": "Luxembourg", "nameascii": "Luxembourg", "pop_min": 76_684, "pop_max": 107_260, "pop_other": 106_219,
     "rank": 3, "share": -2.5, "boolean": True, "date": date(2022, 4, 16), "start": _at("2022-04-16", "10:13:19"),
     "end": _at("2023-04-16", "10:15:10"), "tags": ["capital"], "months": [1, 12], "lon": 6.1300028, "lat": 49.6116604},
    {"name": "Kiev", "nameascii": "Kiev", "pop_min": 1_662_508, "pop_max": 2_709_000, "pop_other": 1_611_692,
     "rank": 2, "share": 1e300, "boolean": False, "date": date(2023, 4, 16), "start": _at("2022-04-16", "10:15:10"),
     "end": _at("2022-04-16", "10:16:06"), "tags": [], "months": [], "lon": 30.51, "lat": 50.43},
    {"name": "Hà Nội", "nameascii": "Ha Noi", "pop_min": 1_431_270, "pop_max": 4_378_000, "pop_other": 5_253_385,
     "rank": 1, "share": 0.0, "tags": ["capital", "river"], "months": [9, 10, 11], "lon": 105.85, "lat": 21.03},
    {"name": "Đà Nẵng", "nameascii": "Da Nang", "pop_min": 0, "pop_max": 0, "pop_other": None, "rank": 0,
     "share": 1e-300, "lon": 108.22, "lat": 16.07},
    {"name": "Braşov%_\\", "nameascii": None, "pop_min": -2_147_483_648, "pop_max": 2_147_483_647, "pop_other": 3,
     "rank": -32_768, "share": float("nan"), "lon": 25.6, "lat": 45.65},
    {"name": "Apia", "nameascii": "Apia", "pop_min": 37_708, "pop_max": 61_916, "pop_other": 39_813, "rank": 5,
     "share": float("inf"), "lon": -171.74, "lat": -13.84},
]  # fmt: skip


def create_towns(connection: Connection) -> FromClause:
    """Make the table and return it as a view of the register; the rows are numbered from 0."""
    connection.execute(text(
        "CREATE TEMP TABLE towns (id bigint, name text, nameascii text, pop_min integer, pop_max integer, pop_other integer, "
        'rank smallint, share double precision, boolean boolean, date date, start timestamptz, "end" timestamptz, tags text[], '
        "months smallint[], geom geometry(Point, 4326)) ON COMMIT DROP"
    ))  # fmt: skip
    columns = [column("id"), *(column(name, getattr(Town, name).type) for name in NAMES)]
    made = table("towns", *columns, column("geom", PlainGeometry()))
    for number, row in enumerate(ROWS):
        values = {name: row.get(name) for name in NAMES}
        point = text(f"ST_Point({row['lon']}, {row['lat']}, 4326)")
        connection.execute(insert(made).values(id=number, geom=point, **values))
    return made


def find(connection: Connection, towns: FromClause, written: str, language: FilterLanguage = "cql2-text") -> set[str]:
    """Return the names of the towns that match."""
    condition = read_filter(TOWNS, written, language).condition(towns, by_index=False)
    return set(connection.scalars(select(towns.c.name).where(condition)))
