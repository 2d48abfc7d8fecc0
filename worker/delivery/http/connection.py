"""One connection to the API: a call at a time, its answer or why there is none.

The rule: an answer belongs to the call that asked for it. So a connection ends with a call that gave up on
it, and with bytes that nobody asked for.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, cast

from worker.delivery.http.errors import ANSWER_TIMEOUT, TransportError
from worker.delivery.http.response_parser import ResponseParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.delivery.reply import Reply


class Connection(asyncio.Protocol):
    """Made by a dialer, used by a pool."""

    __slots__ = ("_all", "_is_over", "_loop", "_reader", "_transport", "_waiter", "ends_at", "open")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, among: set[Connection], on_date: Callable[[bytes], None]
    ) -> None:
        """Begin unconnected.

        Args:
            loop: it runs here.
            among: those that there are, in which it is from being made to being aborted or lost.
            on_date: is given the Date of each answer.
        """
        self._all = among
        self._loop = loop
        self._reader = ResponseParser(on_date)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Reply | TransportError] | None = None
        self.ends_at = inf
        """When, on the loop's clock, the answer is too late, or an idle connection too old."""
        self.open = False
        """Whether a call can be made; with one under way, whether it still can be answered."""
        self._is_over = False

    def ask(self, request: bytes, ends_at: float) -> asyncio.Future[Reply | TransportError]:
        """Send a whole request over an idle connection; the future is given the answer, and no exception."""
        assert self._transport is not None  # noqa: S101  the pool asks open connections only
        self.ends_at = ends_at
        self._reader.expect()
        self._waiter = waiter = self._loop.create_future()
        self._transport.write(request)
        return waiter

    def abort(self, why: TransportError | None = None) -> None:
        """End it at once; a call under way is answered with ``why``, if there still is one that waits.

        Nothing is left of it then. To wait for ``connection_lost`` would be to wait for ever: of a connection
        that was given up in the turn of the loop in which it was made, uvloop tells nothing more.
        """
        if why is not None:
            self._answer(why)
        self._waiter = None
        transport = self._transport
        self._forget()
        if transport is not None:
            transport.abort()

    def expire(self) -> None:
        """End it, for its time is over."""
        self.abort(ANSWER_TIMEOUT)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be open."""
        # A stream's, and uvloop's are no subclasses.
        self._transport = cast("asyncio.Transport", transport)
        if self._is_over:
            # It was given up before it was made.
            self._transport.abort()
            return
        self.open = True
        self._all.add(self)

    def data_received(self, data: bytes) -> None:
        """Read on, and be free again when the answer is whole."""
        if self._waiter is None:
            self.abort()
            return
        reply = self._reader.feed(data)
        if reply is None:
            return
        self._answer(reply)
        # A server that answers before it has heard all (413, say) does not read the rest as the next call.
        if not self._reader.reusable or (self._transport and self._transport.get_write_buffer_size()):
            self.abort()

    def eof_received(self) -> None:
        """Take the end of the stream for the end of an answer that has no other."""
        self._answer(self._reader.end())
        self.abort()

    def connection_lost(self, _: Exception | None) -> None:
        """Be gone, for whatever reason."""
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
