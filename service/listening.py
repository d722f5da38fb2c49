"""The socket the API listens on, and the question whether somebody answers behind it.

``python -m service.listening PORT`` asks that question from a shell: exit code 0 means ready.
"""

import http.client
import os
import socket
import sys
from collections.abc import Mapping

from service.console import OperatorError

_BACKLOG = 2048
_PORTS = 100


def listen(host: str, first_port: int) -> socket.socket:
    """Listen on the first free port from ``first_port`` up.

    Raises
    ------
    OperatorError
        When a hundred ports in a row are taken.
    """
    for port in range(first_port, first_port + _PORTS):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit this; without it every kept-alive request waits 40 ms for Nagle.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
        else:
            return listener
    last_port = first_port + _PORTS - 1
    raise OperatorError(
        f"Các cổng từ {first_port} đến {last_port} đều bận. Hãy tắt bớt chương trình đang dùng chúng.",
        f"The ports from {first_port} to {last_port} are all taken. Stop a program that uses one.",
    )


def is_ready(host: str, port: int, environment: Mapping[str, str]) -> bool:
    """Whether ``GET /readyz`` answers 200 within two seconds.

    Parameters
    ----------
    host : str
        Address to connect to.
    port : int
        Port to connect to.
    environment : mapping of str to str
        Environment of the service: it answers only to the names in ``BANDOSO_ALLOWED_HOSTS``.
    """
    name = environment.get("BANDOSO_ALLOWED_HOSTS", "").partition(",")[0].strip().replace("*", "ready")
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz", headers={"Host": name or host})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_ready("127.0.0.1", int(sys.argv[1]), os.environ))
