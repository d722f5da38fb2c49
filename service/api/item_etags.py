"""ETags of items: which state of the record, and in which form it is written.

The first part is that of the state and the same in every form and language; ``If-Match`` is compared with it alone. So
whoever has read an item may change it, in whatever form that was and from whatever address.
"""

import hashlib
import re
from datetime import datetime
from functools import lru_cache

from fastapi import Request

from geodata.editing import State
from service.api.forms import etag_of
from service.problems import PreconditionMissingError, StaleError

_STATE_DIGITS = 16
_ID_DIGITS = 12
"""The last ones of a record's id: of a UUID of version 7 they are random."""

_OURS = re.compile(rf'"([0-9a-f]{{{_STATE_DIGITS}}})(?:-[0-9a-f]+)?"')


@lru_cache(maxsize=4096)
def state_tag(revision: int, updated_at: datetime) -> str:
    """Return the mark of a record's state; the time tells it from one of the same number before a restore.

    Records of one file have one mark.
    """
    told = f"{revision}\x1f{updated_at.timestamp():.6f}"
    return hashlib.sha256(told.encode()).hexdigest()[:_STATE_DIGITS]


def item_etag(feature_id: str, revision: int, updated_at: datetime, *form: object) -> str:
    """Return the strong ETag of an item in a form: everything that the answer depends on."""
    return f'"{state_tag(revision, updated_at)}-{_form_tag(*form)}{feature_id[-_ID_DIGITS:]}"'


@lru_cache(maxsize=4096)
def _form_tag(*form: object) -> str:
    return etag_of(*form).strip('"')


def state_etag(state: State) -> str:
    """Return the ETag of a record's state in whatever form, as answers to edits have it."""
    return f'"{state_tag(state.revision, state.updated_at)}"'


def require_match(request: Request, revision: int, updated_at: datetime) -> None:
    """Refuse a request that does not say which state its sender has seen, or names another one.

    ``*`` agrees to any. Weak ETags never match (RFC 9110, 13.1.1).

    Raises
    ------
    PreconditionMissingError, StaleError
    """
    held = request.headers.getlist("if-match")
    if not held:
        raise PreconditionMissingError
    parts = [part.strip() for header in held for part in header.split(",")]
    tags = {found[1] for part in parts if (found := _OURS.fullmatch(part))}
    if "*" not in parts and state_tag(revision, updated_at) not in tags:
        raise StaleError
