"""A register that changes: rows of every register, and what may be done to them."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import shapely
from sqlalchemy import Connection, select, text

from geodata.db import SYSTEM
from geodata.history import Counts, announce, lock_register, start_revision
from geodata.refresh import Refresh
from geodata.register import Register
from geodata.removal import remove_records
from tests.geodata.builders import COMMUNE, Row, agency, field_of, household, publish, sight

BOX = shapely.box(108.1, 16.1, 108.10123456789012, 16.1012345678901)


def unit(code: str, **changes: Any) -> Row:
    """Return a province or commune that there is not."""
    return {"code": code, "name": f"Đơn vị {code}", "full_name": f"Đơn vị {code}", "geom": BOX, **changes}


def village(name: str, **changes: Any) -> Row:
    """Return a village known by a point."""
    return {"name": name, "commune_code": COMMUNE, "geom": shapely.Point(108.1, 16.1), **changes}


def _address(at: int, **changes: Any) -> Row:
    made = household if at % 2 else agency
    return made(f"07900000{at:02}", **({"head_name": f"Chủ hộ {at}"} if at % 2 else {}), **changes)


def _commune(at: int, **changes: Any) -> Row:
    return unit(f"9900{at}", province_code="48", valid_from=date(2025, 7, 1), **changes)


def _result(at: int, **changes: Any) -> Row:
    told = {"commune_code": COMMUNE, "commune_name": f"Xã {at}", "period": "2021-2025", "level": "standard"}
    return {**told, "valid_from": date(2024, 1, at), "geom": BOX, **changes}


def _area(at: int, **changes: Any) -> Row:
    market = {"market": "CHN", "market_valid_from": date(2024, 1, at), "market_status": "active"}
    return field_of(f"PUC-{at}", **{**market, **changes})


ROWS: Mapping[str, Callable[..., Row]] = {
    "addresses": _address,
    "communes": _commune,
    "growing_areas": _area,
    "ntm_results": _result,
    "provinces": lambda at, **changes: unit(
        ("02", "03", "05", "06", "07")[at - 1], valid_from=date(2025, 7, 1), **changes
    ),
    "tourism_points": lambda at, **changes: sight(f"Làng {at}", description=f"Mô tả {at}", **changes),
    "villages": lambda at, **changes: village(f"Thôn {at}", household_count=at, **changes),
}
"""Row number ``at`` of each register, always the same record."""

CHANGES: Mapping[str, tuple[Row, Row]] = {
    "addresses": ({"street": "Đường mới", "location_id": "each its own"}, {"house_number": "7"}),
    "communes": ({"legal_note": "Nghị quyết 1"}, {"area_km2": 12.345678901234567}),
    "growing_areas": ({"crop": "Sầu riêng", "market_status": "revoked"}, {"area_ha": 0.1 + 0.2}),
    "ntm_results": ({"subject": "Y tế"}, {"criteria_met": 18}),
    "provinces": ({"legal_note": "Nghị quyết 1"}, {"area_km2": 1234.5}),
    "tourism_points": ({"season_months": [1, 12], "beds": 7}, {"name_en": "Village"}),
    "villages": ({"population": 100}, {"kind": "ban"}),
}
"""Two changes of different fields of a record of each register."""


def rows(register: Register, *numbers: int, **changes: Any) -> list[Row]:
    """Return rows of a register by their numbers; a code among the changes is made each row's own."""
    return [ROWS[register.id](at, **{**changes, **own_code(at, changes)}) for at in numbers]


def own_code(at: int, changes: Mapping[str, Any]) -> dict[str, str]:
    """Return the code of a row that a change gives it."""
    return {"location_id": f"{at:012}"} if "location_id" in changes else {}


def remove(connection: Connection, register: Register, *ids: int) -> int:
    """Remove records as one revision, as a publish does; returns its number."""
    lock_register(connection, register)
    number = start_revision(connection, register, Counts(0, 0, len(ids)), author="system", note=None, upload_id=None)
    connection.execute(text("CREATE TEMP TABLE going (id bigint)"))
    connection.execute(text("INSERT INTO going SELECT unnest(CAST(:ids AS bigint[]))"), {"ids": list(ids)})
    going = select(text("id")).select_from(text("going"))
    remove_records(connection, register, number, going)
    Refresh(connection, register, number).run(going)
    connection.execute(text("DROP TABLE going"))
    announce(connection, register, number)
    return number


def ids_of(connection: Connection, register: Register, revision: int) -> list[int]:
    """Return the ids of the records that a revision touched last."""
    live = register.table
    return list(connection.scalars(select(live.c.id).where(live.c.revision == revision).order_by(live.c.id)))


def put(connection: Connection, register: Register, rows: list[Row]) -> int:
    """Publish rows; returns the number of the revision."""
    number = publish(connection, register.id, rows, actor=SYSTEM).revision
    assert number is not None
    return number
