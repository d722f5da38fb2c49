"""Tourism points of the sample commune, published without a file, and their revisions over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shapely import Point
from sqlalchemy import Connection

from geodata.db import Actor
from geodata.history import lock_register
from geodata.registers import get_register
from geodata.units.index import load_units
from tests.geodata.builders import Row, publish, sight
from tests.service.office import Office
from tests.service.people import PLACE, SAMPLE_COMMUNE

SIGHTS = "/collections/tourism_points"
REVISIONS = f"{SIGHTS}/revisions"


def place(name: str, **changes: Any) -> Row:
    """Return a place of the sample commune."""
    return sight(name, **{"commune_code": SAMPLE_COMMUNE, "geom": Point(PLACE), **changes})


def put(office: Office, *rows: Row) -> int:
    """Publish places; return the number of the revision."""
    with office.database.worker() as connection:
        return put_over(connection, *rows)


def put_over(connection: Connection, *rows: Row) -> int:
    """Publish places in the transaction given."""
    index = load_units(connection)
    number = publish(connection, "tourism_points", rows, actor=Actor("ủy ban", None), index=index).revision
    assert number is not None
    return number


@contextmanager
def publishing_of_sights_is_held(office: Office) -> Iterator[Connection]:
    """Hold the lock that every publish of places waits for."""
    with office.database.worker() as connection:
        lock_register(connection, get_register("tourism_points"))
        yield connection


def etag(office: Office) -> dict[str, str]:
    """Return the header that says: the register as it is."""
    return {"if-match": office.client.get(REVISIONS).json()["etag"]}


def latest(office: Office) -> int:
    """Return the number of the latest revision."""
    found: int = office.client.get(REVISIONS).json()["latest"]
    return found
