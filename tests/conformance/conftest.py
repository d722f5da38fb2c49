"""The abstract tests of OGC's standards, run over HTTP; a test runs exactly when its class is declared."""

from collections.abc import Iterator

import pytest

from tests.conformance.api import Api

POINTS, AREAS = "tourism_points", "growing_areas"


@pytest.fixture(scope="session")
def api(service: str) -> Iterator[Api]:
    """The running service as a client sees it that knows nothing but its landing page."""
    with Api(service) as found:
        yield found


@pytest.fixture(params=[POINTS, AREAS])
def collection(request: pytest.FixtureRequest) -> str:
    """A register of points, and one of areas."""
    found: str = request.param
    return found


@pytest.fixture(autouse=True)
def _runs_when_declared(request: pytest.FixtureRequest) -> None:
    """Leave out the tests of classes that the service does not declare."""
    marks = [mark.args[0] for mark in request.node.iter_markers("conformance")]
    if not marks:
        return
    declared = request.getfixturevalue("api").declared
    lacking = [uri for uri in marks if uri not in declared]
    if lacking:
        pytest.skip(f"not declared in /conformance: {', '.join(lacking)}")
