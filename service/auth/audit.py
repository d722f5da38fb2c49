"""The audit: one row for every change of state and every refused one."""

from typing import Any, Literal

from sqlalchemy import Connection, func, insert

from geodata.accounts import Audit

Outcome = Literal["ok", "refused", "failed"]


def note(
    connection: Connection,
    action: str,
    *,
    actor: str,
    target: str | None = None,
    outcome: Outcome = "ok",
    request_id: str | None = None,
    **detail: Any,
) -> None:
    """Write one row of the audit.

    Parameters
    ----------
    action : str
        ``area.verb``, ``upload.receive`` for one.
    target : str, optional
        What was acted on: an id or a code, never a personal value.
    **detail
        Names of fields, counts.
    """
    connection.execute(
        insert(Audit).values(
            actor=actor, action=action, target=target, outcome=outcome, request_id=request_id, detail=detail,
            # Not when its transaction began: that may have read and published a file meanwhile.
            at=func.clock_timestamp(),
        )
    )  # fmt: skip
