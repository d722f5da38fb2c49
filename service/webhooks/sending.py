"""One attempt to deliver a message: to an address that was checked, over TLS, without following anything."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from geodata.errors import GeodataError
from service.settings import ServiceSettings
from service.webhooks.addresses import is_public

CONNECT_S, TOTAL_S = 5.0, 15.0
"""For one step of connecting, and for the whole attempt but the look-up of the name."""

_ADDRESSES = 3
_READ_BYTES = 1024
_LONGEST_URL = 500

Resolve = Callable[[str, int], Sequence[str]]


class TargetError(GeodataError):
    """A message may not be sent to an address."""

    code = "WEBHOOK_TARGET"
    vi_template = "Không gửi tin tới địa chỉ này: {why_vi}"
    en_template = "Messages cannot be sent to this address: {why_en}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended.

    Attributes
    ----------
    told : str
        ``delivered``, or what went wrong in a word or two; nothing of what the receiver said.
    is_gone : bool
        Whether the receiver wants no more (410).
    retry_after_s : float
        How long the receiver asks to be left alone.
    """

    told: str
    is_gone: bool = False
    retry_after_s: float = 0.0

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.told == "delivered"


def check_target(url: str, settings: ServiceSettings) -> tuple[SplitResult, int]:
    """Return the parts of an address and its port, where messages may go to it.

    Raises
    ------
    TargetError
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (80 if parts.scheme == "http" else 443)
    except ValueError:
        raise TargetError(why_vi="không phải là một địa chỉ.", why_en="it is no address.") from None
    schemes = ("https", "http") if settings.webhooks_to_private else ("https",)
    if (
        parts.scheme not in schemes
        or not url.isascii()
        or not url.isprintable()
        or " " in url
        or len(url) > _LONGEST_URL
    ):
        raise TargetError(
            why_vi=f"cần địa chỉ https, nhiều nhất {_LONGEST_URL} ký tự ASCII.",
            why_en=f"it takes an https address of at most {_LONGEST_URL} ASCII characters.",
        )
    if "@" in parts.netloc or "#" in url:
        raise TargetError(why_vi="không được có tên đăng nhập hay dấu #.", why_en="no user name and no # may be in it.")
    if (parts.hostname, port) not in settings.webhook_targets:
        name = f"{parts.hostname}:{port}"
        raise TargetError(
            why_vi=f"máy chủ {name} chưa có trong BANDOSO_WEBHOOK_HOSTS.",
            why_en=f"the host {name} is not in BANDOSO_WEBHOOK_HOSTS.",
        )
    return parts, port


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def deliver(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    settings: ServiceSettings,
    *,
    look_up: Resolve = resolve,
    tls: ssl.SSLContext | None = None,
) -> Outcome:
    """Send a message once.

    The name is looked up here, every address that it has must be public, and it is one of these that is connected to: an
    answer that differs the second time leads nowhere.

    Parameters
    ----------
    tls : SSLContext, optional
        What certificates are held to; those of the system when not given.
    """
    try:
        connection, path = _connection(url, settings, look_up, tls)
    except _NotSentError as error:
        return Outcome(str(error))
    told = {**headers, "Content-Type": "application/json", "User-Agent": "bandoso"}
    with closing(connection), _ended_after(TOTAL_S, connection):
        try:
            connection.request("POST", path, body, told)
            answer = connection.getresponse()
            answer.read(_READ_BYTES)
        except ssl.SSLCertVerificationError:
            return Outcome("certificate not valid")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Outcome("timeout" if connection.is_ended or isinstance(error, TimeoutError) else "no connection")
    return _outcome(answer.status, answer.headers.get("Retry-After", ""))


class _NotSentError(Exception):
    """Nothing was sent, and why."""


def _connection(
    url: str, settings: ServiceSettings, look_up: Resolve, tls: ssl.SSLContext | None
) -> tuple["_Connection", str]:
    """Return a connection that is not open yet, and what to ask it for."""
    try:
        parts, port = check_target(url, settings)
    except TargetError:
        raise _NotSentError("address not allowed") from None
    host = str(parts.hostname)
    try:
        addresses = list(look_up(host, port))
    except (OSError, UnicodeError):
        raise _NotSentError("name not found") from None
    if not settings.webhooks_to_private and not all(map(is_public, addresses)):
        raise _NotSentError("address not public")
    context = None if parts.scheme == "http" else tls or ssl.create_default_context()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Connection(host, port, addresses[:_ADDRESSES], context), path


def _outcome(status: int, retry_after: str) -> Outcome:
    if 200 <= status < 300:  # noqa: PLR2004  as HTTP counts
        return Outcome("delivered")
    return Outcome(f"HTTP {status}", is_gone=status == http.HTTPStatus.GONE, retry_after_s=_seconds(retry_after))


def _seconds(retry_after: str) -> float:
    """Read Retry-After, seconds or a date; 0 where it is neither."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return 0.0


class _Connection(http.client.HTTPConnection):
    """A connection to addresses that are known; the name is what the certificate and ``Host`` have."""

    def __init__(self, host: str, port: int, addresses: Sequence[str], tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=TOTAL_S)
        self.default_port = 443 if tls else 80
        self._addresses, self._tls = addresses, tls
        self.is_ended = False

    def connect(self) -> None:
        """Connect to the first address that answers."""
        error: OSError = ConnectionError()
        for address in self._addresses:
            try:
                self.sock = socket.create_connection((address, self.port), CONNECT_S)
                break
            except OSError as failed:
                error = failed
        else:
            raise error
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(TOTAL_S)

    def end(self) -> None:
        """Break off: a receiver that sends a byte now and then would else hold us for ever."""
        self.is_ended = True
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def _ended_after(seconds: float, connection: _Connection) -> Iterator[None]:
    """Break a connection off when its time is over."""
    timer = threading.Timer(seconds, connection.end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
