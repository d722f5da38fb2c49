"""The application: the only place that wires things together."""

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES
from starlette.middleware.trustedhost import TrustedHostMiddleware

from geodata.db import Database
from geodata.exporting import gpkg, xlsx
from geodata.registers import discover
from service import VERSION
from service.api import (
    archives,
    changes,
    collections,
    documents,
    downloads,
    edits,
    exports,
    health,
    items,
    lookup,
    open_data,
    reports,
    reviews,
    revisions,
    rollbacks,
    sessions,
    styles,
    tile_reports,
    tilesets,
    upload_events,
    uploads,
    validation,
)  # fmt: skip
from service.api.forms import json_response
from service.api.parameters import only
from service.api.quick_items import QuickItems
from service.api.tile_events import TileEvents
from service.api.tiles import Receive, Scope, Send, TileApplication
from service.api.upload_events import UploadWatch
from service.auth.policy import public, require_policies
from service.catalogue import Catalogue
from service.compression import Compression
from service.deprecations import DEPRECATED, DeprecationHeaders
from service.ending import at_end_of_process
from service.failpoints import Failpoints
from service.kept_units import KeptUnits
from service.limits import (
    Budget,
    CheckLimitError,
    EditLimitError,
    LookupBudget,
    MeasuringBusyError,
    ReaderSlots,
)
from service.logs import configure_logging
from service.middleware import OPEN, SECURITY, FileLimit, RequestMiddleware
from service.openapi import build_openapi
from service.problems import add_problem_handlers, write_problem
from service.read_budget import PROBES, ReadBudget, ReadLimitError
from service.settings import ServiceSettings
from service.setup import apply_settings
from service.storage import open_storage
from service.tile_access import tile_settings
from service.validators import ContentValidators
from service.web import pages
from tiles.connections import Connections
from tiles.selection import TileSelections
from tiles.store import TileStore

log = structlog.get_logger()

PACKED = (archives.MEDIA_TYPE, gpkg.MEDIA_TYPE, xlsx.MEDIA_TYPE)
"""Media types of files that are sent as they lie: what they hold is compressed, or a download that breaks off goes on."""
mimetypes.add_type(archives.MEDIA_TYPE, ".pmtiles")

routers: list[APIRouter] = [
    collections.router, items.router, edits.router, revisions.router, changes.router, rollbacks.router, exports.router, downloads.router, open_data.router, tilesets.router, archives.router, styles.router, lookup.router,
    uploads.router, reviews.router, reports.router, upload_events.router, validation.router, sessions.router, health.router,
    tile_reports.router, pages.router,
]  # fmt: skip

description = APIRouter(include_in_schema=False)


@description.get("/api", dependencies=[public])
def openapi_document(request: Request) -> Response:
    """Return the OpenAPI 3.0 document."""
    only(request)
    return json_response(request.app.openapi(), media_type=documents.OPENAPI, headers={"Vary": ""})


