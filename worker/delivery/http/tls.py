"""Our end of a TLS connection whose bytes somebody else carries. No I/O.

Event loops have TLS of their own, and that is used where TLS stands on TCP. On top of another TLS they can't
be relied upon: when the outer one ends without a word in the middle of the inner handshake, asyncio raises a
TypeError and uvloop says that the handshake is done.
"""

from __future__ import annotations

import ssl

_PIECE_BYTES = 65536


class TlsEnd:
    """A client. Take ``to_send`` after each of its methods, also when it raised: it may be an alert."""

    __slots__ = ("_incoming", "_object", "_outgoing", "ended", "open")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        """Expect a certificate for ``host``.

        Raises:
            ValueError: that can be no host's name.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.open = False
        """Whether the handshake is over, so that something can be said."""
        self.ended = False
        """Whether the other end has said, in good order, that it says no more."""

    def feed(self, received: bytes) -> bytes:
        """Take what was received (at first: nothing), and give what the other end says by it.

        Raises:
            ssl.SSLError: it is no TLS, or nobody to be trusted.
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
        """Say this.

        Raises:
            ssl.SSLError: the connection is of no use any more.
        """
        rest = memoryview(text)
        while rest:
            rest = rest[self._object.write(rest) :]

    def to_send(self) -> bytes:
        """Give what has to be sent."""
        return self._outgoing.read()
