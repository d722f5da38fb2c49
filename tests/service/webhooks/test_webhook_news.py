"""Receivers are told of every revision, in order, until they take it; whoever dies meanwhile."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Row, text
from starlette.testclient import TestClient

from service import setup
from service.settings import ServiceSettings
from service.webhooks import hooks
from service.webhooks.keeper import WebhookKeeper
from service.webhooks.signing import secret_of
from tests.conftest import ROOT, Server
from tests.service.office import Office, opened
from tests.service.people import PLACE, SAMPLE_COMMUNE, add_key, add_officer
from tests.service.webhooks.receiving import Receiver, receiving

BASE = "https://bando.example.vn"


@pytest.fixture(scope="module")
def office(server: Server, worker_name: str) -> Iterator[Office]:
    with opened(server, f"hooks_{worker_name}", 1, public_url=BASE, webhooks_to_private=True) as found:
        yield found


@pytest.fixture(scope="module")
def api(office: Office) -> TestClient:
    """A program with a key to edit."""
    client = TestClient(office.app)  # type: ignore[arg-type]
    client.headers.update(add_key(office.settings, add_officer(office.settings), scopes="edit"))
    return client


@dataclass
class Hook:
    """A receiver that is told of revisions."""

    office: Office
    receiver: Receiver
    api: TestClient
    name: str
    settings: ServiceSettings

    def add(self, *registers: str, unit: str | None = None) -> Row[Any]:
        """Have it told."""
        url = f"http://127.0.0.1:{self.receiver.port}/hook"
        with setup.owner(self.settings) as connection:
            return hooks.add_hook(connection, self.settings, self.name, url, registers, unit)

    def tell(self) -> None:
        """Look once, as a worker does."""
        WebhookKeeper(self.office.database, self.settings, threading.Event())()

    def row(self) -> Row[Any]:
        """Return what is written down of it."""
        with self.office.database.worker() as connection:
            return hooks.find_hook(connection, self.name)

    def write(self, change: str) -> None:
        """Change what is written down of it."""
        with self.office.database.worker() as connection:
            connection.execute(text(f"UPDATE ops.webhook SET {change} WHERE name = :name"), {"name": self.name})

    def publish(self) -> int:
        """Add a tourism point; return the transaction."""
        feature = {
            "type": "Feature", "geometry": {"type": "Point", "coordinates": list(PLACE)},
            "properties": {"name": "Điểm thử", "slug": f"diem-{uuid4().hex}"},
        }  # fmt: skip
        answer = self.api.post(
            "/collections/tourism_points/items", content=json.dumps(feature),
            headers={"content-type": "application/geo+json"},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        found: int = self.api.get("/changes?limit=1").json()["numbers"]["latest"]
        return found


@pytest.fixture
def hook(office: Office, api: TestClient) -> Iterator[Hook]:
    with receiving() as receiver:
        settings = office.settings.model_copy(update={"webhook_hosts": f"127.0.0.1:{receiver.port}"})
        yield Hook(office, receiver, api, f"hook-{uuid4().hex[:8]}", settings)
    with setup.owner(office.settings) as connection:
        connection.execute(text("DELETE FROM ops.webhook"))


def test_a_message_says_that_there_is_a_revision_and_where_to_read_it(hook: Hook) -> None:
    added = hook.add()
    transaction = hook.publish()
    hook.tell()
    (message,) = hook.receiver.messages
    assert message.is_signed(secret_of(hook.settings.signing_key, added.id, 1))
    assert message.headers["webhook-id"] == f"{added.id}_{transaction}"
    told = json.loads(message.body)
    revision = told["data"]["revision"]
    assert told == {
        "type": "revision.published", "timestamp": told["timestamp"],
        "data": {
            "register": "tourism_points", "revision": revision, "transaction": transaction,
            "changes": f"{BASE}/changes?since={transaction - 1}&until={transaction}&register=tourism_points",
            "revision_url": f"{BASE}/collections/tourism_points/revisions/{revision}",
        },
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", told["timestamp"])
    events = hook.api.get(told["data"]["changes"].removeprefix(BASE)).json()["events"]
    assert [(event["transaction"], event["kind"]) for event in events] == [(transaction, "insert")]
    assert hook.api.get(told["data"]["revision_url"].removeprefix(BASE)).status_code == 200


def test_everything_is_told_in_order_and_once(hook: Hook) -> None:
    hook.publish()
    hook.add()
    made = [hook.publish() for _ in range(4)]
    hook.tell()
    hook.tell()
    assert hook.receiver.transactions == made
    assert (hook.row().told, hook.row().outcome) == (made[-1], "delivered")


def test_what_is_not_taken_comes_again_as_the_same_and_nothing_overtakes_it(hook: Hook) -> None:
    hook.add()
    made = [hook.publish(), hook.publish()]
    hook.receiver.answers = [(500, {}), (503, {"Retry-After": "7000"})]
    hook.tell()
    hook.tell()
    assert hook.receiver.transactions == made[:1]
    row = hook.row()
    assert (row.outcome, row.failures) == ("HTTP 500", 1)
    assert 3 < (row.next_at - row.failing_since).total_seconds() < 7
    hook.write("next_at = now()")
    hook.tell()
    assert 6990 < (hook.row().next_at - row.failing_since).total_seconds() < 7060
    hook.write("next_at = now()")
    hook.tell()
    assert hook.receiver.transactions == [made[0], made[0], made[0], made[1]]
    assert len({message.headers["webhook-id"] for message in hook.receiver.messages[:3]}) == 1
    assert (hook.row().failures, hook.row().failing_since) == (0, None)


def test_waits_grow_and_differ() -> None:
    waits = [[hooks.wait_after(failures, 0) for _ in range(20)] for failures in range(8)]
    for found, planned in zip(waits, [*hooks.WAITS_S, *[hooks.WAITS_S[-1]] * 2], strict=True):
        assert len(set(found)) > 10
        assert all(0.8 * planned <= wait <= 1.2 * planned for wait in found)
    assert hooks.wait_after(0, 1e9) == 86_400


def test_a_paused_receiver_is_told_later(hook: Hook) -> None:
    hook.add()
    with hook.office.database.worker() as connection:
        hooks.stop_hook(connection, hook.name)
    made = [hook.publish(), hook.publish()]
    hook.tell()
    assert hook.receiver.messages == []
    with hook.office.database.worker() as connection:
        hooks.resume_hook(connection, hook.name)
    hook.tell()
    assert hook.receiver.transactions == made


def test_a_receiver_that_is_gone_is_told_nothing_more(hook: Hook) -> None:
    hook.add()
    hook.publish()
    hook.receiver.answers = [(410, {})]
    hook.tell()
    hook.write("next_at = now()")
    hook.tell()
    assert (hook.row().stopped, len(hook.receiver.messages)) == ("gone", 1)


def test_a_receiver_that_fails_for_days_is_given_up_and_the_audit_has_it(hook: Hook) -> None:
    hook.add()
    hook.publish()
    hook.receiver.answers = [(500, {})] * 2
    hook.tell()
    assert hook.row().stopped is None
    hook.write("next_at = now(), failing_since = now() - interval '73 hours'")
    hook.tell()
    assert hook.row().stopped == "failed"
    with hook.office.database.worker() as connection:
        found = connection.execute(
            text(
                "SELECT actor, outcome, detail ->> 'why' FROM ops.audit WHERE action = 'webhook.stop' AND target = :name"
            ),
            {"name": hook.name},
        ).all()
    assert found == [("system", "failed", "failed")]


def test_registers_and_units_of_no_interest_are_passed_over(hook: Hook) -> None:
    hook.add("addresses")
    last = hook.publish()
    hook.tell()
    assert (hook.receiver.messages, hook.row().told) == ([], last)
    for unit, count in (("37", 1), (SAMPLE_COMMUNE, 2), ("01", 2), ("00001", 2)):
        hook.name = f"unit-{unit}"
        hook.add(unit=unit)
        hook.publish()
        hook.tell()
        hook.write("stopped = 'paused'")
        assert len(hook.receiver.messages) == count, unit


def test_of_two_workers_one_tells(hook: Hook) -> None:
    hook.add()
    made = [hook.publish() for _ in range(6)]
    begun = [threading.Thread(target=hook.tell) for _ in range(2)]
    for thread in begun:
        thread.start()
    for thread in begun:
        thread.join()
    assert hook.receiver.transactions == made


def test_a_worker_that_is_killed_while_it_tells_loses_nothing(hook: Hook, office: Office) -> None:
    hook.add()
    made = [hook.publish(), hook.publish()]
    office.worker._settings = hook.settings
    hook.receiver.gate.clear()
    office.worker.start()
    assert hook.receiver.arrived.wait(40)
    office.worker.kill()
    hook.receiver.gate.set()
    assert (hook.row().told < made[0], hook.receiver.transactions) == (True, made[:1])
    # What the killed one had in hand is its own for a minute.
    hook.tell()
    assert hook.receiver.transactions == made[:1]
    hook.write("next_at = now()")
    hook.tell()
    assert hook.receiver.transactions == [made[0], *made]
    assert hook.receiver.messages[0].headers["webhook-id"] == hook.receiver.messages[1].headers["webhook-id"]


def test_for_a_day_both_secrets_sign(hook: Hook) -> None:
    added = hook.add()
    with hook.office.database.worker() as connection:
        hooks.renew_secret(connection, hook.name)
    secrets = [secret_of(hook.settings.signing_key, added.id, one) for one in (1, 2)]
    hook.publish()
    hook.tell()
    hook.write("renewed_at = now() - interval '25 hours'")
    hook.publish()
    hook.tell()
    first, second = hook.receiver.messages
    assert [first.is_signed(secret) for secret in secrets] == [True, True]
    assert [second.is_signed(secret) for secret in secrets] == [False, True]


def test_no_secret_is_stored(hook: Hook) -> None:
    added = hook.add()
    secret = secret_of(hook.settings.signing_key, added.id, 1)
    assert secret.removeprefix("whsec_") not in str(hook.row())
    assert secret != secret_of(b"another", added.id, 1) != secret_of(b"another", added.id, 2)


def test_without_hosts_nothing_is_sent(hook: Hook) -> None:
    hook.add()
    hook.publish()
    hook.settings = hook.settings.model_copy(update={"webhook_hosts": ""})
    hook.tell()
    assert (hook.receiver.messages, hook.row().tried_at) == ([], None)


def test_the_sample_of_the_documents_verifies_a_message(hook: Hook) -> None:
    added = hook.add()
    hook.publish()
    hook.tell()
    (message,) = hook.receiver.messages
    told = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").partition("## Webhooks")[2]
    sample: dict[str, Any] = {}
    exec(told.partition("```python\n")[2].partition("```")[0], sample)
    secret = secret_of(hook.settings.signing_key, added.id, 1)
    assert sample["is_genuine"](secret, message.headers, message.body)
    assert not sample["is_genuine"](secret, message.headers, message.body + b" ")
    assert not sample["is_genuine"](secret_of(b"another", added.id, 1), message.headers, message.body)
    old = {**message.headers, "webhook-timestamp": str(int(message.headers["webhook-timestamp"]) - 600)}
    assert not sample["is_genuine"](secret, old, message.body)
