"""Tiles in memory: the least used go first, and a revision drops what it touched and no more."""

import gzip
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.cache import _ANSWER_OVERHEAD, _ENTRY_OVERHEAD, Key, Ready, Tile, TileCache, pack
from tiles.grid import TileAddress

OVERHEAD, ANSWER = _ENTRY_OVERHEAD, _ANSWER_OVERHEAD
HERE, THERE = TileAddress(1, 0, 0), TileAddress(1, 1, 0)


def key(address: TileAddress = HERE, *layers: str) -> Key:
    return (layers or ("addresses",), address)


def filled(room: int = 10_000_000) -> TileCache:
    """Return a cache with two layers alone and together, at two places."""
    cache = TileCache(room)
    for address in (HERE, THERE):
        for layers in (("addresses",), ("communes",), ("addresses", "communes")):
            cache.put((layers, address), Tile("1", b"x"))
    return cache


def test_what_was_put_comes_back() -> None:
    cache, tile = TileCache(10_000), Tile("1", b"x")
    cache.put(key(), tile)
    assert cache.get(key()) is tile


def test_what_was_never_put_is_not_there() -> None:
    assert TileCache(10_000).get(key()) is None


def test_layers_in_another_order_are_another_tile() -> None:
    cache = TileCache(10_000)
    cache.put(key(HERE, "a", "b"), Tile("1", b"x"))
    assert cache.get(key(HERE, "b", "a")) is None


def test_an_empty_tile_is_kept_like_any_other() -> None:
    cache = TileCache(10_000)
    cache.put(key(), Tile("0", b""))
    assert cache.get(key()) == Tile("0", b"")


def test_the_least_used_tile_goes_first() -> None:
    cache = TileCache(2 * (OVERHEAD + 10))
    for name in "ab":
        cache.put(key(HERE, name), Tile("1", b"x" * 10))
    cache.get(key(HERE, "a"))
    cache.put(key(HERE, "c"), Tile("1", b"x" * 10))
    assert [cache.get(key(HERE, name)) is not None for name in "abc"] == [True, False, True]


def test_a_tile_larger_than_the_cache_is_not_kept() -> None:
    cache = TileCache(1000)
    cache.put(key(), Tile("1", b"x" * 2000))
    assert (len(cache), cache.bytes) == (0, 0)


def test_a_cache_without_room_keeps_nothing() -> None:
    cache = TileCache(0)
    cache.put(key(), Tile("1", b""))
    assert len(cache) == 0


def test_a_newer_tile_takes_the_place_of_the_older() -> None:
    cache = TileCache(10_000)
    cache.put(key(), Tile("1", b"x" * 100))
    cache.put(key(), Tile("2", b"x"))
    assert (len(cache), cache.bytes) == (1, OVERHEAD + 1)
    assert cache.get(key()) == Tile("2", b"x")


def test_a_revision_drops_the_tiles_that_show_its_layer_at_its_places_and_no_others() -> None:
    cache = filled()
    cache.forget("addresses", [HERE, TileAddress(9, 9, 9)])
    kept = {(layers, address) for layers, address in cache._tiles}
    assert kept == {
        (("communes",), HERE), (("addresses",), THERE), (("communes",), THERE), (("addresses", "communes"), THERE),
    }  # fmt: skip


def test_a_large_revision_drops_its_layer_everywhere() -> None:
    cache = filled()
    cache.forget_layer("addresses")
    assert {layers for layers, _ in cache._tiles} == {("communes",)}


@pytest.mark.parametrize("layer", ["villages", "", "addresses communes"])
def test_a_layer_that_no_tile_shows_drops_nothing(layer: str) -> None:
    cache = filled()
    cache.forget_layer(layer)
    assert len(cache) == 6


def test_clearing_leaves_nothing_and_no_weight() -> None:
    cache = filled()
    cache.clear()
    cache.forget("addresses", [HERE])
    assert (len(cache), cache.bytes) == (0, 0)


def test_what_lies_ready_is_found_by_its_name_and_counts_as_use_of_its_tile() -> None:
    cache, answer = TileCache(2 * OVERHEAD + ANSWER + 20), Ready()
    cache.put(key(HERE, "a"), Tile("1", b"x" * 10))
    cache.keep_answer(key(HERE, "a"), "name", answer)
    cache.put(key(HERE, "b"), Tile("1", b"x" * 10))
    assert cache.answer("name") is answer
    assert cache.bytes == 2 * OVERHEAD + ANSWER + 20
    cache.put(key(HERE, "c"), Tile("1", b""))
    assert [cache.get(key(HERE, name)) is not None for name in "abc"] == [True, False, True]


