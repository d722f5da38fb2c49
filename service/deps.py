"""What routes ask the app for."""

from typing import Annotated

from fastapi import Depends, Path, Request

from geodata.db import Database
from geodata.register import Register
from geodata.registers import get_register
from service.catalogue import Catalogue
from service.settings import ServiceSettings


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _settings(request: Request) -> ServiceSettings:
    settings: ServiceSettings = request.app.state.settings
    return settings


def _catalogue(request: Request) -> Catalogue:
    catalogue: Catalogue = request.app.state.catalogue
    return catalogue


def _register(collection_id: Annotated[str, Path(alias="collectionId", description="Id of a collection")]) -> Register:
    return get_register(collection_id)


DatabaseDep = Annotated[Database, Depends(_database)]
SettingsDep = Annotated[ServiceSettings, Depends(_settings)]
CatalogueDep = Annotated[Catalogue, Depends(_catalogue)]
RegisterDep = Annotated[Register, Depends(_register)]


_BASE = "bandoso.base_url"
"""Key of a request's scope: the service's own origin, once it has been asked for."""


def base_url(request: Request) -> str:
    """Return the service's own origin, without a final slash: as configured, else as the request has it."""
    found: str | None = request.scope.get(_BASE)
    if found is None:
        settings: ServiceSettings = request.app.state.settings
        found = request.scope[_BASE] = (settings.public_url or str(request.base_url)).rstrip("/")
    return found
