"""Ranking coordinate systems by where they bring the places of a file."""

import numpy as np
import pytest
import shapely

from geodata.crs import Floats, SourceCrs, from_epsg
from geodata.crs_choices import parse_choice
from geodata.importing.candidates import all_candidates, rank
from geodata.importing.communes import ExpectedCommunes
from geodata.sample.writer import from_wgs84
from geodata.units.index import UnitIndex

WEST, EAST = "20194", "20197"
UNITS = UnitIndex(
    provinces={WEST: "48", EAST: "48"},
    boundaries={WEST: shapely.Point(105.40, 20.50).buffer(0.04), EAST: shapely.Point(105.49, 20.50).buffer(0.04)},
    names={WEST: "Xã Tây", EAST: "Xã Đông"},
)
HERE = ExpectedCommunes(UNITS, (WEST,))


def houses(count: int = 600, *, within: float = 1.0, seed: int = 7) -> Floats:
    """Draw places in the western commune, within a part of its radius; WGS 84."""
    random = np.random.default_rng(seed)
    angle, radius = random.uniform(0, 2 * np.pi, count), 0.0398 * within * np.sqrt(random.random(count))
    return np.column_stack([105.40 + radius * np.cos(angle), 20.50 + radius * np.sin(angle)])


def written(choice: str, places: Floats | None = None) -> Floats:
    """Write places as a file in some system has them."""
    base, *options = choice.split(";")
    degrees = houses() if places is None else places
    if "no-shift" in options:
        degrees = np.column_stack(from_epsg(4756).to_wgs84(*degrees.T))
    numbers = from_wgs84(degrees, int(base.removeprefix("EPSG:")))
    return numbers[:, ::-1] if "swapped" in options else numbers


SYSTEMS = [
    "EPSG:9209", "EPSG:5897", "EPSG:9208", "EPSG:3405", "EPSG:32648", "EPSG:4756", "EPSG:4326", "EPSG:3857", "EPSG:2044",
    "EPSG:9209;swapped", "EPSG:4326;swapped", "EPSG:4756;swapped", "EPSG:3405;swapped", "EPSG:9209;no-shift",
]  # fmt: skip


@pytest.mark.parametrize("truth", SYSTEMS)
def test_the_true_system_is_first_without_any_statement(truth: str) -> None:
    ranking = rank(written(truth), None, HERE)
    assert ranking.fits[0].crs.choice == truth
    assert ranking.is_certain
    assert ranking.fits[0].inside == 1.0


@pytest.mark.parametrize("truth", SYSTEMS)
def test_a_true_statement_is_proven(truth: str) -> None:
    ranking = rank(written(truth), parse_choice(truth), HERE)
    assert ranking.fits[0] is ranking.stated
    assert (ranking.is_certain, ranking.refutes_stated) == (True, False)


@pytest.mark.parametrize(
    ("truth", "stated", "trap", "shift_m"),
    [
        ("EPSG:9209", "EPSG:9209;no-shift", "no_datum_shift", 224),
        ("EPSG:9209;no-shift", "EPSG:9209", "no_datum_shift", 224),
        ("EPSG:4756", "EPSG:4326", "no_datum_shift", 224),
        ("EPSG:4326", "EPSG:4756", "no_datum_shift", 224),
        ("EPSG:3405", "EPSG:32648", "no_datum_shift", 224),
        ("EPSG:5897", "EPSG:3405", "scale", 680),
        ("EPSG:9209", "VN2000:105.5,0.9996", "scale", 680),
        ("EPSG:9209", "EPSG:5897", "zone", 52_200),
        ("EPSG:9209", "EPSG:9210", "zone", 26_100),
        ("EPSG:4326;swapped", "EPSG:4326", "swapped_axes", None),
        ("EPSG:9209;swapped", "EPSG:9209", "swapped_axes", None),
    ],
)
def test_a_false_statement_is_refuted_and_the_trap_named(
    truth: str, stated: str, trap: str, shift_m: float | None
) -> None:
    ranking = rank(written(truth), parse_choice(stated), HERE)
    best = ranking.fits[0]
    assert (best.crs.choice, best.trap, ranking.refutes_stated) == (truth, trap, True)
    if shift_m is not None:
        assert best.shift_m == pytest.approx(shift_m, rel=0.01)


