"""A box of points ends where it says: an index alone holds bounds in single precision, which is a metre here."""

from starlette.testclient import TestClient

from tests.service.test_features import ADDRESSES, Feature, addresses, features_of, ids

__all__ = ["addresses"]


def test_a_point_a_decimetre_outside_a_box_is_not_in_it(client: TestClient, addresses: list[Feature]) -> None:
    for item in addresses[:20]:
        x, y = item["geometry"]["coordinates"]
        west, north = x - 1e-4, y + 1e-4
        held = [ids(features_of(client, ADDRESSES, bbox=f"{west},{y - by},{x + by},{north}")) for by in (1e-6, -1e-6)]
        assert [item["id"] in found for found in held] == [True, False]