class Application:
    """Tiles, news of them and plain items go to their own small applications, everything else to FastAPI.

    Attributes
    ----------
    api : FastAPI
        With ``state.database``, ``state.settings``, ``state.catalogue``, ``state.tiles``, ``state.tile_events``.
    """

    def __init__(self, api: FastAPI, tiles: TileApplication, settings: ServiceSettings) -> None:
        self.api = api
        self._tiles = tiles
        largest = {
            "/uploads": FileLimit(settings.upload_max_mb, "BANDOSO_UPLOAD_MAX_MB"),
            "/validate": FileLimit(settings.validate_max_mb, "BANDOSO_VALIDATE_MAX_MB"),
        }
        self._reads = ReadBudget(settings.reads_per_second, settings.reads_burst)
        self._quick = QuickItems(api, api.state.quick, settings)
        self._wrapped = RequestMiddleware(api, largest=largest, is_secure=settings.env == "production")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lifespan."""
        if scope["type"] == "http":
            if wait_s := self._reads.wait_s(scope):
                await _refuse(scope, send, wait_s)
                return
            ready = self._tiles.find_ready(scope)
            if ready is not None:
                status, headers, body = ready
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
            found = TileApplication.owns(scope["path"])
            if found is not None:
                scope["bandoso.tile"] = found
                await self._tiles(scope, receive, send)
                return
            if TileEvents.owns(scope["path"]):
                await self.api.state.tile_events(scope, receive, send)
                return
            if await self._quick.answer(scope, send):
                return
        await self._wrapped(scope, receive, send)


def create_app(settings: ServiceSettings | None = None) -> Application:
    """Build the application.

    Parameters
    ----------
    settings : ServiceSettings, optional
        Read from the environment when not given.

    Raises
    ------
    SettingsError
        When a production service is not configured completely.
    UndeclaredPolicyError
        When a route declares no policy.
    """
    settings = settings or ServiceSettings()
    settings.require_complete()
    configure_logging()
    discover()
    database = Database(settings)
    store = TileStore(tile_settings(settings))
    api = FastAPI(title="bandoso", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    api.state.settings, api.state.database = settings, database
    api.state.catalogue, api.state.tiles = Catalogue(), store
    api.state.selections = TileSelections(store)
    api.state.tile_events = TileEvents(store, settings.effective_policy, settings.tile_listeners)
    api.state.lookups, api.state.units = LookupBudget(), KeptUnits()
    api.state.checks = Budget(settings.validate_per_minute, settings.validate_per_day, CheckLimitError)
    api.state.edits = Budget(settings.edits_per_minute, settings.edits_per_day, EditLimitError)
    api.state.readers = ReaderSlots(settings.validate_readers)
    api.state.measuring = ReaderSlots(1, MeasuringBusyError)
    api.state.storage, api.state.watch = open_storage(settings), UploadWatch(database)
    api.state.failpoints = Failpoints(settings)
    all_routers = [*routers, description]
    require_policies(all_routers)
    api.state.routes = [route for router in all_routers for route in router.routes]
    for router in all_routers:
        api.include_router(router)
    add_problem_handlers(api)
    api.openapi = lambda: build_openapi(api)  # type: ignore[method-assign]  # the framework's own hook
    api.state.quick = _quick_connections(settings)
    if DEPRECATED:
        api.add_middleware(DeprecationHeaders, deprecated=DEPRECATED)
    api.add_middleware(ContentValidators)
    api.add_middleware(Compression, packed=(*DEFAULT_EXCLUDED_CONTENT_TYPES, *PACKED))
    api.add_middleware(_Hosts, allowed_hosts=settings.hosts)
    tiles = TileApplication(store, settings.effective_policy, api.state.selections)
    return Application(api, tiles, settings)


async def _refuse(scope: Scope, send: Send, wait_s: int) -> None:
    status, headers, body = write_problem(scope, ReadLimitError(wait_s=wait_s), "unknown")
    told = [*headers, (b"retry-after", str(wait_s).encode()), *OPEN.items(), *SECURITY.items()]
    await send({"type": "http.response.start", "status": status.value, "headers": told})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class _Hosts(TrustedHostMiddleware):
    """Refuses requests for other hosts; probes ask by address, whatever the service is called."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_probe = scope["type"] == "http" and scope["path"] in PROBES
        await (self.app(scope, receive, send) if is_probe else super().__call__(scope, receive, send))


@asynccontextmanager
async def _lifespan(api: FastAPI) -> AsyncIterator[None]:
    await run_in_threadpool(apply_settings, api.state.settings)
    await api.state.tiles.start()
    at_end_of_process(api.state.watch.end)
    at_end_of_process(api.state.tile_events.end)
    log.info("api starts", storage=api.state.storage.name)
    yield
    await api.state.quick.close()
    await api.state.selections.stop()
    await api.state.tiles.stop()
    api.state.database.dispose()


def _quick_connections(settings: ServiceSettings) -> Connections:
    """Return the connections by which plain requests for items are answered."""
    store = tile_settings(settings)
    return Connections(store.pool_size, store.wait_s, dsn=store.dsn, server_settings=store.server_settings)
