"""The review of an upload over HTTP: seen, chosen, published, approved, cancelled."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from pyproj import Transformer
from sqlalchemy import text, update
from starlette.testclient import TestClient

from geodata.importing.staging import staging_prefix
from geodata.ops import Upload
from service import setup
from service.api.reviews import OPEN
from service.jobs.imports import UNFINISHED
from service.jobs.queue import defer_import
from service.problems import UploadStateError
from tests.conftest import Server
from tests.service.office import PUBLISHED_WITHIN_S, Office, finish, new_code, opened, publishing_is_held, send
from tests.service.people import OTHER_COMMUNE, PLACE, SAMPLE_COMMUNE, address_csv, upload_parts

HERE = 1e-5


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    """The service in this process, the worker in another one."""
    with opened(server, f"reviews_{worker_name}", 1) as found:
        found.worker.start()
        yield found


def sent(officer: TestClient, content: bytes, **values: str) -> tuple[str, dict[str, Any]]:
    """Send a file to be reviewed; return where it is, and the upload once it waits."""
    place = send(officer, upload_parts(content, publish="ask", commune=SAMPLE_COMMUNE, **values))
    return place, finish(officer, place)


def await_state(officer: TestClient, place: str, state: str) -> None:
    """Wait until an upload is in a state."""
    deadline = time.monotonic() + PUBLISHED_WITHIN_S
    while officer.get(place).json()["state"] != state:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def agree(officer: TestClient, place: str, upload: dict[str, Any], **more: Any) -> Any:
    return officer.post(f"{place}/publish", headers={"If-Match": f'"{upload["diff"]["etag"]}"'}, **more)


def test_a_file_waits_is_seen_and_published(office: Office) -> None:
    officer, code, revision = office.officer(), new_code(), office.revision()
    place, upload = sent(officer, address_csv(code))
    assert upload["state"] == "staged"
    assert (upload["diff"]["added"], upload["diff"]["changed"], office.item(code)) == (1, 0, None)
    (row,) = officer.get(f"{place}/diff", params={"kind": "added"}).json()["rows"]
    assert row["label"] == code
    (drawn,) = officer.get(f"{place}/diff.geojson").json()["features"]
    assert drawn["geometry"]["coordinates"] == pytest.approx(PLACE, abs=HERE)
    answer = agree(officer, place, upload, json={"note": "Bổ sung địa chỉ"})
    assert (answer.status_code, answer.json()["state"]) == (202, "publishing")
    done = finish(officer, place)
    assert (done["state"], done["revision"], done["counts"]["added"]) == ("published", revision + 1, 1)
    assert office.item(code) is not None
    assert done["undone_by"] is None
    with setup.owner(office.settings) as connection:
        query = "SELECT note, author FROM ops.revision WHERE register = 'addresses' AND number = :number"
        note, _ = connection.execute(text(query), {"number": revision + 1}).one()
        assert note == "Bổ sung địa chỉ"
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'staging' AND tablename LIKE :names"
        assert connection.scalar(text(query), {"names": f"{staging_prefix(UUID(upload['id']))}%"}) == 0


def test_an_upload_says_which_revision_has_undone_it(office: Office) -> None:
    officer = office.officer()
    place, upload = sent(officer, address_csv(new_code()))
    agree(officer, place, upload)
    number = finish(officer, place)["revision"]
    undone = officer.post(f"/collections/addresses/revisions/{number}/rollback", headers={"if-match": "*"})
    assert officer.get(place).json()["undone_by"] == undone.json()["revision"] == number + 1
    listed = {one["id"]: one for one in officer.get("/uploads").json()["uploads"]}
    assert listed[upload["id"]]["undone_by"] == number + 1


def test_what_a_row_lies_on_is_told_once_though_the_file_is_matched_twice(office: Office) -> None:
    officer, codes = office.officer(), [new_code(), new_code()]
    there, first = sent(officer, address_csv(codes[0], place=(PLACE[0] + 0.0005, PLACE[1])))
    agree(officer, there, first)
    assert finish(officer, there)["state"] == "published"
    place, upload = sent(officer, address_csv(codes[1], place=(PLACE[0] + 0.0005, PLACE[1])))
    assert upload["report"]["counts"]["EXISTING_SAME_PLACE"] == 1
    agree(officer, place, upload)
    done = finish(officer, place)
    assert (done["state"], done["report"]["counts"]["EXISTING_SAME_PLACE"]) == ("published", 1)


def test_an_upload_and_its_audit_carry_the_time_at_which_it_was_published(office: Office) -> None:
    officer = office.officer()
    with publishing_is_held(office):
        place = send(officer, upload_parts(address_csv(new_code())))
        await_state(officer, place, "publishing")
        with office.database.worker() as connection:
            held_until = connection.scalar(text("SELECT clock_timestamp()"))
    done = finish(officer, place)
    assert datetime.fromisoformat(done["finished_at"]) > held_until
    with setup.owner(office.settings) as connection:
        query = "SELECT at FROM ops.audit WHERE target = :id AND action = 'upload.publish'"
        assert connection.scalar(text(query), {"id": done["id"]}) > held_until


def test_a_file_that_changes_nothing_needs_no_word(office: Office) -> None:
    officer, content = office.officer(), address_csv(new_code())
    place, upload = sent(officer, content)
    agree(officer, place, upload)
    finish(officer, place)
    _, again = sent(officer, content)
    assert (again["state"], again["revision"], again["counts"]["unchanged"]) == ("published", None, 1)


def test_publishing_wants_the_mark_of_what_was_seen(office: Office) -> None:
    officer = office.officer()
    place, upload = sent(officer, address_csv(new_code()))
    assert officer.post(f"{place}/publish").status_code == 428
    wrong = officer.post(f"{place}/publish", headers={"If-Match": '"0"'})
    assert (wrong.status_code, wrong.json()["type"]) == (412, "urn:bandoso:problem:stale")
    assert officer.get(place).json()["state"] == "staged"
    assert agree(officer, place, upload).status_code == 202
    finish(officer, place)
    refused = agree(officer, place, upload)
    assert (refused.status_code, "“Đã công bố”" in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize("form", ["{}", '"{}"'])
def test_the_mark_is_taken_as_the_upload_s_json_says_it_and_as_the_header_does(office: Office, form: str) -> None:
    officer = office.officer()
    place, upload = sent(officer, address_csv(new_code()))
    etag = form.format(upload["diff"]["etag"])
    assert officer.post(f"{place}/publish", headers={"If-Match": etag}).status_code == 202
    assert finish(officer, place)["state"] == "published"


@pytest.mark.parametrize(
    ("column", "value", "choices"),
    [("options", {"encoding": "no-such"}, {"encoding": "utf-8"}), ("register", "no_such", None)],
)
def test_what_was_chosen_and_is_known_no_more_is_refused_with_a_message(
    office: Office, column: str, value: Any, choices: Any
) -> None:
    officer = office.officer()
    place, upload = sent(officer, address_csv(new_code()))
    assert officer.post(f"{place}/choices", json={"commune": SAMPLE_COMMUNE}).status_code == 202
    finish(officer, place)
    with office.database.worker() as connection:
        row = (Upload.id == upload["id"],)
        connection.execute(update(Upload).where(*row).values({column: value, "state": "received", "staged": None}))
        defer_import(connection, UUID(upload["id"]))
    told = finish(officer, place)
    assert (told["state"], told["report"]["outcome"]) == ("rejected", "refused")
    assert told["report"]["counts"] == {"OPTION_UNKNOWN": 1}
    if choices is not None:
        assert officer.post(f"{place}/choices", json=choices).status_code == 202
        assert finish(officer, place)["state"] == "staged"


def test_every_state_in_which_something_is_refused_has_a_vietnamese_name() -> None:
    assert all(UploadStateError(state=state).vi.count("“") for state in {*OPEN, *UNFINISHED, "published"})


def test_the_second_of_two_officers_sees_what_the_first_has_published(office: Office) -> None:
    first, second, code = office.officer(), office.officer(), new_code()
    place_a, upload_a = sent(first, address_csv(code))
    place_b, upload_b = sent(second, address_csv(code, place=(PLACE[0] + 1e-4, PLACE[1])))
    assert (upload_a["diff"]["added"], upload_b["diff"]["added"]) == (1, 1)
    agree(first, place_a, upload_a)
    assert finish(first, place_a)["state"] == "published"
    assert agree(second, place_b, upload_b).status_code == 412
    fresh = finish(second, place_b)
    assert (fresh["state"], fresh["diff"]["added"], fresh["diff"]["moved"]) == ("staged", 0, 1)
    assert "OTHERS_PUBLISHED" not in upload_b["report"]["counts"]
    assert [one["code"] for one in fresh["report"]["messages"]] == ["OTHERS_PUBLISHED"]
    assert agree(second, place_b, fresh).status_code == 202
    assert finish(second, place_b)["counts"]["changed"] == 1


def test_most_of_a_commune_vanishes_only_when_a_second_officer_agrees(office: Office) -> None:
    officer, second = office.officer(), office.officer()
    stranger = office.officer("99002")
    place, upload = sent(officer, address_csv(new_code()), mode="replace")
    assert (upload["state"], upload["diff"]["needs_approval"]) == ("staged", True)
    assert agree(officer, place, upload).json()["state"] == "needs_approval"
    assert officer.post(f"{place}/approve").status_code == 403
    assert stranger.post(f"{place}/approve").status_code == 404
    waiting = second.get("/uploads", params={"waiting": "approval"}).json()["uploads"]
    assert [one["id"] for one in waiting] == [upload["id"]]
    assert stranger.get("/uploads", params={"waiting": "approval"}).json()["uploads"] == []
    assert officer.post(f"{place}/cancel").json()["state"] == "cancelled"
    assert second.get("/uploads", params={"waiting": "approval"}).json()["uploads"] == []


def test_the_second_officer_sees_what_became_of_what_they_approved(office: Office) -> None:
    officer, second = office.officer(OTHER_COMMUNE), office.officer(OTHER_COMMUNE)
    asked = {"commune_code": OTHER_COMMUNE, "limit": 1}
    (known,) = office.client.get("/collections/addresses/items", params=asked).json()["features"]
    content = address_csv(new_code(), place=tuple(known["geometry"]["coordinates"]))
    place = send(officer, upload_parts(content, publish="ask", commune=OTHER_COMMUNE, mode="replace"))
    assert agree(officer, place, finish(officer, place)).json()["state"] == "needs_approval"
    assert second.post(f"{place}/approve").status_code == 202
    assert finish(second, place)["state"] == "published"
    assert office.officer(OTHER_COMMUNE).get(place).status_code == 404


def test_a_file_of_unknown_crs_is_previewed_beside_the_outline_of_its_commune(office: Office) -> None:
    officer = office.officer()
    easting, northing = Transformer.from_crs("EPSG:4326", "EPSG:9209", always_xy=True).transform(*PLACE)
    content = f"ma_dia_chi,loai,easting,northing\n{new_code()},ho gia dinh,{easting},{northing}\n".encode()
    place, upload = sent(officer, content)
    assert upload["state"] == "needs_choice"
    shown = officer.get(f"{place}/preview").json()
    (commune,) = shown["communes"]["features"]
    assert (commune["properties"]["code"], commune["geometry"]["type"]) == (SAMPLE_COMMUNE, "Polygon")
    drawn = {one["crs"]: one["points"]["coordinates"] for one in shown["candidates"]}
    assert drawn["EPSG:9209"] == [pytest.approx(PLACE, abs=HERE)]


def test_records_that_end_instead_of_vanishing_cannot_be_replaced(office: Office) -> None:
    parts = upload_parts(address_csv(new_code()), register="communes", mode="replace")
    answer = office.officer().post("/uploads", **parts)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:bandoso:problem:mode_replace")


def test_choices_have_the_file_read_again(office: Office) -> None:
    officer = office.officer()
    place, upload = sent(officer, address_csv(new_code()))
    answer = officer.post(f"{place}/choices", json={"crs": "EPSG:9209", "mode": "append"})
    assert (answer.status_code, answer.json()["state"]) == (202, "received")
    again = finish(officer, place)
    assert again["mode"] == "append"
    assert again["options"]["crs"] == "EPSG:9209"
    assert again["state"] != upload["state"]
    assert officer.post(f"{place}/choices", json={"colour": "red"}).status_code == 400


def test_an_upload_is_of_no_concern_to_other_officers(office: Office) -> None:
    officer, other = office.officer(), office.officer()
    place, upload = sent(officer, address_csv(new_code()))
    for path in ("", "/diff", "/diff.geojson", "/preview"):
        assert other.get(place + path).status_code == 404
    for verb in ("publish", "approve", "cancel"):
        assert other.post(f"{place}/{verb}", headers={"If-Match": f'"{upload["diff"]["etag"]}"'}).status_code == 404
    assert other.post(f"{place}/choices", json={}).status_code == 404


def test_rows_that_a_crash_of_the_database_took_are_read_again(office: Office) -> None:
    officer, code = office.officer(), new_code()
    place, upload = sent(officer, address_csv(code))
    with setup.owner(office.settings) as connection:
        (table,) = connection.scalars(
            text("SELECT staged ->> 'table' FROM ops.upload WHERE id = :id"), {"id": upload["id"]}
        )
        connection.execute(text(f'TRUNCATE staging."{table}"'))
    assert agree(officer, place, upload).status_code == 202
    assert finish(officer, place)["state"] == "published"
    assert office.item(code) is not None


def test_a_cancelled_upload_leaves_nothing_and_can_be_taken_up_again(office: Office) -> None:
    officer, code = office.officer(), new_code()
    place, upload = sent(officer, address_csv(code))
    assert officer.post(f"{place}/cancel").json()["state"] == "cancelled"
    first = officer.get(place).json()["report"]["messages"][0]
    assert (first["code"], first["remedy"]["vi"][:8]) == ("UPLOAD_CANCELLED", "Nếu vẫn ")
    assert agree(officer, place, upload).status_code == 409
    assert officer.post(f"{place}/choices", json={}).status_code == 202
    assert finish(officer, place)["state"] == "staged"
