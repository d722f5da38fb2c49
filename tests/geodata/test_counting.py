"""Counts per cell: they nest from zoom to zoom, follow every change, and tell of no household by itself."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import Point
from sqlalchemy import Connection, text, true

from geodata.counting import Counting
from geodata.db import SYSTEM
from geodata.ddl import grid_view_select
from geodata.derived import SMALLEST_COUNT, guarded_column
from geodata.registers import get_register
from geodata.rollback import roll_back
from tests.geodata.builders import Row, agency, household, publish, set_policy
from tests.geodata.series import ids_of, remove
from tiles.grid import HALF_WORLD_M
from tiles.sql import tile_sql

TOP = 12
ZOOMS = range(TOP + 1)
CELL_M = 2 * HALF_WORLD_M / (1 << TOP + 6)
KINDS = ("household", "agency", "business")
ADDRESSES = get_register("addresses")

Cell = tuple[int, int, int]
"""Zoom, column and row in the whole world."""


def place_of(z: int, x: int, y: int, cell: int) -> Cell:
    return z, x * 64 + cell % 64, y * 64 + cell // 64


def above(cell: Cell, zooms: int = 1) -> Cell:
    return cell[0] - zooms, cell[1] >> zooms, cell[2] >> zooms


def finest(connection: Connection) -> list[tuple[Cell, str]]:
    """Return the cell of the highest zoom and the kind of every address in the slim copy."""
    rows = connection.execute(text("SELECT ST_X(point), ST_Y(point), kind FROM reg.addresses_tile ORDER BY id")).all()
    x, y = np.array([row[:2] for row in rows]).reshape(-1, 2).T
    across = np.floor((x + HALF_WORLD_M) / CELL_M).astype(int)
    down = np.floor((HALF_WORLD_M - y) / CELL_M).astype(int)
    return [((TOP, int(cx), int(cy)), row[2]) for cx, cy, row in zip(across, down, rows, strict=True)]


def counted(points: list[tuple[Cell, str]]) -> dict[Cell, dict[str, int]]:
    """Count by cell of every zoom: all, each kind, occupied cells of the highest zoom."""
    found: dict[Cell, dict[str, int]] = defaultdict(Counter)
    for cell, kind in points:
        for zooms in range(TOP + 1):
            found[above(cell, zooms)].update({"count": 1, f"kind_{kind}": 1})
    for cell in {cell for cell, _ in points}:
        for zooms in range(TOP + 1):
            found[above(cell, zooms)]["occupied"] += 1
    return found


def groups(points: list[tuple[Cell, str]]) -> dict[Cell, int]:
    """Return how many households are in the group of each cell that has one; the rest is in no group."""
    formed: dict[Cell, int] = {}
    loose = Counter(cell for cell, kind in points if kind == "household")
    for _ in ZOOMS:
        formed |= {cell: number for cell, number in loose.items() if number >= SMALLEST_COUNT}
        upwards: Counter[Cell] = Counter()
        for cell, number in loose.items():
            if number < SMALLEST_COUNT and cell[0] > 0:
                upwards[above(cell)] += number
        loose = upwards
    return formed


def stored(connection: Connection) -> dict[Cell, dict[str, int]]:
    rows = connection.execute(text("SELECT * FROM reg.addresses_grid")).mappings()
    return {place_of(row["z"], row["x"], row["y"], row["cell"]): _filled(row) for row in rows}


def _filled(row: Mapping[str, Any]) -> dict[str, int]:
    left_out = {"z", "x", "y", "cell", "loose"}
    return {name: value for name, value in row.items() if name not in left_out and value is not None}


def assert_counts_are_right(connection: Connection) -> None:
    points = finest(connection)
    wanted = counted(points)
    assert stored(connection) == wanted
    formed = groups(points)
    inside: Counter[Cell] = Counter()
    for cell, number in formed.items():
        inside.update({above(cell, zooms): number for zooms in range(cell[0] + 1)})
    rows = connection.execute(text("SELECT z, x, y, cell, loose FROM reg.addresses_grid"))
    loose = {place_of(*row[:4]): row[4] for row in rows}
    kept = {cell: number if number < SMALLEST_COUNT else 0 for cell, number in loose.items()}
    assert {cell: wanted[cell].get("kind_household", 0) - kept[cell] for cell in wanted} == {
        cell: inside[cell] for cell in wanted
    }


def rows(count: int, seed: int, *, spread: float = 0.02) -> list[Row]:
    """Return addresses of three kinds, thick in the middle and thin towards the edges."""
    random = np.random.default_rng(seed)
    places = random.normal((108.15, 16.1), spread, (count, 2)).round(9)
    made = {"household": household, "agency": agency, "business": agency}
    kinds = random.choice(KINDS, count, p=(0.8, 0.1, 0.1))
    return [
        made[kind](f"{number:010}", geom=Point(*place), **({} if kind == "household" else {"kind": kind}))
        for number, (kind, place) in enumerate(zip(kinds, places, strict=True))
    ]


# --- what is stored


def test_counts_follow_every_publish_edit_removal_and_undo(connection: Connection) -> None:
    first, moved = rows(400, seed=1), rows(400, seed=2)
    revision = publish(connection, "addresses", first).revision
    assert revision is not None
    assert_counts_are_right(connection)
    publish(connection, "addresses", moved[::4])
    assert_counts_are_right(connection)
    others = [{**row, "kind": "structure", "name": None} for row in first[1:40:3]]
    edited = publish(connection, "addresses", others).revision
    assert edited is not None
    assert_counts_are_right(connection)
    gone = remove(connection, ADDRESSES, *list(ids_of(connection, ADDRESSES, revision))[:150])
    assert_counts_are_right(connection)
    for number in (gone, edited, revision):
        roll_back(connection, ADDRESSES, number, SYSTEM)
        assert_counts_are_right(connection)


@pytest.mark.parametrize("z", ZOOMS)
def test_every_zoom_sums_up_to_the_register(connection: Connection, z: int) -> None:
    publish(connection, "addresses", rows(120, seed=3))
    names = ["count", "occupied", *(f"kind_{kind}" for kind in KINDS)]
    sums = ", ".join(f"sum({name})::int" for name in names)
    found = connection.execute(text(f"SELECT {sums} FROM reg.addresses_grid WHERE z = :z"), {"z": z}).one()
    points = finest(connection)
    kinds = Counter(kind for _, kind in points)
    assert tuple(found) == (120, len({cell for cell, _ in points}), *(kinds[kind] for kind in KINDS))


def test_points_exactly_on_the_edges_of_cells_are_counted_once(connection: Connection) -> None:
    random = np.random.default_rng(4)
    corners = np.column_stack([random.integers(209_000, 209_040, 300), random.integers(118_800, 118_840, 300)])
    insert = text(
        "INSERT INTO reg.addresses_tile (id, kind, point) "
        "VALUES (:id, :kind, ST_Point(:cx * :cell - :half, :half - :cy * :cell, 3857))"
    )
    points = [
        {"id": n, "kind": KINDS[n % 3], "cx": int(cx), "cy": int(cy), "cell": CELL_M, "half": HALF_WORLD_M}
        for n, (cx, cy) in enumerate(corners)
    ]
    connection.execute(insert, points)
    counting = Counting(connection, ADDRESSES, 1)
    counting.note(1, true())
    counting.finish()
    assert_counts_are_right(connection)
    sums = connection.execute(text("SELECT sum(count)::int FROM reg.addresses_grid GROUP BY z"))
    assert [row[0] for row in sums] == [300] * len(ZOOMS)


# --- what is shown


def shown(connection: Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text("SELECT * FROM open.addresses_grid")).mappings()]


def shown_cells(connection: Connection, name: str) -> dict[Cell, int]:
    return {
        place_of(row["z"], row["x"], row["y"], row["cell"]): row[name] or 0
        for row in shown(connection)
        if row["cell"] < 4096
    }


@pytest.fixture
def scene(connection: Connection) -> Connection:
    """Addresses so thin at the edges that households stand alone over kilometres."""
    publish(connection, "addresses", rows(600, seed=5, spread=0.06))
    return connection


def test_all_is_shown_where_each_household_is_public(scene: Connection) -> None:
    set_policy(scene, "code_point")
    found = shown(scene)
    wanted = counted(finest(scene))
    assert {place_of(row["z"], row["x"], row["y"], row["cell"]) for row in found} == wanted.keys()
    for row in found:
        cell = wanted[place_of(row["z"], row["x"], row["y"], row["cell"])]
        assert {name: value for name, value in row.items() if value and name in cell} == {
            name: value for name, value in cell.items() if name != "occupied"
        }
        assert row["coverage"] == pytest.approx(100 * cell["occupied"] / 4 ** (TOP - row["z"]), abs=0.0501)


hiding = pytest.mark.parametrize("policy", ["lookup", "aggregate"])


@hiding
def test_what_is_public_is_shown_in_full_and_households_as_whole_groups(scene: Connection, policy: str) -> None:
    set_policy(scene, policy)
    points = finest(scene)
    whole, formed = counted(points), groups(points)
    wanted: dict[Cell, Counter[str]] = defaultdict(Counter)
    for cell, numbers in whole.items():
        wanted[cell].update({name: numbers[name] for name in ("kind_agency", "kind_business") if name in numbers})
    for cell, number in formed.items():
        for zooms in range(cell[0] + 1):
            wanted[above(cell, zooms)]["kind_household"] += number
    for name in ("kind_household", "kind_agency", "kind_business"):
        assert {cell: number for cell, number in shown_cells(scene, name).items() if number} == {
            cell: numbers[name] for cell, numbers in wanted.items() if numbers[name]
        }
    # A row by itself would tell that somebody lives there.
    assert shown_cells(scene, "count") == {cell: sum(numbers.values()) for cell, numbers in wanted.items() if numbers}
    assert {row["coverage"] for row in shown(scene)} == {None}


@hiding
def test_a_block_shows_the_groups_that_its_cells_make_together(scene: Connection, policy: str) -> None:
    set_policy(scene, policy)
    wanted: Counter[tuple[int, int, int]] = Counter()
    for cell, number in groups(finest(scene)).items():
        for below in range(1, 4 + 1):
            z = cell[0] + below
            if 4 <= z <= TOP:
                wanted[z, *above(cell, 4 - below)[1:]] += number
    found = {}
    for row in shown(scene):
        if row["cell"] >= 4096:
            block = row["cell"] - 4096
            found[row["z"], row["x"] * 4 + block % 4, row["y"] * 4 + block // 4] = row["count"]
            assert {name for name, value in row.items() if value is not None} == {
                "z", "x", "y", "cell", "count", "kind_household"
            }  # fmt: skip
    assert found == dict(wanted)
    assert found


@hiding
@pytest.mark.parametrize("seed", range(5))
def test_no_difference_of_shown_numbers_tells_of_fewer_than_five_households(
    connection: Connection, policy: str, seed: int
) -> None:
    """A cell less any set of disjoint cells inside it, of whatever zooms, leaves nobody or at least five."""
    publish(connection, "addresses", rows(300, seed=10 + seed, spread=0.05))
    set_policy(connection, policy)
    numbers = shown_cells(connection, "kind_household")
    below: dict[Cell, list[Cell]] = defaultdict(list)
    for cell in numbers:
        if cell[0] > 0:
            below[above(cell)].append(cell)
    random = np.random.default_rng(seed)

    def rest(cell: Cell, descend: float) -> int:
        """Return what a cell has more than a random choice of the cells inside it."""
        parts = [part for part in below[cell] if random.random() < 0.9]
        return numbers[cell] - sum(
            numbers[part] if random.random() > descend else numbers[part] - rest(part, descend) for part in parts
        )

    seen = [rest(cell, descend) for cell in numbers for descend in (0, 0.3, 0.7) for _ in range(3)]
    assert len(set(seen)) > 5
    assert [number for number in seen if 0 < number < SMALLEST_COUNT or number < 0] == []


@hiding
def test_households_are_left_out_of_the_highest_zoom_only_where_five_are_not_together(
    scene: Connection, policy: str
) -> None:
    """A tile of zoom 12 leaves out fewer than five in each block."""
    set_policy(scene, policy)
    left: Counter[Cell] = Counter(above(cell, 4) for cell, kind in finest(scene) if kind == "household")
    for row in shown(scene):
        if row["z"] == TOP and row["cell"] < 4096:
            left[above(place_of(row["z"], row["x"], row["y"], row["cell"]), 4)] -= row["kind_household"] or 0
        elif row["z"] == TOP:
            block = row["cell"] - 4096
            left[TOP - 4, row["x"] * 4 + block % 4, row["y"] * 4 + block // 4] -= row["kind_household"]
    assert set(left.values()) <= set(range(SMALLEST_COUNT))
    assert sum(left.values()) > 0


def test_guarded_records_that_counts_cannot_tell_apart_are_refused() -> None:
    table = ADDRESSES.table
    assert guarded_column(ADDRESSES) == "kind_household"
    for guard in (table.c.status == "inactive", table.c.kind != "agency", table.c.kind == "no_such_kind"):
        with pytest.raises(ValueError, match="one value of the legend"):
            guarded_column(replace(ADDRESSES, guarded=guard))
    assert "loose" not in grid_view_select(replace(ADDRESSES, guarded=None))


# --- stamps


def drawn(connection: Connection) -> dict[Cell, bytes]:
    found = {}
    for z, x, y in connection.execute(text("SELECT z, x, y FROM ops.tile_stamp WHERE layer = 'addresses'")):
        if z <= TOP:
            statement = tile_sql(("addresses",), z).replace("$1::int", str(x)).replace("$2::int", str(y))
            found[z, x, y] = bytes(connection.exec_driver_sql(statement.replace("%", "%%")).one().tile)
    return found


@pytest.mark.parametrize(
    "change",
    [{"kind": "public_place", "name": "Chợ"}, {"geom": Point(108.3, 16.2)}, {"geom": Point(108.1536, 16.1021)}],
)
def test_an_edit_stamps_exactly_the_counted_tiles_that_are_others_now(
    connection: Connection, change: dict[str, Any]
) -> None:
    set_policy(connection, "code_point")
    first = rows(60, seed=6)
    first[0] = household("0000000000", geom=Point(108.15, 16.1))
    publish(connection, "addresses", first)
    before = drawn(connection)
    publish(connection, "addresses", [{**first[0], **change}])
    after = drawn(connection)
    changed = {address for address, raw in after.items() if before.get(address, b"") != raw}
    stamped = connection.execute(
        text("SELECT z, x, y FROM ops.tile_stamp WHERE layer = 'addresses' AND revision = 2 AND z <= :top"),
        {"top": TOP},
    )
    assert {tuple(row) for row in stamped} == changed
    assert changed


@hiding
def test_a_tile_with_other_groups_is_stamped_where_households_are_grouped(connection: Connection, policy: str) -> None:
    """Four households and one make a group of the cell above; moved into it, they are one of their own."""
    set_policy(connection, policy)
    start = shapely.Point(108.15, 16.1)
    near = Point(start.x + 0.0012, start.y)
    home = [household(f"{n:010}", geom=start if n < 4 else near) for n in range(5)]
    publish(connection, "addresses", home)
    before = drawn(connection)
    publish(connection, "addresses", [{**home[4], "geom": start}])
    after = drawn(connection)
    query = text("SELECT z, x, y, revision FROM ops.tile_stamp WHERE layer = 'addresses'")
    stamps = {(z, x, y): revision for z, x, y, revision in connection.execute(query)}
    changed = {address for address, raw in after.items() if before.get(address, b"") != raw}
    assert changed
    assert {stamps[address] for address in changed} == {2}
