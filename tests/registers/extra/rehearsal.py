"""The life of a register that the product does not know, in a process of its own: what the test looks at, as JSON.

``python -m tests.registers.extra.rehearsal FOLDER`` with the database in ``DATABASE_URL``; FOLDER holds
``facilities.csv``.
"""

import json
import sys
from base64 import b64encode
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine, text
from starlette.testclient import TestClient

from geodata.db import SYSTEM, Database
from geodata.importing.check import ImportRequest
from geodata.importing.publish import import_file, settle
from geodata.registers import add_register, get_register, load_registers
from service.app import create_app
from service.settings import ServiceSettings
from tests.registers import extra
from tests.registers.extra import migration

ROOT = Path(__file__).parents[3]
PAGES = {
    "collections": "/collections",
    "collection": "/collections/facilities",
    "items": "/collections/facilities/items",
    "loudspeakers": "/collections/facilities/items?kind=loudspeaker",
    "by_phone": "/collections/facilities/items?phone=0912345678",
    "queryables": "/collections/facilities/queryables",
    "schema": "/collections/facilities/schema",
    "tilejson": "/tiles/facilities.json",
    "style": "/styles/map.json?layers=facilities",
    "search": "/search?q=nha+van+hoa",
    "registers": "/registers",
}
TILES = {"point": "/tiles/facilities/14/13014/7250.mvt", "counts": "/tiles/facilities/10/813/453.mvt"}


def migrate(settings: ServiceSettings) -> None:
    """Apply the migration, then let Alembic compare the database with the declarations (raises where they differ)."""
    with create_engine(settings.sqlalchemy_url, poolclass=NullPool).connect() as connection:
        migration.upgrade(connection)
        connection.commit()
        config = Config(ROOT / "alembic.ini", stdout=sys.stderr)
        config.attributes["connection"] = connection
        command.check(config)


def publish(settings: ServiceSettings, path: Path) -> list[dict[str, Any]]:
    """Import the file twice, and make what tiles are read from."""
    database = Database(settings)
    request = ImportRequest(path, path.name, get_register("facilities"), SYSTEM)
    found = [import_file(database, request) for _ in range(2)]
    settle(database)
    database.dispose()
    return [{"revision": one.revision, "counts": asdict(one.counts), "report": one.report.as_dict()} for one in found]


def finished(settings: ServiceSettings) -> dict[str, str]:
    """Return the layers of counts that are kept, by zoom, column and row."""
    with Database(settings) as database, database.read() as public:
        rows = public.execute(text("SELECT z, x, y, mvt FROM open.facilities_finished")).all()
    return {f"{z}/{x}/{y}": b64encode(mvt).decode() for z, x, y, mvt in rows}


def visit(settings: ServiceSettings) -> dict[str, Any]:
    """Ask the shipped application for everything it makes of a register."""
    with TestClient(create_app(settings)) as client:
        pages = {name: client.get(path, headers={"Accept": "application/json"}) for name, path in PAGES.items()}
        tiles = {name: client.get(path) for name, path in TILES.items()}
    return {
        "status": {name: answer.status_code for name, answer in (pages | tiles).items()},
        "pages": {name: answer.json() for name, answer in pages.items()},
        "tiles": {name: b64encode(answer.content).decode() for name, answer in tiles.items()},
    }


def main(folder: Path) -> None:
    """Go through the register's life and print what was seen."""
    for register in load_registers(extra):
        add_register(register)
    settings = ServiceSettings(var_dir=folder / "var")
    migrate(settings)
    seen = {
        "published": publish(settings, folder / "facilities.csv"),
        **visit(settings),
        "finished": finished(settings),
    }
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
