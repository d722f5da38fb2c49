"""Finished layers of tiles with counts: the bytes that the counts give, whatever happened, and under every policy."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import pytest
from shapely import Point, box
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import ProgrammingError

from geodata import finished
from geodata.db import PUBLIC_ROLE, SYSTEM, Database
from geodata.drawing import counts, encoded
from geodata.finished import drawing_mark, finish_layers
from geodata.importing.publish import settle
from geodata.registers import get_register
from geodata.rollback import roll_back
from tests.conftest import settings_for
from tests.geodata.builders import OWNER, Row, agency, household, publish, set_policy, take_role
from tests.geodata.series import ids_of, remove, unit
from tiles.sql import TILE_X, TILE_Y, tile_sql

ADDRESSES = get_register("addresses")
ZOOMS = range(13)
Tile = tuple[int, int, int]


def addresses(seed: int, count: int = 150) -> list[Row]:
    """Return addresses, most of them households, thick in the middle and alone at the edges."""
    random = np.random.default_rng(seed)
    places = random.normal((108.15, 16.1), 0.05, (count, 2)).round(9)
    is_home = random.random(count) < 0.8
    return [
        (household if is_home[n] else agency)(f"{n:010}", geom=Point(*place), name=None if is_home[n] else "UBND xã")
        for n, place in enumerate(places)
    ]


def around(connection: Connection) -> list[Tile]:
    """Return every tile that ever showed counts, and one beside each."""
    query = "SELECT z, x, y FROM open.tile_stamp WHERE layer = 'addresses' AND z <= 12"
    found = {tuple(row) for row in connection.execute(text(query))}
    return sorted(found | {(z, x, y - 1) for z, x, y in found if y})


def ask(connection: Connection, statements: Mapping[int, str], tiles: Iterable[Tile]) -> dict[Tile, Any]:
    """Return the row that the statement of its zoom gives of each tile, all of a zoom at once."""
    found = {}
    for z, some in groupby(sorted(tiles), key=itemgetter(0)):
        places = ", ".join(f"({x}, {y})" for _, x, y in some)
        bound = statements[z].replace("$1::int", "asked.x").replace("$2::int", "asked.y").replace("%", "%%")
        query = f"SELECT asked.x, asked.y, made.* FROM (VALUES {places}) asked (x, y), LATERAL ({bound}) made"
        found |= {(z, row[0], row[1]): row[2:] for row in connection.exec_driver_sql(query)}
    return found


SERVED = {z: tile_sql(("addresses",), z) for z in ZOOMS}


def served(connection: Connection) -> dict[Tile, bytes]:
    """Return tiles as the statements of the service make them."""
    return {tile: bytes(row[1]) for tile, row in ask(connection, SERVED, around(connection)).items()}


def written(z: int) -> str:
    """Return the SQL of a tile made of the counts, without a look at what is finished."""
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # untyped upstream
    made = select(encoded(ADDRESSES, counts(ADDRESSES, z, TILE_X, TILE_Y)))
    return str(made.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


COUNTED = {z: written(z) for z in ZOOMS}


def counted(connection: Connection) -> dict[Tile, bytes]:
    """Return tiles made of the counts."""
    return {tile: bytes(row[0]) for tile, row in ask(connection, COUNTED, around(connection)).items()}


def shown(connection: Connection) -> dict[Tile, bytes]:
    """Return the finished layers that the public may read."""
    rows = connection.execute(text("SELECT z, x, y, mvt FROM open.addresses_finished"))
    return {(z, x, y): bytes(mvt) for z, x, y, mvt in rows}


def assert_right(connection: Connection, *, all_finished: bool) -> dict[Tile, bytes]:
    """Hold what is served and what is finished against the counts; return the tiles that hold something."""
    tiles, ready = counted(connection), shown(connection)
    assert served(connection) == tiles
    assert ready == {tile: tiles[tile] for tile in ready}
    full = {tile: raw for tile, raw in tiles.items() if raw}
    assert not all_finished or full.keys() <= ready.keys()
    return full


def finish(connection: Connection) -> None:
    while finish_layers(connection):
        pass


# --- what is served


@pytest.mark.parametrize("policy", ["code_point", "aggregate"])
def test_every_tile_is_what_the_counts_say_through_the_life_of_a_register(connection: Connection, policy: str) -> None:
    set_policy(connection, policy)
    first, moved = addresses(1), addresses(2)
    revision = publish(connection, "addresses", first).revision
    assert revision is not None
    assert shown(connection) == {}
    loaded = assert_right(connection, all_finished=False)
    finish(connection)
    assert assert_right(connection, all_finished=True) == loaded

    def goes_on(number: int | None) -> int:
        """Look at the tiles before and after what the revision threw away is made anew."""
        assert number is not None
        assert_right(connection, all_finished=False)
        finish(connection)
        assert_right(connection, all_finished=True)
        return number

    edited = goes_on(publish(connection, "addresses", [next(it for it in moved if it["name"])]).revision)
    many = goes_on(publish(connection, "addresses", moved[::4]).revision)
    gone = goes_on(remove(connection, ADDRESSES, *ids_of(connection, ADDRESSES, revision)))
    for number in (gone, many, edited):
        goes_on(roll_back(connection, ADDRESSES, number, SYSTEM).revision)
    assert assert_right(connection, all_finished=True) == loaded
    goes_on(roll_back(connection, ADDRESSES, revision, SYSTEM).revision)
    assert assert_right(connection, all_finished=True) == {}
    publish(connection, "addresses", moved)
    assert shown(connection) == {}
    goes_on(1)


def test_an_edit_throws_away_the_layers_that_it_touches_and_no_other(connection: Connection) -> None:
    near, far = agency("0000000001", geom=Point(108.15, 16.1)), agency("0000000002", geom=Point(106.7, 10.8))
    publish(connection, "addresses", [near, far])
    finish(connection)
    before = shown(connection)
    publish(connection, "addresses", [{**near, "kind": "public_place", "name": "Chợ"}])
    after = counted(connection)
    touched = {tile for tile in before if before[tile] != after[tile]}
    assert shown(connection).keys() == before.keys() - touched
    assert {z for z, _, _ in touched} == set(ZOOMS)
    assert {z for z, _, _ in shown(connection)} == set(range(5, 13))


def test_a_tile_is_read_and_not_counted_where_its_layer_is_finished(connection: Connection) -> None:
    publish(connection, "addresses", addresses(3, 40))
    finish(connection)
    connection.execute(text("UPDATE reg.addresses_finished SET mvt = 'left'"))
    tiles = served(connection)
    assert {tiles[tile] for tile in shown(connection)} == {b"left"}


def test_a_layer_beside_others_is_the_finished_one_too(connection: Connection) -> None:
    publish(connection, "communes", [unit("99001", province_code="48", geom=box(108.1, 16, 108.2, 16.2))])
    publish(connection, "addresses", addresses(3, 40))
    tiles, statements = around(connection), {z: tile_sql(("communes", "addresses"), z) for z in ZOOMS}
    before = ask(connection, statements, tiles)
    finish(connection)
    assert ask(connection, statements, tiles) == before
    ready = shown(connection)
    connection.execute(text("UPDATE reg.addresses_finished SET mvt = 'left'"))
    for tile, (_, raw) in ask(connection, statements, tiles).items():
        assert bytes(raw).endswith(b"left") is (tile in ready)


def test_layers_are_made_in_small_steps(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finished, "AT_ONCE", 7)
    publish(connection, "addresses", addresses(4, 40))
    assert finish_layers(connection)
    assert len(shown(connection)) == 7
    finish(connection)
    assert_right(connection, all_finished=True)
    assert not finish_layers(connection)


def test_a_program_that_draws_counts_otherwise_makes_the_layers_anew(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(connection, "addresses", addresses(5, 40))
    finish(connection)
    connection.execute(text("UPDATE reg.addresses_finished SET mvt = 'as another drew it', drawing = 'another'"))
    assert served(connection) == counted(connection)
    finish(connection)
    assert_right(connection, all_finished=True)
    mark = drawing_mark(ADDRESSES)
    monkeypatch.setattr(finished, "grid_view_select", lambda _register: "SELECT otherwise")
    drawing_mark.cache_clear()
    assert drawing_mark(ADDRESSES) != mark
    drawing_mark.cache_clear()


# --- what the public may see


@pytest.mark.parametrize(
    ("before", "policy"),
    [("code_point", "lookup"), ("code_point", "aggregate"), ("lookup", "aggregate"), ("aggregate", "aggregate")],
)
def test_no_layer_made_under_one_policy_is_shown_under_another(
    connection: Connection, before: str, policy: str
) -> None:
    set_policy(connection, before)
    publish(connection, "addresses", addresses(6))
    finish(connection)
    made = shown(connection)
    assert made
    set_policy(connection, policy)
    take_role(connection, PUBLIC_ROLE)
    assert shown(connection) == (made if before == policy else {})
    guarded = assert_right(connection, all_finished=before == policy)
    take_role(connection, OWNER)
    finish(connection)
    take_role(connection, PUBLIC_ROLE)
    assert assert_right(connection, all_finished=True) == guarded
    # What tells lookup from aggregate is not in tiles; what each shows of households is what code_point does not.
    assert (made == shown(connection)) is (before != "code_point")


def test_the_public_reads_no_more_of_the_layers_than_those_of_the_policy(connection: Connection) -> None:
    publish(connection, "addresses", addresses(7, 30))
    finish(connection)
    set_policy(connection, "aggregate")
    take_role(connection, PUBLIC_ROLE)
    columns = connection.execute(text("SELECT * FROM open.addresses_finished"))
    assert (list(columns.keys()), columns.all()) == (["z", "x", "y", "drawing", "mvt"], [])
    with pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text("SELECT mvt FROM reg.addresses_finished"))


# --- at the same time


@pytest.fixture
def database(scratch_url: str) -> Iterator[Database]:
    with Database(settings_for(scratch_url)) as found:
        with found.worker() as connection:
            publish(connection, "addresses", addresses(8, 60))
        settle(found)
        yield found


def seen(database: Database) -> dict[Tile, tuple[int, bytes]]:
    """Return stamp and bytes of tiles as the public gets them, each by one statement."""
    with database.read() as public:
        query = "SELECT z, x, y FROM open.tile_stamp WHERE layer = 'addresses' AND z <= 12 ORDER BY 1, 2, 3"
        rows = ask(public, SERVED, [(z, x, y) for z, x, y in public.execute(text(query))])
        return {tile: (stamps[0], bytes(raw)) for tile, (stamps, raw) in rows.items()}


@contextmanager
def publishing(database: Database, rows: list[Row]) -> Iterator[int]:
    """Publish, and commit at the end of the block."""
    with database.worker() as connection:
        number = publish(connection, "addresses", rows).revision
        assert number is not None
        yield number


def test_readers_see_layers_and_stamps_of_one_state_while_others_publish_and_settle(database: Database) -> None:
    states = {1: seen(database)}
    for seed in (9, 10):
        with publishing(database, addresses(seed, 60)[::20]) as number:
            # From the second time on layers are missing. Who settles leaves them to who publishes.
            settle(database)
            assert seen(database) == states[number - 1]
        states[number] = seen(database)
        assert states[number] != states[number - 1]
    settle(database)
    assert seen(database) == states[3]
    with database.worker() as connection:
        assert_right(connection, all_finished=True)


def test_nothing_old_is_left_when_many_publish_and_settle_at_once(database: Database) -> None:
    is_over = threading.Event()
    faults: list[str] = []

    def look() -> None:
        """Hold finished layers against the counts, both of one statement, over and over."""
        made = COUNTED[12].replace("z = 12", "z = f.z").replace("$1::int", "f.x").replace("$2::int", "f.y")
        compare = f"SELECT f.z FROM open.addresses_finished f WHERE f.mvt IS DISTINCT FROM ({made})"
        with database.read() as public:
            while not is_over.wait(0.02):
                faults.extend(f"old at {z}" for z in public.exec_driver_sql(compare.replace("%", "%%")).scalars())

    def publish_some(seed: int) -> None:
        for step in range(3):
            with database.worker() as connection:
                publish(connection, "addresses", addresses(seed * 10 + step, 60)[step::6])

    def settle_on() -> None:
        while not is_over.wait(0.02):
            settle(database)

    watching = [threading.Thread(target=work) for work in (look, settle_on)]
    writing = [threading.Thread(target=publish_some, args=(seed,)) for seed in (2, 3)]
    for thread in (*watching, *writing):
        thread.start()
    for thread in writing:
        thread.join()
    is_over.set()
    for thread in watching:
        thread.join()
    settle(database)
    assert faults == []
    with database.worker() as connection:
        assert_right(connection, all_finished=True)
