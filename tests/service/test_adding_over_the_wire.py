"""What a client that adds a record reads from the wire, behind the server that the product runs on."""

import http.client
import json

from tests.conftest import serving, settings_for
from tests.service.people import PLACE, add_key, add_officer


def test_location_is_spelled_as_qgis_looks_for_it(scratch_sample_url: str) -> None:
    settings = settings_for(scratch_sample_url)
    key = add_key(settings, add_officer(settings), scopes="edit")
    sent = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": PLACE},
        "properties": {"name": "Nhà cổ", "category": "heritage"},
    }
    with serving(settings) as address:
        connection = http.client.HTTPConnection(address.removeprefix("http://"))
        told = {**key, "Content-Type": "application/geo+json"}
        connection.request("POST", "/collections/tourism_points/items", json.dumps(sent), told)
        answer = connection.getresponse()
        names = [name for name, _ in answer.getheaders() if name.lower() == "location"]
        connection.close()
    assert (answer.status, names) == (201, ["Location"])
