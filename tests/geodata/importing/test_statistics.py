"""A large file is matched in a moment, whatever the planner had been told of the register."""

from typing import Any

import numpy as np
from shapely import Point
from sqlalchemy import make_url, text

from geodata.db import Database
from tests.conftest import Server, settings_for
from tests.geodata.builders import agency, publish, rows_of

COUNT = 20_000
_FORGET = """UPDATE pg_class SET reltuples = 10, relpages = pg_relation_size(oid) / 8192
    WHERE relnamespace = 'reg'::regnamespace AND relkind = 'r' AND relname LIKE 'address%'"""
"""What autovacuum notes of tables that somebody has filled and has not committed yet: hardly a row on so many pages."""


def moved(step: float) -> list[dict[str, Any]]:
    east, north = np.divmod(np.arange(COUNT), 200)
    places = np.column_stack([108 + east * 1e-3 + step, 16 + north * 1e-3])
    return [agency(f"1{at:09}", geom=Point(*place)) for at, place in enumerate(places)]


def test_wrong_statistics_do_not_make_matching_slow(server: Server, scratch_url: str) -> None:
    with Database(settings_for(scratch_url)) as database:
        for rows in ([agency("0000000001")], moved(0)):
            with database.worker() as connection:
                publish(connection, "addresses", rows)
        with server.administrator(make_url(scratch_url).database or "") as administrator:
            administrator.execute(_FORGET)
        with database.worker() as connection:
            # One pair after the other it would be minutes.
            connection.execute(text("SET LOCAL statement_timeout = '10s'"))
            publish(connection, "addresses", moved(1e-4))
            found = rows_of(connection, "SELECT added, changed FROM ops.revision WHERE number = 3")
    assert found == [(0, COUNT)]
