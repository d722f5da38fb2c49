"""One record made, changed or removed at an officer's request: a revision of one, by the rules of files.

A record is found, compared with what the officer has seen, checked and written under the register's lock and in one
transaction, so of two who change it at once one hears that it has changed. Decision 0032 says why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import shapely
from sqlalchemy import Connection, func, literal, literal_column, select, text

from geodata.db import Actor
from geodata.derived import geometry_names
from geodata.edit_content import (
    Content,
    EditRefusedError,
    Fault,
    Known,
    created,
    fault,
    find_faults,
    replaced,
    single_fields,
    updated,
)
from geodata.errors import FeatureNotFoundError
from geodata.exporting.rows import stored_value
from geodata.features import id_condition, read_feature
from geodata.history import Counts, announce, lock_register, start_revision
from geodata.importing.check import ImportRequest
from geodata.importing.context import WEB_LIMITS
from geodata.importing.geojson import shape_wkb
from geodata.importing.one_row import OneRow, publish_row
from geodata.importing.report import Report
from geodata.reference_systems import CRS84, ReferenceSystem, reference_systems
from geodata.refresh import Refresh
from geodata.register import Register
from geodata.removal import remove_records
from geodata.settings import GeodataSettings
from geodata.units.index import UnitIndex

LOCK_TIMEOUT, STATEMENT_TIMEOUT = "5s", "30s"
"""A request waits so long for who publishes a file; longer ones are answered that it may come again."""

_COMMUNE = "commune_code"


@dataclass(frozen=True)
class Editor:
    """Who edits a register, and what is needed for it.

    Attributes
    ----------
    connection : Connection
        Of the worker role, in a transaction of the request's own.
    units : UnitIndex
    note : str, optional
        Kept with the revision.
    system : ReferenceSystem
        Of the geometry that is given; CRS84 unless said otherwise.
    """

    connection: Connection
    register: Register
    actor: Actor
    units: UnitIndex
    note: str | None = None
    system: ReferenceSystem = field(default_factory=lambda: reference_systems()[CRS84])
    settings: GeodataSettings = field(default_factory=GeodataSettings)


@dataclass(frozen=True)
class State:
    """One state of a record, told from all others it ever had.

    Attributes
    ----------
    revision : int
        The one that made it.
    updated_at : datetime
        Tells it from the state of the same number that another database had, before a restore for one.
    """

    uuid: UUID
    revision: int
    updated_at: datetime


@dataclass(frozen=True)
class Edited:
    """What became of a request.

    Attributes
    ----------
    state : State or None
        Of the record now; None where it is gone.
    revision : int or None
        None where nothing changed.
    feature : str or None
        As everybody may read it now; None where nobody may.
    """

    uuid: UUID
    state: State | None
    revision: int | None
    feature: str | None = None


Condition = Callable[[State], None]
"""Is given the state of a record, and raises where it is not what the officer has seen."""


@dataclass(frozen=True)
class _Held(Known):
    """A record as it is."""

    id: int = 0
    state: State = field(default_factory=lambda: State(UUID(int=0), 0, datetime.min))  # noqa: DTZ901  never read
    wkb: bytes | None = None


def create(editor: Editor, content: Content) -> Edited:
    """Make a record.

    Raises
    ------
    EditRefusedError
    """
    register = editor.register
    lock_register(editor.connection, register)
    _refuse(find_faults(register, content.properties, Known()))
    texts = created(register, content)
    wkb, problem = enter_place(content.geometry, editor.system) if content.geometry is not None else (None, None)
    return _publish(editor, OneRow(texts, tuple(texts), wkb, problem))


def replace_record(editor: Editor, feature_id: str, content: Content, condition: Condition) -> Edited:
    """Replace what everybody may read of a record; see `geodata.edit_content.replaced`.

    Raises
    ------
    FeatureNotFoundError, EditRefusedError
        And what the condition raises.
    """
    held = _hold(editor, feature_id, condition)
    _refuse(find_faults(editor.register, content.properties, held))
    return _change(editor, held, content, replaced(editor.register, content, held))


def update_record(editor: Editor, feature_id: str, patch: Content, condition: Condition) -> Edited:
    """Change the fields and the place that a merge patch (RFC 7396) names.

    Raises
    ------
    FeatureNotFoundError, EditRefusedError
        And what the condition raises.
    """
    held = _hold(editor, feature_id, condition)
    _refuse(find_faults(editor.register, patch.properties, held))
    if patch.geometry is not None:
        place = {**((held.shown or {}).get("geometry") or {}), **patch.geometry}
        patch = replace(patch, geometry={name: value for name, value in place.items() if value is not None})
    return _change(editor, held, patch, updated(editor.register, patch.properties, held))


def remove(editor: Editor, feature_id: str, condition: Condition) -> Edited:
    """Remove a record; undoing the revision brings it back.

    Raises
    ------
    FeatureNotFoundError
        And what the condition raises.
    """
    held = _hold(editor, feature_id, condition)
    connection, register = editor.connection, editor.register
    commune = held.values.get(_COMMUNE)
    number = start_revision(
        connection, register, Counts(0, 0, 1), author=editor.actor.name, note=editor.note, upload_id=None,
        communes=[commune] if commune else None,
    )  # fmt: skip
    ids = select(literal(held.id).label("id"))
    remove_records(connection, register, number, ids)
    Refresh(connection, register, number).run(ids)
    announce(connection, register, number)
    return Edited(held.state.uuid, None, number)


def enter_place(geometry: Mapping[str, Any], system: ReferenceSystem) -> tuple[bytes | None, str | None]:
    """Read the geometry of a request: WKB in WGS 84, and what is wrong with it; the one way in for places.

    Parameters
    ----------
    geometry : mapping
        GeoJSON, with coordinates as the system writes them.
    system : ReferenceSystem
    """
    wkb, problem = shape_wkb(geometry, WEB_LIMITS.max_vertices)
    if wkb is None or system.is_lon_lat:
        return wkb, problem
    return shapely.to_wkb(system.read(shapely.from_wkb(wkb))), problem


def bound_waits(connection: Connection) -> None:
    """Let no statement of this transaction wait or work for long; the database says so, and it may be tried again."""
    for name, value in (("lock_timeout", LOCK_TIMEOUT), ("statement_timeout", STATEMENT_TIMEOUT)):
        connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise EditRefusedError(faults)


def _hold(editor: Editor, feature_id: str, condition: Condition) -> _Held:
    """Take the lock and find the record; one of a commune that is not the officer's is as good as none."""
    register, live = editor.register, editor.register.table
    lock_register(editor.connection, register)
    own = id_condition(live, feature_id)
    shapes: list[Any] = [literal_column(f"{live.fullname}.{name}") for name in geometry_names(register)]
    shape = shapes[0] if len(shapes) == 1 else func.coalesce(*shapes)
    fields = [stored_value(register, item).label(item.name) for item in single_fields(register).values()]
    names = [live.c[name].label(f"_{name}") for name in ("id", "uuid", "revision", "updated_at")]
    statement = select(*names, func.ST_AsBinary(shape, "NDR").label("_wkb"), *fields)
    row = None if own is None else editor.connection.execute(statement.where(own)).mappings().one_or_none()
    if row is None or (register.is_in_communes and not editor.actor.may_change(row.get(_COMMUNE))):
        raise FeatureNotFoundError(feature=feature_id[:60])
    state = State(row["_uuid"], row["_revision"], row["_updated_at"])
    condition(state)
    values = {name: value for name, value in row.items() if not name.startswith("_")}
    shown = _read(editor, state.uuid)
    wkb = None if row["_wkb"] is None else bytes(row["_wkb"])
    return _Held(values, None if shown is None else orjson.loads(shown), row["_id"], state, wkb)


