"""One connection to the API. It carries one call at a time and returns its answer, or why there is none.

The rule: an answer belongs to the call that asked for it. So a connection is closed when a call gives up on
it, and when bytes arrive that nobody asked for.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, cast

from worker.http.errors import ANSWER_TIMEOUT, TransportError
from worker.http.response_parser import MAX_ANSWER_BYTES, ResponseParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.http.reply import Reply


class Connection(asyncio.Protocol):
    """A protocol that a dialer connects and a pool uses.

    Args:
        loop: the loop it runs on.
        among: the set of existing connections. It is in this set from being connected until aborted or lost.
        on_date: receives the Date header of each answer.
        max_answer_bytes: how much of an answer's body to keep.
    """

    __slots__ = ("_all", "_is_over", "_loop", "_reader", "_transport", "_waiter", "ends_at", "open")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        among: set[Connection],
        on_date: Callable[[bytes], None],
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._all = among
        self._loop = loop
        self._reader = ResponseParser(on_date, max_answer_bytes)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply | TransportError] | None = None
        self.ends_at = inf
        """When, on the loop's clock, the answer is too late, or the idle connection too old."""
        self.open = False
        """Whether a call can be made; during a call, whether it can still be answered."""
        self._is_over = False

    def ask(self, request: bytes, ends_at: float) -> asyncio.Future[Reply | TransportError]:
        """Send a whole request over an idle connection; the future gets the answer, never an exception."""
        assert self._transport is not None  # noqa: S101  the pool uses open connections only
        self.ends_at = ends_at
        self._reader.expect()
        self._waiter = waiter = self._loop.create_future()
        self._transport.write(request)
        return waiter

    def abort(self, why: TransportError | None = None) -> None:
        """Close it at once; a call in progress is answered with ``why`` if somebody still waits for it.

        Nothing is left open. Waiting for ``connection_lost`` could take for ever: if a connection is given up
        in the same turn of the loop in which it was made, uvloop reports nothing more about it.
        """
        if why is not None:
            self._answer(why)
        self._waiter = None
        transport = self._transport
        self._forget()
        if transport is not None:
            transport.abort()

    def expire(self) -> None:
        """Close it, because its time is over."""
        self.abort(ANSWER_TIMEOUT)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Mark the connection as open."""
        # A stream's transport; uvloop's are not subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        if self._is_over:
            # It was given up before it was made.
            self._transport.abort()
            return
        self.open = True
        self._all.add(self)

    def data_received(self, data: bytes) -> None:
        """Read on; the connection is free again when the answer is complete."""
        if self._waiter is None:
            self.abort()
            return
        reply = self._reader.feed(data)
        if reply is None:
            return
        self._answer(reply)
        # A server that answers before it has read all (with 413, say) does not take the rest as the next
        # call.
        if not self._reader.reusable or (self._transport and self._transport.get_write_buffer_size()):
            self.abort()

    def eof_received(self) -> None:
        """Treat the end of the stream as the end of an answer that has no length of its own."""
        self._answer(self._reader.end())
        self.abort()

    def connection_lost(self, _: Exception | None) -> None:
        """Clean up, whatever the reason."""
        self._answer(self._reader.cut())
        self._forget()

    def _forget(self) -> None:
        self.open, self._is_over = False, True
        self._transport = None
        self._reader.drop()
        self._all.discard(self)

    def _answer(self, reply: Reply | TransportError) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(reply)