@pytest.mark.parametrize("how", ["dropped", "replaced", "evicted", "forgotten", "cleared", "a revision"])
def test_what_lies_ready_goes_with_its_tile_and_with_every_revision(how: str) -> None:
    cache = TileCache(20 * OVERHEAD)
    cache.put(key(), Tile("1", b"x"))
    for name in ("one", "two", "one"):
        cache.keep_answer(key(), name, Ready())
    assert cache.bytes == OVERHEAD + 1 + 2 * ANSWER
    match how:
        case "dropped":
            cache.forget("addresses", [HERE])
        case "replaced":
            cache.put(key(), Tile("2", b"xx"))
        case "evicted":
            cache.put(key(THERE), Tile("1", b"x" * 19 * OVERHEAD))
        case "forgotten":
            cache.forget_layer("addresses")
        case "cleared":
            cache.clear()
        case _:
            cache.forget_answers()
            assert len(cache) == 1
    assert cache.answer("one") is cache.answer("two") is None
    assert cache.bytes == sum(OVERHEAD + tile.weight for tile in cache._tiles.values())


def test_nothing_lies_ready_of_a_tile_that_is_not_kept() -> None:
    cache = TileCache(10_000)
    cache.keep_answer(key(), "name", Ready())
    assert (cache.answer("name"), cache.bytes) == (None, 0)


def test_the_plain_form_is_kept_once_it_was_asked_for_and_has_its_weight() -> None:
    cache, packed = TileCache(100_000), pack(b"tile" * 50)
    cache.put(key(), Tile("1", packed))
    assert cache.get(key()) == Tile("1", packed)
    found = cache.get(key(), is_packed=False)
    assert found == Tile("1", packed, b"tile" * 50)
    assert cache.get(key()) is found
    assert cache.bytes == OVERHEAD + len(packed) + 200


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "get", "forget", "forget_layer", "keep answer", "answer"]),
        st.sampled_from([("a",), ("b",), ("a", "b")]),
        st.integers(0, 3),
        st.integers(0, 400),
    ),
    max_size=60,
)


class PlainCache:
    """A slow and simple cache."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.tiles = OrderedDict[Key, Tile]()
        self.answers: dict[tuple[Key, int], Ready] = {}
        self.used: set[tuple[Key, int]] = set()

    def weight(self) -> int:
        return sum(OVERHEAD + len(tile.packed or b"") for tile in self.tiles.values()) + ANSWER * len(self.answers)

    def drop(self, gone: Key) -> None:
        self.tiles.pop(gone, None)
        self.answers = {name: answer for name, answer in self.answers.items() if name[0] != gone}
        self.used = {name for name in self.used if name[0] != gone}

    def make_room(self) -> None:
        while self.weight() > self.room:
            oldest = next(iter(self.tiles))
            if used := {name for name in self.used if name[0] == oldest}:
                self.used -= used
                self.tiles.move_to_end(oldest)
            else:
                self.drop(oldest)


@given(STEPS)
def test_weight_and_order_are_those_of_a_slow_and_simple_cache(
    steps: list[tuple[str, tuple[str, ...], int, int]],
) -> None:
    room = 3 * OVERHEAD + 2 * ANSWER
    cache, plain = TileCache(room), PlainCache(room)
    for step, layers, x, size in steps:
        place = (layers, TileAddress(2, x, 0))
        name = (place, size % 2)
        if step == "put":
            cache.put(place, Tile("1", b"x" * size))
            plain.drop(place)
            plain.tiles[place] = Tile("1", b"x" * size)
        elif step == "get":
            assert cache.get(place) == plain.tiles.get(place)
        elif step == "answer":
            assert cache.answer(name) is plain.answers.get(name)
            plain.used |= {name} & plain.answers.keys()
        elif step == "keep answer":
            answer = Ready()
            cache.keep_answer(place, name, answer)
            plain.used -= {name}
            plain.answers |= {name: answer} if place in plain.tiles else {}
        else:
            cache.forget(layers[0], [place[1]]) if step == "forget" else cache.forget_layer(layers[0])
            for k in [k for k in plain.tiles if layers[0] in k[0] and (step == "forget_layer" or k[1] == place[1])]:
                plain.drop(k)
        if step == "get" and place in plain.tiles:
            plain.tiles.move_to_end(place)
        plain.make_room()
        assert cache._tiles == plain.tiles
        assert cache._answers == plain.answers
        assert cache.bytes == plain.weight()


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("plain", [b"", b"tile" * 50])
@pytest.mark.parametrize("held", ["packed", "plain"])
def test_a_tile_is_served_in_either_form_whichever_is_held(plain: bytes, held: str, *, is_packed: bool) -> None:
    tile = Tile("1", packed=pack(plain)) if held == "packed" else Tile("1", plain=plain)
    served = tile.body(is_packed=is_packed)
    assert (gzip.decompress(served) if is_packed and plain else served) == plain
    assert tile.is_empty == (not plain)
