"""Who is told of revisions: adding and stopping, what is to be told next, and how it went."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from geodata.errors import GeodataError
from geodata.ops import Webhook
from geodata.registers import get_register
from service.auth import audit
from service.settings import ServiceSettings
from service.webhooks.sending import Outcome, check_target

LEASE = timedelta(seconds=60)
"""A worker that was killed while it sent is not waited for longer than this."""

WAITS_S = (5, 60, 300, 1800, 7200, 21_600)
"""Before each next attempt; the last holds for all that follow."""

GIVEN_UP_AFTER = timedelta(days=3)
OVERLAP = timedelta(hours=24)
"""How long an earlier secret signs beside the present one."""

_LONGEST_WAIT_S = 86_400.0
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_UNIT = re.compile(r"[0-9]{2}|[0-9]{5}")
_NEXT = text(
    "SELECT transaction, register, number, published_at FROM open.revision WHERE transaction > :told "
    "AND (cardinality(CAST(:registers AS text[])) = 0 OR register = ANY(CAST(:registers AS text[]))) "
    "AND (CAST(:unit AS text) IS NULL OR communes IS NULL "
    "OR communes && ARRAY(SELECT code FROM open.communes WHERE CAST(:unit AS text) IN (code, province_code))) "
    "ORDER BY transaction LIMIT 1"
)


class WebhookError(GeodataError):
    """A webhook cannot be made or changed as asked."""

    code = "WEBHOOK"
    vi_template = "Không thực hiện được: {why_vi}"
    en_template = "This cannot be done: {why_en}"


@dataclass(frozen=True, slots=True)
class News:
    """A revision that somebody is to be told of."""

    transaction: int
    register: str
    number: int
    published_at: datetime


def add_hook(
    connection: Connection, settings: ServiceSettings, name: str, url: str, registers: Sequence[str], unit: str | None
) -> Row[Any]:
    """Add somebody who is told of revisions from now on.

    Raises
    ------
    WebhookError, TargetError, UnknownRegisterError
    """
    if not _NAME.fullmatch(name):
        raise WebhookError(
            why_vi="tên gồm chữ thường không dấu, chữ số, “-” và “_”.",
            why_en="a name has lower-case letters, digits, “-” and “_”.",
        )
    if unit is not None and not _UNIT.fullmatch(unit):
        raise WebhookError(why_vi="mã xã có 5 chữ số, mã tỉnh có 2.", why_en="a commune has 5 digits, a province 2.")
    if not settings.public_url:
        raise WebhookError(
            why_vi="hãy đặt BANDOSO_PUBLIC_URL, vì trong tin có địa chỉ của dịch vụ.",
            why_en="set BANDOSO_PUBLIC_URL: messages have addresses of the service in them.",
        )
    check_target(url, settings)
    values = {
        "name": name, "url": url, "registers": [get_register(one).id for one in registers], "unit": unit,
        "told": latest(connection),
    }  # fmt: skip
    try:
        with connection.begin_nested():
            return connection.execute(insert(Webhook).values(values).returning(*Webhook.__table__.c)).one()
    except IntegrityError:
        raise WebhookError(why_vi=f"tên “{name}” đã có.", why_en=f"the name “{name}” is taken.") from None


def latest(connection: Connection) -> int:
    """Return the number of the last transaction."""
    return int(connection.scalar(text("SELECT max(transaction) FROM open.revision")) or 0)


def list_hooks(connection: Connection) -> Sequence[Any]:
    """Return all of them by name, each with how many transactions it is behind."""
    behind = text("(SELECT count(*) FROM open.revision WHERE transaction > webhook.told) AS behind")
    return connection.execute(select(*Webhook.__table__.c, behind).order_by(Webhook.name)).all()


def find_hook(connection: Connection, name: str) -> Row[Any]:
    """Return one by its name.

    Raises
    ------
    WebhookError
    """
    found = connection.execute(select(*Webhook.__table__.c).where(Webhook.name == name)).one_or_none()
    if found is None:
        raise WebhookError(why_vi=f"không có “{name}”.", why_en=f"there is no “{name}”.")
    return found


def stop_hook(connection: Connection, name: str) -> None:
    """Send nothing more until it is resumed; what comes meanwhile is sent then.

    Raises
    ------
    WebhookError
    """
    _change(connection, name, stopped="paused")


def resume_hook(connection: Connection, name: str) -> None:
    """Send again, at once, from where it was stopped.

    Raises
    ------
    WebhookError
    """
    _change(connection, name, stopped=None, failures=0, failing_since=None, next_at=None)


def renew_secret(connection: Connection, name: str) -> Row[Any]:
    """Give a new secret; the one before signs beside it for a day.

    Raises
    ------
    WebhookError
    """
    _change(connection, name, generation=Webhook.generation + 1, renewed_at=func.now())
    return find_hook(connection, name)


def remove_hook(connection: Connection, name: str) -> None:
    """Forget one.

    Raises
    ------
    WebhookError
    """
    hook = find_hook(connection, name)
    connection.execute(delete(Webhook).where(Webhook.id == hook.id))


def _change(connection: Connection, name: str, **values: Any) -> None:
    hook = find_hook(connection, name)
    connection.execute(update(Webhook).where(Webhook.id == hook.id).values(values))


def generations(hook: Row[Any], now: datetime) -> list[int]:
    """Return the generations of the secrets that sign now, the present one first."""
    is_new = hook.renewed_at is not None and now < hook.renewed_at + OVERLAP
    return [hook.generation, hook.generation - 1] if is_new else [hook.generation]


def claim(connection: Connection) -> Row[Any] | None:
    """Take one that has something to be told and is due; no other worker has it until `LEASE` is over."""
    due = or_(Webhook.next_at.is_(None), Webhook.next_at <= func.now())
    wanted = (
        select(Webhook.id)
        .where(Webhook.stopped.is_(None), due, Webhook.told < latest(connection))
        .order_by(Webhook.tried_at.asc().nulls_first(), Webhook.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = update(Webhook).where(Webhook.id.in_(wanted)).values(next_at=func.now() + LEASE, tried_at=func.now())
    return connection.execute(statement.returning(*Webhook.__table__.c)).one_or_none()


def next_news(connection: Connection, hook: Row[Any]) -> News | None:
    """Return the next revision to be told; where none is left that interests, note that all was looked at."""
    last = latest(connection)
    asked = {"told": hook.told, "registers": hook.registers, "unit": hook.unit}
    row = connection.execute(_NEXT, asked).one_or_none()
    if row is None:
        _note(connection, hook.id, told=func.greatest(Webhook.told, last), next_at=None)
    return None if row is None else News(*row)


def note_outcome(connection: Connection, hook: Row[Any], news: News, outcome: Outcome) -> None:
    """Write down how an attempt ended, and when the next one is due."""
    if outcome.is_delivered:
        _note(
            connection,
            hook.id,
            told=func.greatest(Webhook.told, news.transaction),
            outcome=outcome.told,
            failures=0,
            failing_since=None,
            next_at=None,
        )
        return
    now = datetime.now(UTC)
    since = hook.failing_since or now
    stopped = "gone" if outcome.is_gone else "failed" if now - since > GIVEN_UP_AFTER else None
    if stopped is not None:
        audit.note(connection, "webhook.stop", actor="system", target=hook.name, outcome="failed", why=stopped)
    _note(
        connection, hook.id, outcome=outcome.told, failures=hook.failures + 1, failing_since=since,
        next_at=now + timedelta(seconds=wait_after(hook.failures, outcome.retry_after_s)), is_stopped=stopped,
    )  # fmt: skip


def wait_after(failures: int, retry_after_s: float) -> float:
    """Return the seconds until the next attempt after one that failed, as many having failed before it.

    Never two receivers at the same moment, and never less than the receiver asks for, up to a day.
    """
    planned = WAITS_S[min(failures, len(WAITS_S) - 1)] * random.uniform(0.8, 1.2)  # noqa: S311  no secret
    return max(planned, min(retry_after_s, _LONGEST_WAIT_S))


def _note(connection: Connection, hook: UUID, *, is_stopped: str | None = None, **values: Any) -> None:
    """Write about one; an operator who stopped it meanwhile is not overruled."""
    if is_stopped is not None:
        values["stopped"] = func.coalesce(Webhook.stopped, is_stopped)
    connection.execute(update(Webhook).where(Webhook.id == hook).values(values))
