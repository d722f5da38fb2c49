"""One attempt to deliver a message: what it connects to, what it believes, how long it waits."""

import ssl
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme

from geodata.errors import SettingsError
from service.settings import ServiceSettings
from service.webhooks import sending
from service.webhooks.sending import Outcome, TargetError, check_target, deliver
from tests.conftest import free_port
from tests.service.webhooks.receiving import Receiver, receiving

NAME = "receiver.test"
AUTHORITY = trustme.CA()


def settings(*hosts: str, private: bool = True) -> ServiceSettings:
    return ServiceSettings(webhook_hosts=",".join(hosts), webhooks_to_private=private)


def certified(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(name).configure_cert(context)
    return context


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def here(*_: object) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def send(receiver: Receiver, path: str = "/hook?a=1") -> Outcome:
    """Send to a receiver by plain HTTP."""
    at = f"127.0.0.1:{receiver.port}"
    return deliver(f"http://{at}{path}", {"x-a": "b"}, b"{}", settings(at))


def test_a_message_is_posted_with_its_headers(receiver: Receiver) -> None:
    assert send(receiver).is_delivered
    (message,) = receiver.messages
    assert (message.path, message.body, message.headers["x-a"]) == ("/hook?a=1", b"{}", "b")
    assert message.headers["content-type"] == "application/json"
    assert message.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_the_name_is_looked_up_once_and_the_certificate_is_held_to_it() -> None:
    looked_up: list[str] = []

    def look_up(host: str, _port: int) -> Sequence[str]:
        looked_up.append(host)
        return here()

    with receiving(certified(NAME)) as receiver:
        url, chosen = f"https://{NAME}:{receiver.port}/", settings(f"{NAME}:{receiver.port}")
        assert deliver(url, {}, b"{}", chosen, look_up=look_up, tls=trusting()).is_delivered
    assert looked_up == [NAME]
    assert receiver.messages[0].headers["host"] == f"{NAME}:{receiver.port}"


@pytest.mark.parametrize(("name", "is_trusted"), [("other.test", True), (NAME, False)])
def test_a_certificate_of_another_name_or_of_nobody_is_not_believed(name: str, is_trusted: bool) -> None:
    with receiving(certified(name)) as receiver:
        tls = trusting() if is_trusted else ssl.create_default_context()
        url, chosen = f"https://{NAME}:{receiver.port}/", settings(f"{NAME}:{receiver.port}")
        assert deliver(url, {}, b"{}", chosen, look_up=here, tls=tls).told == "certificate not valid"
    assert receiver.messages == []


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    with receiving() as other:
        receiver.answers = [
            (status, {"Location": f"http://127.0.0.1:{other.port}/"}) for status in (301, 302, 307, 308)
        ]
        assert [send(receiver).told for _ in range(4)] == ["HTTP 301", "HTTP 302", "HTTP 307", "HTTP 308"]
    assert other.messages == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["10.0.0.5"], ["169.254.169.254"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]],
    ids=", ".join,
)
def test_a_name_that_stands_for_a_private_address_is_not_connected_to(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("it connects")

    monkeypatch.setattr(sending.socket, "create_connection", connect)
    outcome = deliver(f"https://{NAME}/", {}, b"{}", settings(NAME, private=False), look_up=lambda *_: addresses)
    assert outcome.told == "address not public"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
def test_this_machine_is_not_reached_however_it_is_written(host: str) -> None:
    outcome = deliver(f"https://{host}/", {}, b"{}", settings(host, private=False))
    assert outcome.told in {"address not public", "name not found"}


def test_a_proxy_of_the_environment_is_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert send(receiver).is_delivered


def test_a_receiver_that_never_ends_its_answer_is_left(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TOTAL_S", 0.3)
    receiver.drips = True
    begun = time.monotonic()
    assert send(receiver).told == "timeout"
    # Its status line alone would take longer.
    assert time.monotonic() - begun < 2


def test_a_receiver_that_does_not_answer_is_left(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TOTAL_S", 0.3)
    receiver.gate.clear()
    assert send(receiver).told == "timeout"


def test_nobody_there_is_no_connection() -> None:
    at = f"127.0.0.1:{free_port()}"
    assert deliver(f"http://{at}/", {}, b"{}", settings(at)).told == "no connection"


def test_a_name_without_an_address_is_not_found() -> None:
    def look_up(*_: object) -> Sequence[str]:
        raise OSError

    assert deliver(f"https://{NAME}/", {}, b"{}", settings(NAME), look_up=look_up).told == "name not found"


def test_a_receiver_says_when_to_come_again_and_that_it_is_gone(receiver: Receiver) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=500), usegmt=True)
    receiver.answers = [
        (503, {"Retry-After": "120"}), (429, {"Retry-After": later}), (500, {"Retry-After": "soon"}), (410, {}),
    ]  # fmt: skip
    found = [send(receiver) for _ in range(4)]
    assert [(one.told, one.is_gone) for one in found] == [
        ("HTTP 503", False), ("HTTP 429", False), ("HTTP 500", False), ("HTTP 410", True),
    ]  # fmt: skip
    assert found[0].retry_after_s == 120
    assert found[1].retry_after_s == pytest.approx(500, abs=5)
    assert found[2].retry_after_s == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://a.vn/", "ftp://a.vn/", "file:///etc/passwd", "a.vn", "https://b.vn/", "https://a.vn:8443/",
        "https://user@a.vn/", "https://user:word@a.vn/", "https://a.vn/#part", "https://a.vn./", "https://a.vn:99999/",
        "https://[::1/", "https://a.vn/ b", "https://a.vn/\r\nX: y", "https://a.vn/é", f"https://a.vn/{'a' * 500}",
        "https://a.vn@b.vn/", "https://b.vn/?a.vn", "//a.vn/", "",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(TargetError):
        check_target(url, settings("a.vn", "c.vn:8443", private=False))


@pytest.mark.parametrize("url", ["https://a.vn/", "https://A.vn:443/x?y=1", "https://c.vn:8443"])
def test_allowed_hosts_are_taken_by_name_and_port(url: str) -> None:
    assert check_target(url, settings("a.vn", "C.vn:8443", private=False))


def test_an_address_that_is_allowed_no_longer_gets_nothing(receiver: Receiver) -> None:
    assert deliver(f"http://127.0.0.1:{receiver.port}/", {}, b"{}", settings("a.vn")).told == "address not allowed"
    assert receiver.messages == []


@pytest.mark.parametrize("hosts", ["a.vn:x", "a.vn:0", "a.vn:70000", "a.vn:", "https://a.vn"])
def test_hosts_that_are_none_are_refused(hosts: str) -> None:
    with pytest.raises(SettingsError, match="BANDOSO_WEBHOOK_HOSTS"):
        _ = settings(hosts).webhook_targets
