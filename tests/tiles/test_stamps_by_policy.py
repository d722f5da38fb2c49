"""Whatever policy holds, an edit gives another version to exactly the tiles that show something else under it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

import numpy as np
import pytest
from shapely import Point
from sqlalchemy import Connection, text

import geodata.counting
from geodata.db import SYSTEM, Database
from geodata.registers import get_register
from geodata.rollback import roll_back
from geodata.settings import PublicationPolicy
from service import setup
from tests.conftest import TEMPLATE, Server, settings_for
from tests.geodata.builders import agency, household, publish, set_policy
from tests.geodata.series import remove
from tests.tiles.patchwork import Seen, assert_exact, walk

POLICIES: tuple[PublicationPolicy, ...] = get_args(PublicationPolicy)
HIDING = ("lookup", "aggregate")
BOX = (108.0, 16.0, 108.06, 16.06)
HAMLET, FARM, EMPTY = Point(108.03012, 16.03034), Point(108.0123, 16.0145), Point(108.0456, 16.0512)
"""Four households in a cell, one by itself, nobody at all."""

Edit = Callable[[Connection], Any]
Scenes = dict[str, Seen]


def at(place: Point, east_m: float = 0.0) -> Point:
    return Point(place.x + east_m / 107_000, place.y)


def send(*rows: dict[str, Any]) -> Edit:
    return lambda connection: publish(connection, "addresses", rows)


def of_hamlet(number: int, **changes: Any) -> dict[str, Any]:
    return household(f"{number:010}", **{"geom": at(HAMLET, 3 * number), "house_number": str(number), **changes})


def removing(code: str) -> Edit:
    def edit(connection: Connection) -> None:
        query = text("SELECT feature_id FROM reg.address_codes WHERE value = :code")
        remove(connection, get_register("addresses"), connection.scalar(query, {"code": code}))

    return edit


EDITS: dict[str, tuple[Edit, set[str]]] = {
    "house number of a household": (send(of_hamlet(0, house_number="9")), {"code_point"}),
    "household moved within its cell": (send(of_hamlet(0, geom=at(HAMLET, 9))), {"code_point"}),
    "household moved where nobody lives": (send(of_hamlet(0, geom=EMPTY)), {"code_point", *HIDING}),
    "household moved to a farm": (send(of_hamlet(0, geom=at(FARM, 5))), {"code_point", *HIDING}),
    "household removed": (removing("0000000000"), {"code_point", *HIDING}),
    "fifth household of a cell": (send(of_hamlet(4)), {"code_point", *HIDING}),
    "household that has become an agency": (send(agency("0000000000", geom=at(HAMLET))), {"code_point", *HIDING}),
    "agency moved": (send(agency("1000000000", geom=EMPTY)), {"code_point", *HIDING}),
    "phone of a household": (send(of_hamlet(0, phone="0900000002")), set()),
}  # fmt: skip


@contextmanager
def under(database: Database, policy: str) -> Iterator[Connection]:
    """Open a transaction under a policy; all of it is taken back."""
    with database._worker.connect() as connection:
        transaction = connection.begin()
        set_policy(connection, policy)
        yield connection
        transaction.rollback()


@pytest.fixture(scope="module")
def village(server: Server, worker_name: str) -> Iterator[tuple[Database, Scenes]]:
    """Households and agencies, and what all tiles around them show under each policy."""
    name = f"stamps_by_policy_{worker_name}"
    database = Database(settings_for(server.create(name, TEMPLATE)))
    random = np.random.default_rng(7)
    places = [Point(*place) for place in random.uniform(BOX[:2], BOX[2:], (70, 2))]
    rows = [of_hamlet(number) for number in range(4)]
    rows.append(household("0000000100", geom=FARM))
    rows += [household(f"{1000 + n:010}", geom=place) for n, place in enumerate(places[10:])]
    rows += [agency(f"{1_000_000_000 + n}", geom=place) for n, place in enumerate(places[:10])]
    with database.worker() as connection:
        publish(connection, "addresses", rows)
    scenes = {}
    for policy in POLICIES:
        with under(database, policy) as connection:
            scenes[policy] = walk(connection, ["addresses"], BOX)
    yield database, scenes
    database.dispose()
    server.drop(name)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("case", EDITS)
def test_exactly_the_tiles_that_show_something_else_under_the_policy_get_another_version(
    village: tuple[Database, Scenes], policy: str, case: str
) -> None:
    database, scenes = village
    edit, seen_under = EDITS[case]
    with under(database, policy) as connection:
        edit(connection)
        after = walk(connection, ["addresses"], BOX)
    assert assert_exact(scenes[policy], after) == (policy in seen_under)


@pytest.mark.parametrize("policy", HIDING)
def test_no_tile_of_single_addresses_is_stamped_for_a_household_that_is_hidden(
    village: tuple[Database, Scenes], policy: str
) -> None:
    database, scenes = village
    with under(database, policy) as connection:
        send(of_hamlet(4), of_hamlet(0, geom=EMPTY))(connection)
        after = walk(connection, ["addresses"], BOX, (13, 14))
    assert {tile: seen[0] for tile, seen in after.items()} == {tile: scenes[policy][tile][0] for tile in after}


@pytest.mark.parametrize("policy", HIDING)
def test_undoing_is_as_exact(village: tuple[Database, Scenes], policy: str) -> None:
    database, scenes = village
    with under(database, policy) as connection:
        send(of_hamlet(4), agency("1000000000", geom=EMPTY))(connection)
        before = walk(connection, ["addresses"], BOX)
        roll_back(connection, get_register("addresses"), 2, SYSTEM)
        after = walk(connection, ["addresses"], BOX)
    assert assert_exact(before, after)
    assert {tile: seen[1] for tile, seen in after.items()} == {tile: seen[1] for tile, seen in scenes[policy].items()}


@pytest.mark.parametrize("policy", HIDING)
def test_where_comparing_takes_too_long_every_tile_with_other_groups_is_stamped(
    village: tuple[Database, Scenes], policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geodata.counting, "MOST_COMPARED", 0)
    database, scenes = village
    with under(database, policy) as connection:
        send(of_hamlet(4))(connection)
        after = walk(connection, ["addresses"], BOX)
    changed = {tile for tile in after if after[tile][1] != scenes[policy][tile][1]}
    stamped = {tile for tile in after if after[tile][0] != scenes[policy][tile][0]}
    assert set() < changed <= stamped < after.keys()


def test_no_version_of_a_tile_under_a_policy_ever_stands_for_two_contents(scratch_url: str) -> None:
    """What was changed while another policy hid it is another version when the first one holds again."""
    contents: dict[Any, bytes] = {}
    stages: list[tuple[PublicationPolicy, list[dict[str, Any]]]] = [
        ("code_point", [*map(of_hamlet, range(4)), agency("1000000000", geom=FARM)]),
        ("aggregate", [of_hamlet(0, geom=EMPTY), of_hamlet(8, geom=at(EMPTY, 500))]),
        ("code_point", []),
        ("aggregate", [of_hamlet(8, geom=at(EMPTY, 900)), of_hamlet(1, geom=at(FARM, 20))]),
        ("lookup", [of_hamlet(5), of_hamlet(6)]),
        ("code_point", [of_hamlet(5, geom=EMPTY)]),
        ("lookup", []),
        ("aggregate", []),
    ]
    seen_other = 0
    for policy, rows in stages:
        settings = settings_for(scratch_url, publication_policy=policy)
        setup.apply_settings(settings)
        setup.apply_settings(settings)
        with Database(settings) as database, database.worker() as connection:
            for stage in ([], rows):
                if stage:
                    publish(connection, "addresses", stage)
                for tile, (stamp, content) in walk(connection, ["addresses"], BOX).items():
                    assert contents.setdefault((policy, tile, stamp), content) == content
                    seen_other += stamp > 1
    assert seen_other


def test_a_policy_that_holds_already_stamps_nothing(scratch_url: str) -> None:
    settings = settings_for(scratch_url, publication_policy="lookup")
    setup.apply_settings(settings)
    with Database(settings) as database:
        with database.worker() as connection:
            publish(connection, "addresses", [of_hamlet(0)])
        setup.apply_settings(settings)
        with database.read() as connection:
            numbers = connection.scalars(text("SELECT number FROM open.revision WHERE register = 'addresses'")).all()
    assert numbers == [1]
