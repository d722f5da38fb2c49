"""The commands about webhooks, run as an operator runs them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from typer.testing import Result

from geodata.errors import UnknownRegisterError
from service.webhooks.hooks import WebhookError
from service.webhooks.sending import TargetError
from tests.service.shell import Shell
from tests.service.webhooks.receiving import Receiver, receiving


@dataclass(frozen=True)
class Desk:
    """A shell whose settings allow a receiver."""

    shell: Shell
    receiver: Receiver

    @property
    def url(self) -> str:
        """Where the receiver is."""
        return f"http://127.0.0.1:{self.receiver.port}/hook"

    def call(self, *words: str, public_url: str = "https://bando.example.vn") -> Result:
        """Run a command about webhooks."""
        return self.shell.call(
            "webhooks", *words, BANDOSO_PUBLIC_URL=public_url, BANDOSO_WEBHOOKS_TO_PRIVATE="true",
            BANDOSO_WEBHOOK_HOSTS=f"127.0.0.1:{self.receiver.port}",
        )  # fmt: skip


@pytest.fixture
def desk(shell: Shell) -> Iterator[Desk]:
    with receiving() as receiver:
        yield Desk(shell, receiver)


def test_a_receiver_is_added_tried_paused_resumed_given_a_secret_and_removed(desk: Desk) -> None:
    secret = desk.call("add", "so-nn", desk.url, "-r", "growing_areas", "--unit", "37").stdout.strip()
    assert secret.startswith("whsec_")
    tried = desk.call("test", "so-nn")
    assert (tried.exit_code, tried.stdout) == (0, "so-nn: delivered\n")
    assert desk.receiver.messages[0].is_signed(secret)
    listed = desk.call("list").stdout.splitlines()[1].split("\t")
    assert listed[:6] == ["so-nn", desk.url, "growing_areas", "37", "on", "0"]
    desk.call("pause", "so-nn")
    assert desk.shell.value("SELECT stopped FROM ops.webhook") == "paused"
    desk.call("resume", "so-nn")
    assert desk.shell.value("SELECT stopped FROM ops.webhook") is None
    renewed = desk.call("rotate", "so-nn").stdout.strip()
    desk.call("test", "so-nn")
    assert [desk.receiver.messages[1].is_signed(one) for one in (secret, renewed)] == [True, True]
    desk.call("remove", "so-nn")
    assert desk.shell.value("SELECT count(*) FROM ops.webhook") == 0
    noted = desk.shell.value("SELECT string_agg(action, ' ' ORDER BY id) FROM ops.audit WHERE target = 'so-nn'")
    assert noted == "webhook.add webhook.pause webhook.resume webhook.rotate webhook.remove"


def test_a_receiver_that_does_not_take_a_trial_is_told_of(desk: Desk) -> None:
    desk.call("add", "hong", desk.url)
    desk.receiver.answers = [(404, {})]
    tried = desk.call("test", "hong")
    assert (tried.exit_code, tried.stdout) == (1, "hong: HTTP 404\n")
    desk.call("remove", "hong")


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        (("a", "https://other.vn/"), TargetError, "other.vn:443"),
        (("a", "HERE", "-r", "nothing"), UnknownRegisterError, "nothing"),
        (("a", "HERE", "--unit", "abc"), WebhookError, "5 chữ số"),
        (("Ấ", "HERE"), WebhookError, "chữ thường"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_to_do(
    desk: Desk, words: tuple[str, ...], error: type[Exception], told: str
) -> None:
    answer = desk.call("add", *(desk.url if word == "HERE" else word for word in words))
    assert isinstance(answer.exception, error)
    assert told in answer.exception.vi  # type: ignore[attr-defined]
    assert desk.shell.value("SELECT count(*) FROM ops.webhook") == 0


def test_without_the_public_address_none_is_added(desk: Desk) -> None:
    answer = desk.call("add", "a", desk.url, public_url="")
    assert isinstance(answer.exception, WebhookError)
    assert "BANDOSO_PUBLIC_URL" in answer.exception.vi


def test_a_name_is_taken_once_and_a_name_that_is_not_there_is_told(desk: Desk) -> None:
    desk.call("add", "mot", desk.url)
    for words in (("add", "mot", desk.url), ("pause", "hai"), ("resume", "hai"), ("remove", "hai"), ("test", "hai")):
        assert isinstance(desk.call(*words).exception, WebhookError), words
    desk.call("remove", "mot")
