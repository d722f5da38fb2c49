"""Hostile files over HTTP: each is refused with its code by a worker that lives on, and others' uploads are published."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Server
from tests.hostile.bombs import _blank
from tests.hostile.cases import Bait
from tests.hostile.disguises import vrt
from tests.hostile.shapes import nested_json
from tests.hostile.trial import listening
from tests.hostile.zips import write_zip
from tests.service.office import Office, finish, new_code, opened, send
from tests.service.people import SAMPLE_COMMUNE, address_csv, upload_parts

Make = Callable[[Bait], bytes]
WITHIN_S = 30.0
FILES: dict[str, tuple[str, Make, str]] = {
    "bomb": ("a.zip", lambda _: write_zip([_blank("a.shp", 200)]), "ZIP_BOMB"),
    "disguise": ("a.kml", lambda bait: vrt(f"CSV:{bait.secret}").encode(), "UPLOAD_FORMAT"),
    "call": ("a.geojson", lambda bait: vrt(f"/vsicurl/{bait.url}/a.csv").encode(), "UPLOAD_FORMAT"),
    "depth": ("a.geojson", lambda _: nested_json(100_000).encode(), "TOO_DEEP"),
}


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    """A service with a running worker."""
    with opened(server, f"hostile_{worker_name}", limit_mb=8) as found:
        found.worker.start()
        yield found


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_upload_is_refused_and_the_same_worker_publishes_the_next(
    office: Office, tmp_path: Path, name: str
) -> None:
    file_name, make, code = FILES[name]
    officer, pid = office.officer(), office.worker.pid
    secret = tmp_path / "secret.csv"
    secret.write_text("canh-bao-7f3a9c\n", encoding="ascii")
    with listening() as (url, calls):
        hostile = send(officer, upload_parts(make(Bait(tmp_path, secret, url, tmp_path)), name=file_name))
        good_code = new_code()
        good = send(officer, upload_parts(address_csv(good_code), commune=SAMPLE_COMMUNE))
        refused = finish(officer, hostile, WITHIN_S)
        published = finish(officer, good, WITHIN_S)
    assert (refused["state"], [one["code"] for one in refused["report"]["messages"]]) == ("rejected", [code])
    assert "canh-bao" not in json.dumps(refused)
    assert calls == []
    assert published["state"] == "published"
    assert office.item(good_code) is not None
    assert office.worker.pid == pid
    assert office.worker.is_running()
