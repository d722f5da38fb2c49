"""The sample in memory, made once a session."""

import pytest

from geodata.sample.world import Sample, make_sample
from geodata.units.index import UnitIndex


@pytest.fixture(scope="session")
def sample() -> Sample:
    return make_sample()


@pytest.fixture(scope="session")
def units(sample: Sample) -> UnitIndex:
    communes = sample.records["communes"]
    return UnitIndex(
        provinces={values["code"]: values["province_code"] for values, _ in communes},
        boundaries={values["code"]: shape for values, shape in communes},
        names={values["code"]: values["full_name"] for values, _ in communes},
    )