@pytest.mark.parametrize("truth", ["EPSG:9209", "EPSG:4326", "EPSG:9209;no-shift"])
@pytest.mark.parametrize("stated", [None, "EPSG:9209", "EPSG:4326"])
def test_places_in_the_middle_of_a_commune_prove_nothing(truth: str, stated: str | None) -> None:
    coordinates = written(truth, houses(within=0.7))
    assert not rank(coordinates, None if stated is None else parse_choice(stated), HERE).is_certain


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_places_prove_nothing_and_refute_nothing(count: int) -> None:
    ranking = rank(written("EPSG:9209", houses(count)), from_epsg(9209), HERE)
    assert (ranking.fits[0] is ranking.stated, ranking.is_certain, ranking.refutes_stated) == (True, False, False)


def test_a_hamlet_on_the_border_says_no_more_than_one_house_there() -> None:
    hamlet = houses(600, within=0.05) + np.array([0.0378, 0])
    ranking = rank(written("EPSG:9209", hamlet), None, HERE)
    assert ranking.fits[0].inside > 0.99
    assert not ranking.is_certain


def test_places_just_outside_a_badly_drawn_border_do_not_decide() -> None:
    beside = houses(40, within=0.05) + np.array([0.0415, 0])
    ranking = rank(written("EPSG:9209", np.concatenate([houses(), beside])), from_epsg(9209), HERE)
    assert ranking.fits[0] is ranking.stated
    assert not ranking.refutes_stated


def test_strays_do_not_decide() -> None:
    random = np.random.default_rng(3)
    strays = houses(40) + random.normal(0, 0.2, (40, 2))
    ranking = rank(written("EPSG:9209", np.concatenate([houses(), strays])), from_epsg(9209), HERE)
    assert (ranking.fits[0] is ranking.stated, ranking.is_certain) == (True, True)


def test_places_of_another_commune_are_certain_of_nothing() -> None:
    ranking = rank(written("EPSG:9209", houses() + np.array([0.09, 0])), from_epsg(9209), HERE)
    assert not ranking.is_certain


def test_each_place_is_held_against_its_own_commune() -> None:
    """A border between two communes shows a shift that their outline together hides."""
    places = houses()
    both = np.concatenate([places, places + np.array([0.09, 0])])
    own = np.repeat([0, 1], len(places))
    swapped_own = ExpectedCommunes(UNITS, (EAST, WEST), own)
    assert rank(written("EPSG:9209", both), None, ExpectedCommunes(UNITS, (WEST, EAST), own)).is_certain
    assert not rank(written("EPSG:9209", both), from_epsg(9209), swapped_own).is_certain


def test_scores_fall_from_the_first_and_stay_between_nought_and_one() -> None:
    fits = rank(written("EPSG:5897"), None, HERE).fits
    scores = [fit.score for fit in fits]
    assert 0.9 < scores[0] <= 1
    assert sum(scores) <= 1
    assert scores == sorted(scores, reverse=True)


def test_one_system_is_listed_once_under_the_name_the_file_gives_it() -> None:
    stated = parse_choice("EPSG:3405;no-shift")
    choices = [fit.crs.choice for fit in rank(written("EPSG:32648"), stated, HERE).fits]
    assert choices[0] == "EPSG:3405;no-shift"
    assert "EPSG:32648" not in choices


def test_nothing_fits_numbers_that_are_nowhere() -> None:
    assert rank(np.array([[5.0, 5.0], [6.0, 6.0]]), None, HERE).fits == ()
    stated = rank(np.array([[5.0, 5.0]]), from_epsg(4326), HERE)
    assert (len(stated.fits), stated.is_certain, stated.refutes_stated) == (1, False, False)


def test_every_candidate_can_be_chosen_by_its_own_name() -> None:
    place = np.array([520_000.0]), np.array([2_200_000.0])
    for candidate in all_candidates():
        chosen: SourceCrs = parse_choice(candidate.crs.choice)
        assert (chosen.name, chosen.choice) == (candidate.crs.name, candidate.crs.choice)
        np.testing.assert_array_equal(chosen.to_wgs84(*place), candidate.crs.to_wgs84(*place))
    assert len({candidate.crs.choice for candidate in all_candidates()}) == len(all_candidates())
