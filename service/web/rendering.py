"""HTML from templates, in the language of the reader.

Every page of the service, the HTML views of the API included, goes through :func:`render`. Values are escaped
by Jinja everywhere; no template marks data as safe.
"""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from service.web import values
from service.web.assets import Assets
from service.web.i18n import LANGUAGE_COOKIE, Language, as_language, pick_language, translator

ASSETS: Final = Assets()
COOKIE_AGE_S: Final = 365 * 24 * 3600

_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_VARY: Final = "Accept-Language, Cookie"


def render(
    request: Request,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status_code: int = 200,
    lang: Language | None = None,
) -> HTMLResponse:
    """Render a page and remember a language chosen in its address.

    Parameters
    ----------
    request : Request
        The request being answered.
    template : str
        File under ``templates/``; its first line says what it reads from ``context``.
    context : mapping, optional
        What the template shows. ``lang``, ``t``, ``url`` and the like are added here.
    status_code : int
        Of the answer.
    lang : {"vi", "en"}, optional
        Language of the page. Given, it is not remembered: an embedded page sets no cookie. Nor is that of an error, which may
        stand in the place of such a page.

    Returns
    -------
    HTMLResponse
        ``Vary`` says what the page depends on.

    Raises
    ------
    jinja2.UndefinedError
        When the context lacks what the template reads.
    """
    language = lang or pick_language(request)
    text = _ENVIRONMENT.get_template(template).render(**_frame(request, language), **(context or {}))
    # What stands in the OpenAPI document has another form for programs at the same address.
    vary = f"Accept, {_VARY}" if getattr(request.scope.get("route"), "include_in_schema", True) else _VARY
    headers = {"Cache-Control": "no-cache", "Vary": vary, "Content-Language": language}
    response = HTMLResponse(text, status_code=status_code, headers=headers)
    if lang is None and status_code < HTTPStatus.BAD_REQUEST:
        _remember(request, response)
    return response


def _frame(request: Request, language: Language) -> dict[str, Any]:
    root = request.scope.get("root_path", "").rstrip("/")
    return {
        "lang": language,
        "t": translator(language),
        "base": root,
        "site": _site_name(request, language),
        "attribution": getattr(getattr(request.app.state, "settings", None), "attribution", ""),
        "url": lambda path: root + path,
        "assets": ASSETS,
        "path": request.url.path.removeprefix(root) or "/",
        "with_query": lambda **changes: _with_query(request, changes),
        "show": lambda value, field: values.show(value, field, language),
        "moment": lambda value: values.moment(value, language),
        "say": lambda value: values.say(value, language),
        "safe_href": values.safe_href,
        "feature_name": lambda feature, collection: values.feature_name(
            feature["properties"], language, collection.get("label") or "name"
        ),
    }


def _site_name(request: Request, language: Language) -> str:
    settings = getattr(request.app.state, "settings", None)
    return getattr(settings, f"title_{language}", "") or translator(language)("Digital map")


def _with_query(request: Request, changes: Mapping[str, str]) -> str:
    url = request.url.include_query_params(**changes)
    return f"{url.path}?{url.query}"


def _remember(request: Request, response: HTMLResponse) -> None:
    chosen = as_language(request.query_params.get("lang"))
    if chosen is None:
        return
    response.set_cookie(
        LANGUAGE_COOKIE,
        chosen,
        max_age=COOKIE_AGE_S,
        path=request.scope.get("root_path") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
