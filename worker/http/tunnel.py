"""The path through an HTTP proxy: CONNECT, the proxy's answer, and TLS with the endpoint behind it.

One protocol handles all of it, from the first byte to the last. So no byte is lost between two protocols, and
when the proxy goes away, in whatever manner, this is reported at once.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import TYPE_CHECKING, cast

from worker.http.errors import CONNECTION_FAILED, PROXY_REFUSED, TransportError, while_connecting

if TYPE_CHECKING:
    from worker.http.tls import TlsEnd

# How long a proxy's answer may be before the peer is considered not to be a proxy.
MAX_HEAD_BYTES = 65536

_END_OF_HEAD = b"\r\n\r\n"
_GRANTED = re.compile(rb"HTTP/1\.[01] 2\d\d[ \r]")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1\d\d[ \r]")


class Tunnel(asyncio.Protocol):
    """A protocol towards the proxy, and towards the inner protocol as much of a transport as it needs.

    Args:
        loop: the loop it runs on.
        request: the CONNECT request, sent as soon as there is a connection.
        tls: TLS with the endpoint.
        protocol: the protocol that speaks with the endpoint through ``tls``.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, request: bytes, tls: TlsEnd, protocol: asyncio.Protocol
    ) -> None:
        self._request = request
        self._tls = tls
        self._protocol: asyncio.Protocol | None = protocol
        self._wire: asyncio.Transport | None = None
        self._received = b""
        self._is_granted = False
        self.established: asyncio.Future[TransportError | None] = loop.create_future()
        """Done once the protocol has been told that it is connected, or can't be; never an exception."""

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the proxy."""
        return self._wire is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        # A stream's transport; uvloop's are not subclasses of asyncio's.
        self._wire = cast("asyncio.Transport", transport)
        self._wire.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Read the head of one answer, then TLS."""
        if self._is_granted:
            self._feed_tls(data)
        elif self._protocol is not None:
            self._read_head(data)

    def eof_received(self) -> None:
        """Treat it as the end, whichever peer leaves the other direction open."""
        self._end(None)

    def connection_lost(self, error: Exception | None) -> None:
        """End the tunnel."""
        self._end(error)

    def write(self, text: bytes) -> None:
        """Send this to the endpoint."""
        try:
            self._tls.say(text)
        except ssl.SSLError as error:
            self._end(error)
            return
        self._send()

    def get_write_buffer_size(self) -> int:
        """The number of bytes written and not sent yet."""
        return 0 if self._wire is None else self._wire.get_write_buffer_size()

    def abort(self) -> None:
        """Close it at once."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.abort()

    def _read_head(self, data: bytes) -> None:
        """Read the proxy's head. Bytes after it would be the endpoint's, which never speaks first."""
        self._received += data
        head, end, rest = self._received.partition(_END_OF_HEAD)
        while end and _INTERIM.match(head):
            self._received = rest
            head, end, rest = rest.partition(_END_OF_HEAD)
        if end and not rest and _GRANTED.match(head):
            self._is_granted = True
            self._feed_tls(b"")
        elif end or len(self._received) > MAX_HEAD_BYTES:
            self._end(None, PROXY_REFUSED)

    def _feed_tls(self, data: bytes) -> None:
        try:
            said = self._tls.feed(data)
        except ssl.SSLError as error:
            # Send the alert, which tells the peer why.
            self._send()
            self._end(error, while_connecting(error))
            return
        self._send()
        protocol = self._protocol
        if protocol is None:
            return
        if self._tls.open and not self.established.done():
            self.established.set_result(None)
            protocol.connection_made(cast("asyncio.Transport", self))
        if said:
            protocol.data_received(said)
        if self._tls.ended:
            protocol.eof_received()
            self._end(None)

    def _send(self) -> None:
        if self._wire is not None and (text := self._tls.to_send()):
            self._wire.write(text)

    def _end(self, error: Exception | None, failure: TransportError | None = None) -> None:
        """Report the end once: to the code that waits for the tunnel, or to the protocol that uses it."""
        protocol, self._protocol = self._protocol, None
        if protocol is None:
            return
        self.abort()
        if not self.established.done():
            self.established.set_result(failure or (CONNECTION_FAILED if self._is_granted else PROXY_REFUSED))
        else:
            protocol.connection_lost(error)
