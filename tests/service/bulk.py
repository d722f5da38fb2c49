"""Files of open data made at once, for tests."""

from typing import Any

from geodata.db import Database
from geodata.registers import discover
from service.bulk_building import build
from service.bulk_files import Dated
from service.settings import ServiceSettings

ADDRESSES, FIELDS, VILLAGES = (discover()[name] for name in ("addresses", "growing_areas", "villages"))


def told(*_: object) -> None:
    """Take no notice."""


def build_now(settings: ServiceSettings, database: Database, register: Any = ADDRESSES) -> Dated:
    """Make the files of a register, whether or not they are due."""
    made = build(settings, database, register, told, only_due=False)
    assert made is not None
    return made
