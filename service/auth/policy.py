"""Policies of routes. Every route declares one; an app with a route that declares none does not start."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute

from geodata.db import Actor
from geodata.errors import GeodataError
from service.auth.accounts import principal_of_key, principal_of_session
from service.auth.principal import ANYBODY, Principal

COOKIE = "bandoso_session"
CSRF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

F = TypeVar("F", bound=Callable[..., Any])

_POLICIES: set[Callable[..., Any]] = set()


class NotSignedInError(GeodataError):
    """The request needs an account and carries none that is valid."""

    code = "NOT_SIGNED_IN"
    vi_template = "Cần đăng nhập hoặc gửi khóa API hợp lệ."
    en_template = "Sign in, or send a valid API key."


class ForbiddenError(GeodataError):
    """The account may not do this."""

    code = "FORBIDDEN"
    vi_template = "Tài khoản không có quyền này."
    en_template = "The account has no right to this."


class CsrfError(GeodataError):
    """An unsafe request of a browser lacks the proof that our own page sent it."""

    code = "CSRF"
    vi_template = "Thiếu hoặc sai tiêu đề X-CSRF-Token."
    en_template = "The header X-CSRF-Token is missing or wrong."


class KeyInAddressError(GeodataError):
    """A key was sent in the address, where logs would keep it."""

    code = "KEY_IN_ADDRESS"
    vi_template = "Không gửi khóa trong địa chỉ. Dùng tiêu đề Authorization: Bearer …"
    en_template = "Do not send a key in the address. Use the header Authorization: Bearer …"


def policy(function: F) -> F:
    """Mark a dependency as a policy."""
    _POLICIES.add(function)
    return function


def identify(request: Request) -> Principal:
    """Find out who makes a request, from its key or its cookie."""
    if "api_key" in request.query_params:
        raise KeyInAddressError
    state = request.app.state
    found: Principal | None
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    cookie = request.cookies.get(COOKIE)
    if scheme.lower() == "bearer" and key:
        with state.database.staff(Actor("sign-in")) as connection:
            found = principal_of_key(connection, key.strip())
    elif cookie:
        with state.database.staff(Actor("sign-in")) as connection:
            idle: int = state.settings.session_idle_minutes
            found = principal_of_session(connection, cookie, idle)
    else:
        return ANYBODY
    if found is None:
        raise NotSignedInError
    if found.csrf is not None and request.method not in SAFE_METHODS:
        _require_csrf(request, found.csrf)
    return found


def _require_csrf(request: Request, expected: str) -> None:
    if request.headers.get(CSRF_HEADER) != expected:
        raise CsrfError


@policy
def _anybody() -> None:
    """Let everybody in; the request's credentials are not even looked at."""


@policy
def _visitor(request: Request) -> Principal:
    """Let everybody in, and say who it is; a browser whose session has ended is anybody's."""
    try:
        return identify(request)
    except NotSignedInError:
        if "authorization" in request.headers:
            raise
        return ANYBODY


@policy
def _officer(request: Request) -> Principal:
    """Let in who is signed in."""
    principal = identify(request)
    if principal is ANYBODY:
        raise NotSignedInError
    return principal


@policy
def _uploader(request: Request) -> Principal:
    """Let in who may upload: an officer in a browser, or a key with that right."""
    principal = _officer(request)
    if "upload" not in principal.scopes:
        raise ForbiddenError
    return principal


@policy
def _editor(request: Request) -> Principal:
    """Let in who may edit single items: an officer in a browser, or a key with that right."""
    principal = _officer(request)
    if "edit" not in principal.scopes:
        raise ForbiddenError
    return principal


public = Depends(_anybody)
"""Policy of routes that everybody may use."""

Visitor = Annotated[Principal, Depends(_visitor)]
"""Policy of routes that everybody may use and that show more to officers; gives the principal."""

Officer = Annotated[Principal, Depends(_officer)]
"""Policy of routes for signed-in people and programs; gives the principal."""

Uploader = Annotated[Principal, Depends(_uploader)]
"""Policy of routes that take files; gives the principal."""

ItemEditor = Annotated[Principal, Depends(_editor)]
"""Policy of routes that edit single items; gives the principal."""


class UndeclaredPolicyError(RuntimeError):
    """A route says nothing of who may use it."""


def require_policies(routers: Iterable[APIRouter]) -> None:
    """Refuse routers with a route that declares no policy.

    Raises
    ------
    UndeclaredPolicyError
        Naming the routes.
    """
    undeclared = [
        f"{sorted(getattr(route, 'methods', None) or ())} {getattr(route, 'path', route)}"
        for router in routers
        for route in router.routes
        if not (isinstance(route, APIRoute) and _calls(route.dependant) & _POLICIES)
    ]
    if undeclared:
        raise UndeclaredPolicyError(f"routes without a policy: {', '.join(undeclared)}")


def _calls(dependant: Any) -> set[Callable[..., Any]]:
    found = {dependant.call} if dependant.call is not None else set()
    for inner in dependant.dependencies:
        found |= _calls(inner)
    return found
