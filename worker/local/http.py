"""As much of an HTTP/1.1 server as a PutEvents endpoint needs, and cheap enough to benchmark against.

It reads one request at a time per connection, bodies with a length only, and keeps connections alive. A
request becomes a value, and so is its answer (``Reply``, ``Reset``, ``Silence``); other modules decide what
it says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from worker.local.answers import Answer, Refusal, Reply, Reset, Silence, refused

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BODY_BYTES = 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
HEAD_END = b"\r\n\r\n"


class Request(Struct, frozen=True):
    """A complete request. Header names are in lower case; if one is repeated, the last counts."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Unreadable(Exception):  # noqa: N818  it names what came in
    """The bytes are not a request that this server can read."""


class Inbox:
    """Turns bytes into requests. No I/O."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> None:
        """Add received bytes, in whatever pieces they come."""
        self._buffer += received

    def next_request(self) -> Request | None:
        """Return the next complete request, or None.

        Raises:
            Unreadable: the bytes can't become a request.
        """
        head_end = self._buffer.find(HEAD_END)
        if head_end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise Unreadable
            return None
        method, target, headers = _head(bytes(self._buffer[:head_end]))
        end = head_end + len(HEAD_END) + _body_bytes(headers)
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[head_end + len(HEAD_END) : end])
        del self._buffer[:end]
        return Request(method, target, headers, body)


def _head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    try:
        method, target, _version = first.split(" ")
    except ValueError:
        raise Unreadable from None
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return method, target, headers


def _body_bytes(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise Unreadable
    return int(length)


class Connection(asyncio.Protocol):
    """One client: its requests are answered one after another.

    Args:
        respond: answers a request at once, and raises nothing.
        connections: the set of open connections; it is in this set while connected.
    """

    def __init__(self, respond: Callable[[Request], Answer], connections: set[Connection]) -> None:
        self._respond = respond
        self._connections = connections
        self._inbox = Inbox()
        # Called when the pending answer is written, or can't be any more.
        self._ended: Callable[[], None] | None = None
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Add itself to the open connections."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Remove itself from the open connections; a pending answer ends."""
        self._connections.discard(self)
        self._end()

    def data_received(self, data: bytes) -> None:
        """Answer the complete requests."""
        self._inbox.feed(data)
        self._serve()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _serve(self) -> None:
        try:
            while not self._busy and (request := self._inbox.next_request()) is not None:
                self._busy = True
                self._answer(self._respond(request))
        except Unreadable:
            self._transport.write(
                refused(Refusal("RequestEntityTooLargeException", "No request that can be read"))
            )
            self._transport.close()

    def _answer(self, answer: Answer) -> None:
        match answer:
            case Reply(payload, after_seconds, ended):
                self._ended = ended
                if after_seconds:
                    asyncio.get_running_loop().call_later(after_seconds, self._write_late, payload)
                else:
                    self._write(payload)
            case Reset(ended):
                self._ended = ended
                self._transport.abort()
            case Silence(ended):
                self._ended = ended

    def _write_late(self, payload: bytes) -> None:
        if not self._transport.is_closing():
            self._write(payload)
            self._serve()

    def _write(self, payload: bytes) -> None:
        self._end()
        self._busy = False
        self._transport.write(payload)

    def _end(self) -> None:
        if self._ended is not None:
            self._ended()
            self._ended = None
