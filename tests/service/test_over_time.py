"""What changes by itself as days pass, and what may not: ETags, the time in answers, extents in time."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from geodata.db import Database
from geodata.features import read_beginning, read_day
from geodata.registers import discover
from service.app import create_app
from tests.conftest import settings_for

SIGHTS, ADDRESSES = "/collections/tourism_points/items?limit=1000", "/collections/addresses/items"
# A day or two lie between the two, at whatever time.
HERE_FIRST, HERE_LAST = "Pacific/Kiritimati", "Etc/GMT+12"
SLUG = "SELECT slug FROM reg.tourism_points WHERE ocop_stars IS NOT NULL ORDER BY id LIMIT 1"


class Days:
    """A service whose database can be put where another day is."""

    def __init__(self, client: TestClient, database: Database) -> None:
        self.client, self.database = client, database

    def move(self, zone: str) -> None:
        """Let the one connection for reading have the day of a time zone."""
        with self.database.read() as connection:
            connection.execute(text(f"SET timezone TO '{zone}'"))


@pytest.fixture
def days(scratch_sample_url: str) -> Iterator[Days]:
    """A service with one connection for reading, on sample data of the test's own."""
    app: Any = create_app(settings_for(scratch_sample_url, read_pool_size=1))
    with ExitStack() as stack:
        yield Days(stack.enter_context(TestClient(app)), app.api.state.database)


def expire_in(database: Database, zone: str) -> str:
    """Let one OCOP rating be valid up to the day that a time zone has, without a revision; return whose."""
    with database.worker() as connection:
        slug = str(connection.execute(text(SLUG)).scalar_one())
        connection.execute(
            text("UPDATE reg.tourism_points SET ocop_valid_to = (now() AT TIME ZONE :zone)::date WHERE slug = :slug"),
            {"zone": zone, "slug": slug},
        )
    return slug


def stars(answer: Any, slug: str) -> int | None:
    found: int | None = next(
        item["properties"]["ocop_stars"] for item in answer.json()["features"] if item["properties"]["slug"] == slug
    )
    return found


def test_the_etag_changes_on_the_day_that_a_rating_expires(days: Days) -> None:
    slug = expire_in(days.database, HERE_LAST)
    days.move(HERE_LAST)
    before = days.client.get(SIGHTS)
    days.move(HERE_FIRST)
    after = days.client.get(SIGHTS, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]
    assert stars(before, slug) is not None
    assert stars(after, slug) is None


def test_the_etag_of_one_item_changes_on_the_day_that_its_rating_expires(days: Days) -> None:
    slug = expire_in(days.database, HERE_LAST)
    days.move(HERE_LAST)
    (feature,) = days.client.get(f"/collections/tourism_points/items?slug={slug}").json()["features"]
    address = f"/collections/tourism_points/items/{feature['id']}"
    held = {"if-none-match": days.client.get(address).headers["etag"]}
    assert days.client.get(address, headers=held).status_code == 304
    days.move(HERE_FIRST)
    assert days.client.get(address, headers=held).json()["properties"]["ocop_stars"] is None


def test_the_day_changes_no_etag_where_nothing_depends_on_it(days: Days) -> None:
    days.move(HERE_LAST)
    held = {"if-none-match": days.client.get(ADDRESSES).headers["etag"]}
    days.move(HERE_FIRST)
    assert days.client.get(ADDRESSES, headers=held).status_code == 304


def test_only_tourism_points_depend_on_the_day() -> None:
    assert [register.id for register in discover().values() if register.changes_by_day] == ["tourism_points"]


def test_nothing_that_tiles_carry_depends_on_the_day() -> None:
    """Tiles are known by their revision alone."""
    assert not [item for register in discover().values() for item in register.tile_fields if item.changes_by_day]


@pytest.mark.parametrize("path", [ADDRESSES, SIGHTS, "/collections/communes/items"])
def test_under_one_etag_there_is_one_body(client: TestClient, path: str) -> None:
    first, second = client.get(path), client.get(path)
    assert first.headers["etag"] == second.headers["etag"]
    assert first.content == second.content


def test_the_time_of_items_is_that_of_the_latest_revision(client: TestClient, sample_database: Database) -> None:
    with sample_database.read() as connection:
        latest = connection.scalar(text("SELECT max(published_at) FROM open.revision WHERE register = 'addresses'"))
    assert latest is not None
    told = parsedate_to_datetime(client.get(ADDRESSES).headers["last-modified"])
    assert told == latest.astimezone(UTC).replace(microsecond=0)


def test_a_day_ends_when_it_ends_in_vietnam(sample_database: Database) -> None:
    with sample_database.read() as connection:
        here = connection.scalar(text("SELECT (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date"))
        assert read_day(connection) == here


def test_collections_have_an_extent_in_time_where_records_have_validity(client: TestClient) -> None:
    intervals = {
        entry["id"]: entry["extent"].get("temporal", {}).get("interval")
        for entry in client.get("/collections").json()["collections"]
    }
    dated = {name: interval for name, interval in intervals.items() if interval is not None}
    begins = {"provinces": "2025-07-01", "communes": "2025-07-01", "ntm_results": "2022-03-18"}
    assert dated == {name: [[f"{first}T00:00:00Z", None]] for name, first in begins.items()}


def test_a_register_tells_of_the_days_from_the_first_in_force_or_that_of_its_first_revision(
    sample_database: Database,
) -> None:
    with sample_database.read() as connection:
        begins = {register.id: read_beginning(connection, register) for register in discover().values()}
        first = connection.execute(
            text(
                "SELECT register, min(published_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date FROM open.revision GROUP BY 1"
            )
        )
        revisions = {row[0]: row[1] for row in first}
    dated = {"provinces": date(2025, 7, 1), "communes": date(2025, 7, 1), "ntm_results": date(2022, 3, 18)}
    assert begins == {**revisions, **dated}


def test_the_extent_in_time_is_closed_when_nothing_is_in_force_any_more(days: Days) -> None:
    with days.database.worker() as connection:
        connection.execute(text("UPDATE reg.provinces SET valid_to = valid_from + 1"))
        connection.execute(text("UPDATE reg.provinces SET valid_from = '2024-01-01' WHERE code = '01'"))
        connection.execute(text("UPDATE reg.provinces SET valid_to = '2099-01-01' WHERE code = '04'"))
    extent = days.client.get("/collections/provinces").json()["extent"]
    assert extent["temporal"]["interval"] == [["2024-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]]


@pytest.mark.parametrize("name", list(discover()))
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_collection_is_the_same_in_the_list_and_alone(client: TestClient, name: str, lang: str) -> None:
    fresh = TestClient(client.app)
    listed = {entry["id"]: entry for entry in fresh.get(f"/collections?lang={lang}").json()["collections"]}
    assert fresh.get(f"/collections/{name}?lang={lang}").json() == listed[name]
