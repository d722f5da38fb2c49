"""The two languages of the pages: which one a request gets, and its texts.

The catalogues are Babel ``.po`` files, read once when the module is imported; a broken one stops the start.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from babel.messages.pofile import read_po
from starlette.requests import HTTPConnection

from service.web.accept import accepted

Language = Literal["vi", "en"]
Translate = Callable[[str], str]

LANGUAGES: Final[tuple[Language, Language]] = ("vi", "en")
LANGUAGE_COOKIE: Final = "lang"
_LOCALES = Path(__file__).parent / "locale"


def _read_catalogue(language: Language) -> dict[str, str]:
    with (_LOCALES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    return {
        message.id: message.string
        for message in catalogue
        if isinstance(message.id, str) and isinstance(message.string, str) and message.id and message.string
    }


_CATALOGUES: Final[dict[Language, dict[str, str]]] = {language: _read_catalogue(language) for language in LANGUAGES}


def translator(lang: Language) -> Translate:
    """Return the function that gives a text in one language.

    Parameters
    ----------
    lang : {"vi", "en"}
        Language of the texts.

    Returns
    -------
    callable
        From an English key to the text. A key without a translation is returned as it is.

    Examples
    --------
    >>> translator("vi")("Map")
    'Bản đồ'
    """
    catalogue = _CATALOGUES[lang]
    return lambda key: catalogue.get(key, key)


def pick_language(request: HTTPConnection) -> Language:
    """Choose the language of an answer.

    ``?lang=`` wins, then the cookie ``lang``, then ``Accept-Language``. Vietnamese is the default: English is
    taken from ``Accept-Language`` only where it is accepted and Vietnamese is not named.

    Parameters
    ----------
    request : HTTPConnection
        The request being answered.

    Returns
    -------
    {"vi", "en"}
        An unknown language in the query or the cookie counts as none.
    """
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        known = as_language(asked)
        if known is not None:
            return known
    return _from_header(request.headers.get("accept-language", ""))


def as_language(value: str | None) -> Language | None:
    """Return the value as a language, or None when it is not one of ours."""
    return next((language for language in LANGUAGES if language == value), None)


def _from_header(header: str) -> Language:
    languages = {tag.partition("-")[0] for tag in accepted(header)}
    return "en" if "en" in languages and "vi" not in languages else "vi"
