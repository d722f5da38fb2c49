"""An installation from before areas were simplified together gets its copies drawn anew, once."""

from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text

from geodata.db import Database
from service import setup
from tests.conftest import ROOT, settings_for
from tests.geodata.builders import publish
from tests.geodata.series import unit
from tests.tiles.patchwork import patchwork, walk

COMMUNES = patchwork(108.0, 16.0, 0.1, 2, seed=1)
BOX = (108.0, 16.0, 108.1, 16.1)


def take_update_back_and_apply_it_again(url: str) -> None:
    config = Config(ROOT / "alembic.ini")
    before = ScriptDirectory.from_config(config).get_revision("0016").down_revision
    with create_engine(url, poolclass=NullPool).connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, before)
        connection.execute(
            text(
                "UPDATE reg.communes_tile SET geom_mid = ST_Multi(ST_SimplifyPreserveTopology(geom, 20)), "
                "geom_low = ST_Multi(ST_SimplifyPreserveTopology(geom, 300)) WHERE code = '99102'"
            )
        )
        connection.commit()
        command.upgrade(config, "head")
        connection.commit()


def copies(connection: Connection) -> list[Any]:
    query = "SELECT id, ST_AsBinary(geom_mid), ST_AsBinary(geom_low) FROM reg.communes_tile ORDER BY id"
    return [tuple(row) for row in connection.execute(text(query))]


def test_an_update_draws_the_areas_anew_once(scratch_url: str) -> None:
    settings = settings_for(scratch_url)
    with Database(settings) as database:
        with database.worker() as connection:
            publish(
                connection,
                "communes",
                [unit(f"9910{at}", geom=shape, province_code="48") for at, shape in enumerate(COMMUNES)],
            )
            wanted = copies(connection)
        take_update_back_and_apply_it_again(scratch_url)
        with database.worker() as connection:
            assert copies(connection) != wanted
            before = walk(connection, ["communes"], BOX)
        assert setup.redraw_areas(settings) == {"communes": 3}
        with database.worker() as connection:
            assert copies(connection) == wanted
            after = walk(connection, ["communes"], BOX)
        changed = {tile for tile in after if after[tile][1] != before[tile][1]}
        assert changed
        assert all(after[tile][0] > before[tile][0] for tile in changed)
        assert setup.redraw_areas(settings) == {}
