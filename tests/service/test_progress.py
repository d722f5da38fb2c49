"""The rate and the time left of an upload."""

import pytest

from service.jobs.progress import ProgressMeter


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_rate_is_that_of_the_last_seconds(clock: Clock) -> None:
    meter = ProgressMeter(clock)
    meter.note("validating", 0, 10_000)
    assert meter.tell() == {"stage": "validating", "done": 0, "total": 10_000, "rows_per_s": None, "seconds_left": None}
    for done in range(100, 1100, 100):
        clock.now += 1
        meter.note("validating", done, 10_000)
    assert meter.tell()["rows_per_s"] == 100
    for done in range(2000, 8000, 1000):
        clock.now += 1
        meter.note("validating", done, 10_000)
    assert meter.tell() == {"stage": "validating", "done": 7000, "total": 10_000, "rows_per_s": 1000, "seconds_left": 3}


def test_rows_of_an_unknown_number_have_a_rate_and_no_end(clock: Clock) -> None:
    meter = ProgressMeter(clock)
    meter.note("reading", 0, 0)
    clock.now += 2
    meter.note("reading", 500, 0)
    told = meter.tell()
    assert (told["rows_per_s"], told["seconds_left"]) == (250, None)


def test_a_stage_begins_anew_and_is_told_at_once(clock: Clock) -> None:
    meter = ProgressMeter(clock)
    meter.note("validating", 0, 10)
    clock.now += 1
    meter.note("validating", 10, 10)
    assert meter.is_due
    assert meter.tell()["seconds_left"] == 0
    meter.note("validating", 10, 10)
    assert not meter.is_due
    clock.now += 0.6
    assert meter.is_due
    meter.tell()
    meter.note("publishing", 0, 10)
    assert meter.is_due
    assert meter.tell()["rows_per_s"] is None
