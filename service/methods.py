"""Which methods an address takes: what 405 and a browser's OPTIONS are told."""

from collections.abc import Iterable

from fastapi import Request
from starlette.routing import BaseRoute, Match

from service.middleware import PREFLIGHT, PRIVATE_PATHS

FOR_OTHER_SITES = {"GET", "HEAD"}


def allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes at a request's address; the framework names those of one route alone."""
    routes: Iterable[BaseRoute] = request.app.state.routes
    there = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    found = {method for route in there for method in getattr(route, "methods", None) or ()}
    if "GET" in found:
        found.add("HEAD")  # the middleware answers it wherever a route answers GET
    return sorted(found)


def preflight_headers(request: Request) -> dict[str, str] | None:
    """Return what a browser is told that asks for a script of another site; None where only our own may come."""
    methods = allowed_methods(request)
    if request.method != "OPTIONS" or request.url.path.startswith(PRIVATE_PATHS) or not FOR_OTHER_SITES & set(methods):
        return None
    return {**PREFLIGHT, "Allow": ", ".join(methods)}
