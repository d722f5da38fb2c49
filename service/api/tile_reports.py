"""Why a layer is slow on the map, or what of it is missing there: measured and counted for officers, now.

The page asks zoom by zoom, so that it can show how far it is. One process measures for one person at a time.
"""

import math
from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection, column, func, select, table

from geodata.absences import absences, explain_absence, publication_policy
from geodata.db import Database
from geodata.errors import ParameterError
from geodata.register import MAX_ZOOM, Register
from service.api.forms import json_response
from service.api.parameters import only, read_whole
from service.api.uploads import PRIVATE
from service.auth.policy import Officer
from service.auth.principal import Principal
from service.deps import DatabaseDep, RegisterDep
from tiles.decoding import read_tile
from tiles.grid import HALF_WORLD_M, TileAddress, parse_tile
from tiles.measuring import measure_tile, measure_zoom

router = APIRouter(include_in_schema=False)

MAX_ID = (1 << 63) - 1


@router.get("/desk/tiles/{collectionId}/zooms/{z}")
def zoom(request: Request, register: RegisterDep, _principal: Officer, database: DatabaseDep) -> Response:
    """Measure a sample of one zoom's tiles, as the public gets them."""
    only(request)
    z = read_whole(request.path_params["z"], "z", least=0, most=MAX_ZOOM)
    with request.app.state.measuring, database.read() as connection:
        return json_response(measure_zoom(connection, register, z), headers=PRIVATE)


@router.get("/desk/tiles/{collectionId}/missing")
def missing(request: Request, register: RegisterDep, principal: Officer, database: DatabaseDep) -> Response:
    """Count what is on no map and say why; invalid shapes are listed, of the officer's communes."""
    only(request)
    with request.app.state.measuring, database.staff(principal.actor) as connection:
        found = absences(connection, register)
    with database.read() as connection:
        revision = _last_revision(connection, register)
    rule = register.tile
    found |= {"revision": revision, "min_zoom": rule.min_zoom, "counts_below": rule.counts_below}
    return json_response(found, headers=PRIVATE)


def _last_revision(connection: Connection, register: Register) -> dict[str, Any] | None:
    revisions = table("revision", column("register"), column("number"), column("published_at"), schema="open")
    own = select(revisions.c.number, revisions.c.published_at).where(revisions.c.register == register.id)
    row = connection.execute(own.order_by(revisions.c.number.desc()).limit(1)).one_or_none()
    return row and dict(row._mapping)


@router.get("/desk/tiles/{collectionId}/why")
def why(request: Request, register: RegisterDep, principal: Officer, database: DatabaseDep) -> Response:
    """Say of one tile (``tile=z/x/y``) or one record (``record=`` code, name, number or UUID) what is shown, and why not."""
    given = only(request, {"tile", "record"})
    if len({"tile", "record"} & given.keys()) != 1:
        raise ParameterError(name="tile", why_vi="cần tile hoặc record, một trong hai.", why_en="give tile or record.")
    with request.app.state.measuring:
        if "tile" in given:
            return json_response(_of_tile(database, register, given["tile"]), headers=PRIVATE)
        return json_response(_of_record(database, register, principal, given["record"].strip()), headers=PRIVATE)


def _of_tile(database: Database, register: Register, text: str) -> dict[str, Any]:
    parts = text.split("/")
    if len(parts) != 3:  # noqa: PLR2004  z, x and y
        raise ParameterError(name="tile", why_vi="có dạng z/x/y, ví dụ 12/3256/1811.", why_en="write it as z/x/y.")
    address = parse_tile(*parts)
    with database.read() as connection:
        measured, _ = measure_tile(connection, register, address)
    if measured.ms is None:
        outcome = "timed_out"
    elif measured.features:
        outcome = "shown"
    elif address.z < register.tile.min_zoom:
        outcome = "below_min_zoom"
    else:
        outcome = "emptied" if measured.revision else "never_filled"
    return {"tile": asdict(measured), "outcome": outcome}


def _of_record(database: Database, register: Register, principal: Principal, text: str) -> dict[str, Any]:
    """Say of a record where it is in the tiles, by zoom, or why it is in none."""
    with database.staff(principal.actor) as connection:
        feature_id = _find(connection, register, text)
        if feature_id is None:
            return {"id": None, "outcome": "unknown", "zooms": []}
        outcome = explain_absence(connection, register, feature_id)
        policy = publication_policy(connection)
    # A record of another commune is seen as everybody sees it.
    with database.read() as connection:
        point = _point(connection, register, feature_id)
        if outcome is None:
            outcome = "elsewhere" if point is None else "shown"
        zooms = (
            [] if point is None else [_at_zoom(connection, register, feature_id, point, z) for z in _zooms(register)]
        )
    return {"id": feature_id, "outcome": outcome, "policy": policy, "min_zoom": register.tile.min_zoom, "zooms": zooms}


def _zooms(register: Register) -> range:
    return range(register.tile.min_zoom, MAX_ZOOM + 1)


def _find(connection: Connection, register: Register, text: str) -> int | None:
    """Return the number of the record that a person means, among those that he may see and those that all may."""
    live = register.table
    names = sorted({register.label, *register.key})
    shown = table(register.id, *(column(name) for name in ("id", "uuid", *names)), schema="open")
    wanted: list[tuple[str, str | int | UUID]] = [(name, text) for name in names]
    if text.isascii() and text.isdigit() and int(text) <= MAX_ID:
        wanted.append(("id", int(text)))
    elif (uuid := _uuid(text)) is not None:
        wanted.append(("uuid", uuid))
    places = [(source, name, value) for source in (live, shown) for name, value in wanted if name in source.c]
    queries = [select(source.c.id).where(source.c[name] == value) for source, name, value in places]
    for query in queries:
        found = connection.scalar(query.order_by("id").limit(1))
        if found is not None:
            return int(found)
    return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _point(connection: Connection, register: Register, feature_id: int) -> tuple[float, float] | None:
    """Return where the tiles have a record, EPSG:3857 metres; None where they have it not."""
    slim = table(f"{register.id}_tile", column("id"), column("point"), schema="open")
    own = select(func.ST_X(slim.c.point), func.ST_Y(slim.c.point)).where(slim.c.id == feature_id)
    row = connection.execute(own).one_or_none()
    return row and (row[0], row[1])


def _at_zoom(
    connection: Connection, register: Register, feature_id: int, point: tuple[float, float], z: int
) -> dict[str, Any]:
    """Look for a record in the tile in which its point lies."""
    size_m = 2 * HALF_WORLD_M / (1 << z)
    x, y = math.floor((point[0] + HALF_WORLD_M) / size_m), math.floor((HALF_WORLD_M - point[1]) / size_m)
    measured, raw = measure_tile(connection, register, TileAddress(z, x, y))
    if measured.ms is None:
        drawn = "timed_out"
    elif register.tile.counts_below is not None and z < register.tile.counts_below:
        drawn = "count" if measured.features else "merged"
    else:
        features = read_tile(raw).get(register.id, [])
        drawn = next((one.kind for one in features if one.id == feature_id), "dropped")
    return {"z": z, "x": x, "y": y, "drawn": drawn, "ms": measured.ms}
