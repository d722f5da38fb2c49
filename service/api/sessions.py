"""Signing in and out, and who one is."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import Connection, text

from geodata.db import Actor
from geodata.errors import GeodataError
from geodata.registers import discover
from service.api.forms import json_response
from service.api.parameters import only
from service.auth import accounts, audit
from service.auth.policy import COOKIE, Officer, public
from service.deps import DatabaseDep, SettingsDep, base_url

router = APIRouter(prefix="/auth", tags=["Sign-in"])

PRIVATE = {"Cache-Control": "no-store", "Vary": "Authorization, Cookie"}
SIGN_IN = Actor("sign-in")


class Credentials(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    username: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]


@router.post("/login", dependencies=[public], status_code=204, summary="Sign in")
def login(request: Request, credentials: Credentials, database: DatabaseDep, settings: SettingsDep) -> Response:
    """Open a session: 204 with a cookie that scripts cannot read."""
    only(request)
    with database.staff(SIGN_IN) as connection:
        outcome = _attempt(connection, request, credentials, settings.session_hours)
    if isinstance(outcome, GeodataError):
        raise outcome
    response = Response(status_code=204, headers=PRIVATE)
    response.set_cookie(
        COOKIE, outcome, max_age=settings.session_hours * 3600, httponly=True, samesite="lax", path="/",
        secure=base_url(request).startswith("https:"),
    )  # fmt: skip
    return response


def _attempt(connection: Connection, request: Request, credentials: Credentials, hours: int) -> str | GeodataError:
    """Check the password and note the outcome in one transaction, so that attempts made at once all count."""
    name, request_id = credentials.username.lower(), request.scope.get("request_id")
    try:
        token, _ = accounts.sign_in(connection, name, credentials.password, hours)
    except (accounts.SignInError, accounts.TooManyAttemptsError) as error:
        # A refusal for want of patience is no further failure: who comes back too early would never get in.
        action = "session.open" if isinstance(error, accounts.SignInError) else "session.limit"
        audit.note(connection, action, actor="public", target=name, outcome="refused", request_id=request_id)
        return error
    audit.note(connection, "session.open", actor=name, target=name, request_id=request_id)
    return token


@router.post("/logout", status_code=204, summary="Sign out")
def logout(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Close the session."""
    only(request)
    token = request.cookies.get(COOKIE)
    if token:
        with database.staff(SIGN_IN) as connection:
            accounts.sign_out(connection, token)
            audit.note(
                connection, "session.close", actor=principal.username, request_id=request.scope.get("request_id")
            )
    response = Response(status_code=204, headers=PRIVATE)
    response.delete_cookie(COOKIE, path="/")
    return response


@router.get("/me", summary="Who am I")
def me(request: Request, principal: Officer, database: DatabaseDep) -> Response:
    """Return the account behind the request, its communes, what it may upload, and the CSRF token of its session."""
    only(request)
    communes = []
    if principal.communes:
        with database.read() as connection:
            rows = connection.execute(
                text(
                    "SELECT code, full_name FROM open.communes WHERE code = ANY(:codes) AND valid_to IS NULL ORDER BY code"
                ),
                {"codes": list(principal.communes)},
            )
            communes = [{"code": row[0], "name": row[1]} for row in rows]
    return json_response(
        {
            "username": principal.username,
            "display_name": principal.display_name,
            "role": principal.role,
            "communes": communes,
            "all_communes": principal.communes is None,
            "registers": [register for register in discover() if principal.may_upload(register)],
            "csrf": principal.csrf,
        },
        headers=PRIVATE,
    )
