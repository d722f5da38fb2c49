"""The keeper of webhooks: sees who has something to be told, and tells it, one revision after another."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from sqlalchemy import Row

from geodata.db import Database
from service.settings import ServiceSettings
from service.webhooks.hooks import News, claim, generations, next_news, note_outcome
from service.webhooks.sending import Outcome, deliver
from service.webhooks.signing import secret_of, sign

log = structlog.get_logger()


class WebhookKeeper:
    """Tells receivers of revisions in their order, each until it is taken.

    Parameters
    ----------
    stop : threading.Event
        Set when the worker ends.
    """

    def __init__(self, database: Database, settings: ServiceSettings, stop: threading.Event) -> None:
        self._database, self._settings, self._stop = database, settings, stop

    def __call__(self) -> None:
        """Tell everybody who is due everything there is."""
        if not self._settings.webhook_targets:
            return
        while not self._stop.is_set() and self._tell():
            pass

    def _tell(self) -> bool:
        """Tell one receiver one thing; whether there was somebody who is due."""
        with self._database.worker() as connection:
            hook = claim(connection)
        if hook is None:
            return False
        with self._database.worker() as connection:
            news = next_news(connection, hook)
        if news is None:
            return True
        outcome = send(self._settings, hook, message_of(self._settings, news), f"{hook.id}_{news.transaction}")
        with self._database.worker() as connection:
            note_outcome(connection, hook, news, outcome)
        if not outcome.is_delivered:
            log.warning("webhook failed", webhook=hook.name, transaction=news.transaction, outcome=outcome.told)
        return True


def message_of(settings: ServiceSettings, news: News) -> dict[str, Any]:
    """Return what is told of a revision: that there is one, and where to read what everybody may know of it."""
    base = settings.public_url.rstrip("/")
    return {
        "type": "revision.published",
        "timestamp": news.published_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "data": {
            "register": news.register,
            "revision": news.number,
            "transaction": news.transaction,
            "changes": f"{base}/changes?since={news.transaction - 1}&until={news.transaction}&register={news.register}",
            "revision_url": f"{base}/collections/{news.register}/revisions/{news.number}",
        },
    }


def trial_message() -> dict[str, Any]:
    """Return a message that tells of nothing."""
    return {"type": "test", "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"), "data": {}}


def send(settings: ServiceSettings, hook: Row[Any], message: dict[str, Any], delivery: str) -> Outcome:
    """Send a message once, signed."""
    body = orjson.dumps(message)
    secrets = [secret_of(settings.signing_key, hook.id, one) for one in generations(hook, datetime.now(UTC))]
    return deliver(hook.url, sign(secrets, delivery, int(time.time()), body), body, settings)
