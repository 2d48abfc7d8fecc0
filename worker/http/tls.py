"""The client side of a TLS connection whose bytes somebody else transports. No I/O.

Event loops have their own TLS, which is used where TLS runs directly on TCP. It is not reliable on top of
another TLS connection: when the outer one ends without notice in the middle of the inner handshake, asyncio
raises a TypeError and uvloop reports that the handshake is complete.
"""

from __future__ import annotations

import ssl

_PIECE_BYTES = 65536


class TlsEnd:
    """A TLS client. Send ``to_send`` after each method, even if it raised, because it may contain an alert.

    Args:
        context: which certificates to trust.
        host: the name that the certificate must be for.

    Raises:
        ValueError: ``host`` can't be a host name.
    """

    __slots__ = ("_incoming", "_object", "_outgoing", "ended", "open")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.open = False
        """Whether the handshake is complete, so that data can be sent."""
        self.ended = False
        """Whether the peer has closed its direction in good order."""

    def feed(self, received: bytes) -> bytes:
        """Process what was received (at first: nothing), and return the peer's decrypted data.

        Raises:
            ssl.SSLError: it is not TLS, or the peer can't be trusted.
        """
        self._incoming.write(received)
        said = []
        try:
            if not self.open:
                self._object.do_handshake()
                self.open = True
            while piece := self._object.read(_PIECE_BYTES):
                said.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        return b"".join(said)

    def say(self, text: bytes) -> None:
        """Encrypt this for sending.

        Raises:
            ssl.SSLError: the connection can't be used any more.
        """
        rest = memoryview(text)
        while rest:
            rest = rest[self._object.write(rest) :]

    def to_send(self) -> bytes:
        """Return the bytes that must be sent."""
        return self._outgoing.read()
