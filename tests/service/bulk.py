"""Files of open data made at once, for tests."""

from typing import Any

from geodata.db import Database
from geodata.registers import discover
from service.bulk_building import build
from service.bulk_files import Dated, FileFolder
from service.catalogue import Catalogue
from service.settings import ServiceSettings

ADDRESSES, FIELDS, VILLAGES = (discover()[name] for name in ("addresses", "growing_areas", "villages"))


def told(*_: object) -> None:
    """Take no notice."""


def build_now(settings: ServiceSettings, database: Database, register: Any = ADDRESSES) -> Dated:
    """Return the files of a register's present state, made now where another test has not made them."""
    made = build(settings, database, register, told, only_due=False)
    if made is None:
        with database.worker() as connection:
            policy = Catalogue().policy(connection)
        made = FileFolder(settings.files_dir).latest(register.id, policy)
    assert made is not None
    return made
