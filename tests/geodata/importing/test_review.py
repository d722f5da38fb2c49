"""Rows that wait: what would change, who has to agree, and what happens when others publish in between."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from shapely import Point
from sqlalchemy import Connection, text

from geodata.db import SYSTEM, Actor
from geodata.history import Counts
from geodata.importing.check import ImportRequest
from geodata.importing.diff import HIDDEN, Diff
from geodata.importing.merge import Mode
from geodata.importing.publish import Published, RowsLostError, open_merge, publish_file
from geodata.registers import get_register
from tests.geodata.builders import (
    COMMUNE,
    OTHER_COMMUNE,
    PLACE,
    Row,
    agency,
    field_of,
    household,
    publish,
    rows_of,
    send,
    units,
    write_geojson,
)

OTHER_PLACE = Point(108.101, 16.1)
NOBODY = Counts(0, 0)


def stage(
    connection: Connection, rows: Sequence[Row], folder: Path, register: str = "addresses", **options: Any
) -> Published:
    return send(connection, register, rows, folder, publishes=False, upload_id=uuid4(), **options)


def diff_of(connection: Connection, staged: Published, mode: Mode = "upsert", register: str = "addresses") -> Diff:
    assert staged.staged is not None
    return Diff(open_merge(connection, get_register(register), staged.staged, mode, None))


def numbers(connection: Connection) -> list[int]:
    return [row[0] for row in rows_of(connection, "SELECT number FROM ops.revision WHERE register = 'addresses'")]


def test_rows_that_wait_change_nothing_and_say_what_they_would(connection: Connection, tmp_path: Path) -> None:
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002"), agency("0000000003")])
    rows = [
        agency("0000000001"),
        agency("0000000002", name="Trạm y tế"),
        agency("0000000003", geom=OTHER_PLACE),
        agency("0000000004"),
    ]
    staged = stage(connection, rows, tmp_path)
    assert (staged.counts, staged.revision) == (NOBODY, None)
    assert staged.review is not None
    found = staged.review
    assert (found.added, found.changed, found.moved, found.removed, found.unchanged) == (1, 2, 1, 0, 1)
    assert (found.communes, found.base_revision) == ((COMMUNE,), 1)
    assert rows_of(connection, "SELECT count(*) FROM reg.addresses") == [(3,)]
    assert numbers(connection) == [1]


def test_the_diff_names_each_field_that_changes_and_how_far_a_record_moves(
    connection: Connection, tmp_path: Path
) -> None:
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])
    staged = stage(
        connection, [agency("0000000001", name="Trạm y tế"), agency("0000000002", geom=OTHER_PLACE)], tmp_path
    )
    renamed, moved = diff_of(connection, staged).rows("changed", limit=10)
    assert (renamed["row"], renamed["label"], renamed["moved_m"]) == (1, "0000000001", None)
    assert [(one["field"], one["before"], one["after"]) for one in renamed["fields"]] == [
        ("name", "UBND xã", "Trạm y tế")
    ]
    assert moved["fields"] == []
    # A thousandth of a degree of longitude at 16.1° north is 106.9 m on the ellipsoid.
    assert moved["moved_m"] == pytest.approx(106.9, abs=0.5)


def test_the_diff_never_shows_what_is_private(connection: Connection, tmp_path: Path) -> None:
    publish(connection, "addresses", [household("0000000001", head_name="Nguyễn Thị Kín")])
    staged = stage(connection, [household("0000000001", head_name="Trần Văn Kín", phone="0912345678")], tmp_path)
    (row,) = diff_of(connection, staged).rows("changed", limit=10)
    shown = {one["field"]: (one["before"], one["after"]) for one in row["fields"]}
    assert shown == {"head_name": (HIDDEN, HIDDEN), "phone": (None, HIDDEN)}


def test_the_diff_has_pages(connection: Connection, tmp_path: Path) -> None:
    codes = [f"{number:010}" for number in range(1, 8)]
    staged = stage(connection, [agency(code) for code in codes], tmp_path)
    diff, found, after = diff_of(connection, staged), [], 0
    while rows := diff.rows("added", limit=3, after=after):
        found += [row["label"] for row in rows]
        after = rows[-1]["at"]
    assert found == codes


def test_the_diff_can_be_drawn(connection: Connection, tmp_path: Path) -> None:
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])
    rows = [agency("0000000001", geom=OTHER_PLACE), agency("0000000003")]
    staged = stage(connection, rows, tmp_path, mode="replace")
    drawn = diff_of(connection, staged, "replace").features(limit=10)["features"]
    found = {(one["properties"]["kind"], one["properties"]["label"]): one["geometry"]["coordinates"] for one in drawn}
    there, then = [PLACE.x, PLACE.y], [OTHER_PLACE.x, OTHER_PLACE.y]
    assert found == {
        ("changed", "0000000001"): then,
        ("before", "0000000001"): there,
        ("added", "0000000003"): there,
        ("removed", "0000000002"): there,
    }


# --- modes


def test_replacing_removes_what_the_commune_has_beside_the_file(connection: Connection, tmp_path: Path) -> None:
    elsewhere = agency("0000000009", commune_code=OTHER_COMMUNE)
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002"), elsewhere])
    published = send(connection, "addresses", [agency("0000000001"), agency("0000000003")], tmp_path, mode="replace")
    assert published.counts == Counts(1, 0, 1)
    codes = rows_of(connection, "SELECT value FROM reg.address_codes ORDER BY value")
    assert codes == [("0000000001",), ("0000000003",), ("0000000009",)]
    assert rows_of(connection, "SELECT operation FROM ops.change") == [("D",)]
    assert rows_of(connection, "SELECT count(*) FROM reg.addresses_tile") == [(3,)]


def test_a_record_whose_row_is_refused_is_not_removed(connection: Connection, tmp_path: Path) -> None:
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])
    faulty = agency("0000000002", kind="no such kind")
    published = send(connection, "addresses", [agency("0000000001", name="Mới"), faulty], tmp_path, mode="replace")
    assert (published.counts, published.report.rejected) == (Counts(0, 1), 1)


def test_nothing_is_removed_where_the_records_of_refused_rows_are_not_known(
    connection: Connection, tmp_path: Path
) -> None:
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])
    faulty = agency(None, kind="no such kind")
    published = send(connection, "addresses", [agency("0000000001", name="Mới"), faulty], tmp_path, mode="replace")
    assert published.counts == Counts(0, 1)
    assert published.report.counts["REPLACE_INCOMPLETE"] == 1


def test_appending_refuses_rows_that_would_change_a_record(connection: Connection, tmp_path: Path) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    rows = [agency("0000000001", name="Khác"), agency("0000000002")]
    published = send(connection, "addresses", rows, tmp_path, mode="append")
    assert published.counts == Counts(1, 0)
    assert published.report.counts["RECORD_EXISTS"] == 1


def test_more_than_a_fifth_that_vanishes_is_told_and_more_than_four_fifths_waits_for_a_second_officer(
    connection: Connection, tmp_path: Path
) -> None:
    rows = [agency(f"{number:010}") for number in range(1, 11)]
    publish(connection, "addresses", rows)
    some = stage(connection, rows[:7], tmp_path, mode="replace").review
    assert some is not None
    assert (some.removed, some.vanishing, some.needs_approval) == (3, {COMMUNE: 0.3}, False)
    most = send(connection, "addresses", rows[:1], tmp_path, mode="replace", upload_id=uuid4())
    assert most.review is not None
    assert (most.revision, most.review.needs_approval, most.review.removed) == (None, True, 9)
    assert most.staged is not None
    agreed = send(connection, "addresses", rows[:1], tmp_path, mode="replace", is_approved=True)
    assert (agreed.revision, agreed.counts) == (2, Counts(0, 0, 9))


# --- others


def test_the_mark_is_the_same_until_somebody_changes_the_same_records(connection: Connection, tmp_path: Path) -> None:
    publish(connection, "addresses", [agency("0000000001"), agency("0000000002")])

    def mark() -> str:
        review = stage(connection, [agency("0000000001", name="Mới")], tmp_path).review
        assert review is not None
        return review.etag

    first = mark()
    publish(connection, "addresses", [agency("0000000002", name="Việc khác")])
    assert mark() == first
    publish(connection, "addresses", [agency("0000000001", name="Cùng bản ghi")])
    assert mark() != first


def test_what_was_seen_is_published_and_anything_else_waits_again(connection: Connection, tmp_path: Path) -> None:
    publish(connection, "addresses", [agency("0000000001")])
    path = write_geojson(tmp_path / "f.geojson", [agency("0000000001", name="Mới")])
    request = ImportRequest(path, path.name, get_register("addresses"), SYSTEM, publishes=False)
    seen = publish_file(connection, request, units(), tmp_path / "work")
    assert seen.review is not None
    agreed = replace(request, publishes=True, expected=seen.review.etag)
    publish(connection, "addresses", [agency("0000000001", name="Người khác")])
    stale = publish_file(connection, agreed, units(), tmp_path / "work2")
    assert stale.revision is None
    assert stale.review is not None
    fresh = publish_file(connection, replace(agreed, expected=stale.review.etag), units(), tmp_path / "work3")
    assert fresh.revision == 3


def test_rows_that_are_gone_are_noticed(connection: Connection, tmp_path: Path) -> None:
    staged = stage(connection, [agency("0000000001")], tmp_path)
    assert staged.staged is not None
    connection.execute(text(f'TRUNCATE staging."{staged.staged.table}"'))
    with pytest.raises(RowsLostError):
        diff_of(connection, staged)


def test_growing_areas_show_their_lists_in_the_diff(connection: Connection, tmp_path: Path) -> None:
    publish(connection, "growing_areas", [field_of("VN-DNOR-0001", market="CHN", market_valid_from="2024-01-01")])
    again = field_of("VN-DNOR-0001", market="CHN", market_valid_from="2024-01-01", market_valid_to="2027-01-01")
    staged = stage(connection, [again], tmp_path, "growing_areas")
    (row,) = diff_of(connection, staged, register="growing_areas").rows("changed", limit=10)
    shown = {one["field"]: (one["before"], one["after"]) for one in row["fields"]}
    assert shown == {"market_valid_to": (None, "2027-01-01")}


def test_another_officer_cannot_remove_records_outside_the_own_communes(connection: Connection, tmp_path: Path) -> None:
    publish(connection, "addresses", [agency(f"{number:010}") for number in range(1, 4)])
    officer = Actor("cán bộ", (OTHER_COMMUNE,))
    published = send(connection, "addresses", [agency("0000000001")], tmp_path, mode="replace", actor=officer)
    assert (published.revision, published.report.outcome) == (None, "refused")
    assert rows_of(connection, "SELECT count(*) FROM reg.addresses") == [(3,)]
