"""How tiles are read from the database: one by one by the service, all of them for an archive."""

from dataclasses import replace

from geodata.db import PUBLIC_ROLE
from service.settings import ServiceSettings
from tiles.connections import PLANNING
from tiles.store import StoreSettings

_MEGABYTE = 1 << 20
_LIMITS = {"statement_timeout": "60000", "idle_in_transaction_session_timeout": "0"}
"""Milliseconds: nobody waits for a single tile of an archive, and the state is held as long as it takes."""


def tile_settings(settings: ServiceSettings) -> StoreSettings:
    """Return how tiles reach the database: as the public role, prepared, without parallel plans."""
    server = {
        "role": PUBLIC_ROLE,
        "statement_timeout": str(settings.read_timeout_ms),
        "default_transaction_read_only": "on",
        "application_name": "bandoso tiles",
        **PLANNING,
    }
    dsn = settings.sqlalchemy_url.replace("+psycopg", "")
    return StoreSettings(dsn, server, settings.tile_pool_size, settings.tile_cache_mb * _MEGABYTE)


def archive_settings(settings: ServiceSettings) -> StoreSettings:
    """Return how the tiles of an archive are read: as those of the service, with more time for each."""
    store = tile_settings(settings)
    return replace(store, server_settings={**store.server_settings, **_LIMITS})
