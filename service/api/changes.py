"""What changed in all registers: events in the order of transactions, and whole states to begin with."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from geodata.changes import (
    AFTER_ALL,
    ChangesQuery,
    Event,
    Position,
    first_and_latest,
    read_events,
    read_state,
    revision_at,
)
from geodata.db import Database
from geodata.errors import ParameterError
from geodata.features import read_day
from geodata.register import Register
from geodata.registers import discover, get_register
from service.api.atom import list_entries, write_feed
from service.api.cursors import read_place, write_place
from service.api.forms import VARY, VARY_BY_LANGUAGE, etag_of, is_unchanged, json_response, link, pick_form, unchanged
from service.api.parameters import only, read_whole
from service.auth.policy import public
from service.catalogue import Catalogue
from service.deps import CatalogueDep, DatabaseDep, SettingsDep, base_url
from service.web.i18n import pick_language
from service.web.rendering import render

router = APIRouter(tags=["Changes"])

NDJSON = "application/x-ndjson"
DEFAULT_LIMIT, MAX_LIMIT = 100, 1000
BATCH = 1000
MAX_NUMBER = (1 << 62) - 1
_UNIT = re.compile(r"[0-9]{2}|[0-9]{5}")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where the feed stands.

    Attributes
    ----------
    mark : str
        Of the database and of what is public in it: where it differs, numbers mean something else.
    by_day : list of str
        Registers of which some values are public until a day; they are to be taken anew when ``day`` changes.
    kept_since : str or None
        When the first transaction was.
    """

    mark: str
    first: int
    latest: int
    kept_since: str | None
    day: str
    by_day: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return them as the feed shows them."""
        return {name: getattr(self, name) for name in self.__slots__}


def read_numbers(connection: Connection, catalogue: Catalogue) -> Numbers:
    """Read where the feed stands."""
    first, latest, since = first_and_latest(connection)
    by_day = [register.id for register in discover().values() if register.changes_by_day]
    mark = f"{catalogue.mark(connection)}-{_declared()}"
    return Numbers(mark, first, latest, since.isoformat() if since else None, read_day(connection).isoformat(), by_day)


def _declared() -> str:
    """Return a short mark of which fields are public: an update may show more or fewer."""
    shown = [
        [register.id, *(item.name for item in register.public_fields), *(side.name for side in register.lists)]
        for register in discover().values()
    ]
    return hashlib.sha256(orjson.dumps(shown)).hexdigest()[:8]


def read_unit(given: Mapping[str, str]) -> str | None:
    """Read the code of a commune or province.

    Raises
    ------
    ParameterError
    """
    unit = given.get("unit")
    if unit is None or _UNIT.fullmatch(unit):
        return unit
    raise ParameterError(
        name="unit", why_vi="mã xã có 5 chữ số, mã tỉnh có 2.", why_en="a commune has 5 digits, a province 2."
    )


def read_registers(given: Mapping[str, str]) -> tuple[Register, ...]:
    """Read the registers asked for, comma separated; all where none is named.

    Raises
    ------
    UnknownRegisterError
    """
    names = given["register"].split(",") if "register" in given else list(discover())
    return tuple(get_register(name) for name in dict.fromkeys(names))


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    return min(read_whole(given.get(name, str(default)), name, least=0), MAX_NUMBER)


@router.get("/changes", dependencies=[public], summary="Changes of all collections")
def changes(request: Request, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep) -> Response:
    """Return events in the order of transactions: what each record was before and after, as far as it is public."""
    given = only(request, {"register", "unit", "since", "until", "limit", "cursor"}, ("json", "html", "ndjson"))
    asked = _asked(given, settings.signing_key)
    form = "ndjson" if given.get("f") == "ndjson" or NDJSON in request.headers.get("accept", "") else pick_form(request)
    with database.read() as connection:
        numbers = read_numbers(connection, catalogue)
        parts = (numbers.latest, numbers.mark, numbers.day, catalogue.policy(connection))
        etag = etag_of(*parts, request.url, base_url(request), form, pick_language(request))
        if is_unchanged(request, etag):
            return unchanged(etag)
        asked = replace(asked, until=min(asked.until, numbers.latest))
        events, position = read_events(connection, asked)
    following = None if position is None else write_place([position.transaction, position.id, asked.until], "changes", settings.signing_key)  # fmt: skip
    links = _links(request, following)
    head = {"numbers": {**numbers.as_dict(), "until": asked.until}, "cursor": following, "links": links}
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": VARY}
    shown = [_shown(event, base_url(request)) for event in events]
    if form == "html":
        page = render(request, "changes.html", {**head, "events": shown, "registers": _titles(request)})
        page.headers.update(headers)
        return page
    if form == "ndjson":
        lines = b"".join(orjson.dumps(one) + b"\n" for one in (head, *shown))
        return Response(lines, media_type=NDJSON, headers=headers)
    return json_response({**head, "events": shown}, headers=headers)


def _asked(given: Mapping[str, str], key: bytes) -> ChangesQuery:
    limit = min(read_whole(given.get("limit", str(DEFAULT_LIMIT)), "limit", least=1), MAX_LIMIT)
    after, until = Position(_number(given, "since", 0)), _number(given, "until", MAX_NUMBER)
    if "cursor" in given:
        transaction, number, until = read_place(given["cursor"], "changes", key)
        after = Position(transaction, number)
    return ChangesQuery(read_registers(given), after, until, limit, read_unit(given))


def _titles(request: Request) -> dict[str, str]:
    language = pick_language(request)
    return {register.id: register.title.in_language(language) for register in discover().values()}


def _links(request: Request, cursor: str | None) -> list[dict[str, str]]:
    at = f"{base_url(request)}{request.url.path}"
    given = dict(request.query_params.items())
    links = [link(f"{at}?{urlencode(given)}".rstrip("?"), "self", "application/json")]
    of = {name: value for name, value in given.items() if name in {"unit", "register"}}
    links.append(
        link(f"{base_url(request)}/changes.atom?{urlencode(of)}".rstrip("?"), "alternate", "application/atom+xml")
    )
    if cursor is not None:
        kept = {name: value for name, value in given.items() if name not in {"since", "until", "cursor"}}
        links.append(link(f"{at}?{urlencode({**kept, 'cursor': cursor})}", "next", "application/json"))
    return links


def _shown(event: Event, base: str) -> dict[str, Any]:
    return {
        "transaction": event.transaction, "register": event.register, "revision": event.revision,
        "published_at": event.published_at.isoformat(), "kind": event.kind, "number": event.number, "id": event.id,
        "unit": event.unit, "before": _loaded(event.before), "after": _loaded(event.after),
        "revision_url": f"{base}/collections/{event.register}/revisions/{event.revision}",
    }  # fmt: skip


def _loaded(feature: str | None) -> Any:
    return None if feature is None else orjson.loads(feature)


@router.get("/changes/snapshot", dependencies=[public], summary="A collection as of a transaction")
def snapshot(request: Request, database: DatabaseDep, catalogue: CatalogueDep) -> Response:
    """Return all public records of one collection as they were after a transaction, a line each, by their numbers."""
    given = only(request, {"register", "number", "unit"}, ("json", "html", "ndjson"))
    if "register" not in given:
        raise ParameterError(name="register", why_vi="cần một lớp dữ liệu.", why_en="it takes one collection.")
    register, unit = get_register(given["register"]), read_unit(given)
    with database.read() as connection:
        numbers = read_numbers(connection, catalogue)
        number = min(_number(given, "number", numbers.latest), numbers.latest)
        revision = revision_at(connection, register, number)
        policy = catalogue.policy(connection)
    head = {"mark": numbers.mark, "day": numbers.day, "register": register.id, "unit": unit, "transaction": number, "revision": revision}  # fmt: skip
    etag = etag_of(*head.values(), policy, numbers.latest)
    if is_unchanged(request, etag):
        return unchanged(etag, "")
    lines = _lines(database, catalogue, register, head, (numbers.mark, numbers.day, policy))
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    return StreamingResponse(lines, media_type=NDJSON, headers=headers)


def _lines(
    database: Database, catalogue: Catalogue, register: Register, head: dict[str, Any], state: tuple[str, ...]
) -> Iterator[bytes]:
    """Yield the lines of a state; the last says that it is whole, and is missing where others may be seen now."""
    yield orjson.dumps(head) + b"\n"
    count, after = 0, 0 if head["revision"] else None
    while after is not None:
        with database.read() as connection:
            page = read_state(connection, register, head["revision"], after=after, limit=BATCH, unit=head["unit"])
        count, after = count + len(page.rows), page.last_id
        yield b"".join(
            b'{"number":%d,"feature":%b}\n' % (row.id, orjson.dumps(orjson.loads(row.feature))) for row in page.rows
        )
    with database.read() as connection:
        numbers = read_numbers(connection, catalogue)
        is_so = state == (numbers.mark, numbers.day, catalogue.policy(connection))
    if is_so:
        yield orjson.dumps({"count": count}) + b"\n"


_NEWEST, _ENTRIES = 100, 30


@router.get("/changes.atom", dependencies=[public], summary="Changes as an Atom feed")
def atom(request: Request, database: DatabaseDep, catalogue: CatalogueDep, settings: SettingsDep) -> Response:
    """Return the latest revisions that changed something of a commune, or of all, as a feed for readers of news."""
    given = only(request, {"register", "unit"})
    registers, unit = read_registers(given), read_unit(given)
    with database.read() as connection:
        numbers = read_numbers(connection, catalogue)
        etag = etag_of(numbers.latest, numbers.mark, catalogue.policy(connection), request.url, base_url(request), pick_language(request))  # fmt: skip
        if is_unchanged(request, etag):
            return unchanged(etag, VARY_BY_LANGUAGE)
        every = ChangesQuery(registers, Position(0, AFTER_ALL), numbers.latest, MAX_LIMIT, unit)
        entries = list_entries(connection, every, _NEWEST, _ENTRIES)
    title = settings.title_en if pick_language(request) == "en" else settings.title_vi
    body = write_feed(entries, base=base_url(request), asked=given, title=title, language=pick_language(request))
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": VARY_BY_LANGUAGE}
    return Response(body, media_type="application/atom+xml", headers=headers)