def _read(editor: Editor, uuid: UUID) -> str | None:
    try:
        return str(read_feature(editor.connection, editor.register, str(uuid)).feature)
    except FeatureNotFoundError:
        return None


def _change(editor: Editor, held: _Held, content: Content, texts: dict[str, str | None]) -> Edited:
    """Publish what becomes of a record; of its place only what is another one than before."""
    moves = content.tells_place and content.geometry != (held.shown or {}).get("geometry")
    wkb: bytes | None = None
    problem: str | None = None
    if moves and content.geometry is None and held.wkb is not None:
        _refuse([fault("GEOM_MISSING", "geometry")])
    elif moves and content.geometry is not None:
        wkb, problem = enter_place(content.geometry, editor.system)
    if _COMMUNE in texts:
        stated, before = content.properties.get(_COMMUNE), held.values[_COMMUNE]
        follows = stated is None and wkb is not None and before in editor.units.boundaries
        texts[_COMMUNE] = None if follows else (stated or before)
        if wkb is None and problem is None and stated not in {None, before}:
            wkb = held.wkb
    row = OneRow(texts, tuple(single_fields(editor.register).keys() | texts.keys()), wkb, problem, held.state.uuid)
    return _publish(editor, row, held)


def _publish(editor: Editor, row: OneRow, held: _Held | None = None) -> Edited:
    connection, register = editor.connection, editor.register
    request = ImportRequest(
        Path(), "", register, editor.actor, mode="edit", note=editor.note, settings=editor.settings
    )  # fmt: skip
    published = publish_row(connection, request, editor.units, row)
    _refuse(_faults(register, published.report))
    if published.revision is None:
        assert held is not None
        shown = None if held.shown is None else _read(editor, held.state.uuid)
        return Edited(held.state.uuid, held.state, None, shown)
    live = register.table
    written = select(live.c.uuid, live.c.revision, live.c.updated_at)
    # Ids count up, and nobody else takes any meanwhile: a new record has the last one.
    newest = written.order_by(live.c.id.desc()).limit(1)
    state = State(*connection.execute(newest if held is None else written.where(live.c.id == held.id)).one())
    return Edited(state.uuid, state, published.revision, _read(editor, state.uuid))


def _faults(register: Register, report: Report) -> list[Fault]:
    """Return the errors of a report; where a code's scheme is named there, its field is here."""
    schemes = {item.scheme: item.name for item in register.code_fields}
    return [
        {
            "field": schemes.get(message["column"], message["column"]) or "geometry",
            **{part: message[part] for part in ("code", "vi", "en", "remedy")},
            **({"place": message["place"]} if message["place"] else {}),
        }
        for message in report.messages
        if message["level"] == "error"
    ]
