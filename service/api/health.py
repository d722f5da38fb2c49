"""Whether the service lives, is ready, and how it is doing."""

import ipaddress
import os

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import text
from starlette.exceptions import HTTPException

from service.api.forms import json_response
from service.api.parameters import only
from service.auth.policy import public
from service.deps import DatabaseDep

router = APIRouter(tags=["Health"], include_in_schema=False)

NO_STORE = {"Cache-Control": "no-store"}


@router.get("/healthz", dependencies=[public])
async def healthz(request: Request) -> Response:
    """Say that the process answers; asks nothing else."""
    only(request)
    return json_response({"status": "ok"}, headers=NO_STORE)


@router.get("/readyz", dependencies=[public])
def readyz(request: Request, database: DatabaseDep) -> Response:
    """Say whether the database answers and is migrated; 503 otherwise."""
    only(request)
    with database.read() as connection:
        policy = connection.scalar(text("SELECT policy FROM open.publication_policy"))
    return json_response({"status": "ready" if policy else "no policy"}, headers=NO_STORE)


@router.get("/metrics", dependencies=[public])
def metrics(request: Request) -> Response:
    """Return the figures of all processes for Prometheus; only to this machine and private networks."""
    host = request.client.host if request.client else ""
    if not _is_inside(host) or "x-forwarded-for" in request.headers:
        raise HTTPException(404)
    only(request)
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # untyped upstream
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST, headers=NO_STORE)


def _is_inside(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False
