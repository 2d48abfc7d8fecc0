"""Asking an HTTP proxy for a tunnel: CONNECT, and what it says to that."""

from __future__ import annotations

import asyncio
import re
from typing import cast

# As much as a proxy may say before it is taken for no proxy.
MAX_HEAD_BYTES = 65536

_END_OF_HEAD = b"\r\n\r\n"
_GRANTED = re.compile(rb"HTTP/1\.[01] 2\d\d[ \r]")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d[ \r]")


class Tunnel(asyncio.Protocol):
    """The connection to the proxy, until it is handed over to TLS."""

    def __init__(self, loop: asyncio.AbstractEventLoop, request: bytes) -> None:
        """Ask with ``request`` as soon as there is a connection."""
        self._request = request
        self._heard = b""
        self.granted: asyncio.Future[bool] = loop.create_future()
        """Whether the way is free; never an exception."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        # A stream's, and uvloop's are no subclasses.
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Read one head; what follows it would be the endpoint's, which does not speak first."""
        self._heard += data
        head, end, rest = self._heard.partition(_END_OF_HEAD)
        while end and _INTERIM.match(head):
            self._heard = rest
            head, end, rest = rest.partition(_END_OF_HEAD)
        if end:
            self._settle(granted=_GRANTED.match(head) is not None and not rest)
        elif len(self._heard) > MAX_HEAD_BYTES:
            self._settle(granted=False)

    def connection_lost(self, _: Exception | None) -> None:
        """Take it for a no."""
        self._settle(granted=False)

    def _settle(self, *, granted: bool) -> None:
        if not self.granted.done():
            self.granted.set_result(granted)
