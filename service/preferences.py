"""What a client prefers (RFC 7240): the header ``Prefer``, read once for all routes."""

from collections.abc import Mapping

from fastapi import Request

HANDLING, RETURN = "handling", "return"


def preferences(request: Request) -> Mapping[str, str]:
    """Return the preferences by name, the first where one is given twice; parameters behind a semicolon are left out."""
    found: dict[str, str] = {}
    for header in request.headers.getlist("prefer"):
        for part in header.split(","):
            name, _, value = part.partition(";")[0].partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"').lower())
    return found


def wants_representation(request: Request) -> bool:
    """Whether the answer shall hold what was written."""
    return preferences(request).get(RETURN) == "representation"


def is_strict(request: Request) -> bool:
    """Whether what is wrong shall be refused, as it always is; only that it was asked for is told."""
    return preferences(request).get(HANDLING) == "strict"
