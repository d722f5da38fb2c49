"""GeoJSON, CSV, names, geometry and rows of other communes."""

import pytest

from tests.hostile import communes, csv_tricks, geojson_tricks, names, shapes
from tests.hostile.cases import Case
from tests.hostile.conftest import Send
from tests.hostile.corpus import gather

CASES = [
    (number, case)
    for family in (
        communes,
        csv_tricks,
        geojson_tricks,
        names,
        shapes,
    )
    for number, case in enumerate(gather(family))
]


@pytest.mark.parametrize(("number", "case"), CASES, ids=[case.id for _, case in CASES])
def test_a_hostile_file_ends_as_it_must_and_reaches_nothing(send: Send, case: Case, number: int) -> None:
    send(case, number)
