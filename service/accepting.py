"""How the API's processes share new connections (docs/decisions/0031)."""

import time
from asyncio import Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_PAUSE_S = 50e-6
"""Long enough for another process to wake up."""


class FairProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, but after each connection it takes, its process lets the others take the next.

    All wait on one socket, and whoever is awake is first: a browser's six connections, or those that a proxy holds open
    for ever, would come to one process while another has nothing to do.
    """

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin a connection."""
        super().connection_made(transport)
        time.sleep(_PAUSE_S)
