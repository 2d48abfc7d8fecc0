"""Sends requests over a pool of kept-alive connections, and returns the outcome.

A call has one deadline for everything: a free connection, name look-up, TCP, proxy, TLS, the last byte of the
answer. It is sent at most once, nothing here sends it again, and no redirect is followed. Deadlines are
checked ten times a second for all connections together, which costs nothing per call.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from worker.http.connection import Connection
from worker.http.dialing import Dialer, DialProgress
from worker.http.errors import ANSWER_TIMEOUT, CONNECT_TIMEOUT, CONNECTION_RESET, TransportError
from worker.http.response_parser import MAX_ANSWER_BYTES

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from worker.http.reply import Reply

# Below the 20 s after which AWS front ends have been seen to close an idle connection.
KEEP_ALIVE_SECONDS = 15.0
# How late a deadline may be noticed.
SWEEP_SECONDS = 0.1
# Turns of the loop: one for TLS, one for TCP, and one spare.
_TURNS_TO_CLOSE = 3


class Transport:
    """Posts to one address, or gets what stands below it. Connections are opened as needed.

    Create it on the loop that uses it.

    Args:
        url: encoded as on the wire.
        tls: which certificates to trust, if the address is https.
        user_agent: our name, with the version.
        connect_seconds: the limit for name look-up, connection, proxy and TLS.
        answer_seconds: the limit for everything, from connecting to the last byte of the answer.
        max_connections: the maximum number of simultaneous calls.
        proxy_url: the address of an HTTP proxy, without its login.
        proxy_headers: the proxy's login.
        on_date: receives the Date header of each answer, as the API wrote it.
        keep_alive_seconds: how long to keep an unused connection.
        max_answer_bytes: how much of an answer's body to keep.
    """

    def __init__(  # noqa: PLR0913  a connection pool is this many choices
        self,
        url: str,
        *,
        tls: ssl.SSLContext,
        user_agent: str,
        connect_seconds: float,
        answer_seconds: float,
        max_connections: int,
        proxy_url: str | None,
        proxy_headers: Mapping[str, str],
        on_date: Callable[[bytes], None],
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._dialer = Dialer(url, tls=tls, proxy_url=proxy_url, proxy_headers=proxy_headers)
        self._own_lines = _lines({"User-Agent": user_agent, **self._dialer.headers})
        self._head = f"POST {self._dialer.target} HTTP/1.1\r\n{self._own_lines}"
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds
        self._keep_alive_seconds = keep_alive_seconds
        self._hear_date = on_date
        self._max_answer_bytes = max_answer_bytes
        # Each holder of a slot takes an idle connection or makes one, so there are never more connections
        # than slots.
        self._slots = asyncio.Semaphore(max_connections)
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._dials: set[asyncio.Timeout] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def connections(self) -> int:
        """The number of connections, including idle ones."""
        return len(self._connections)

    async def close(self) -> None:
        """Close all connections; calls in progress and later calls fail. It may be called twice."""
        self._closed = True
        for limit in self._dials:
            if not limit.expired():
                limit.reschedule(self._loop.time())
        for connection in list(self._connections):
            connection.abort(CONNECTION_RESET)
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._dialer.close()
        # The loop closes an aborted connection in one of its next turns; not every loop reports it.
        for _ in range(_TURNS_TO_CLOSE):
            await asyncio.sleep(0)

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply | TransportError:
        """Send once, and return the answer or why there is none."""
        head = f"{self._head}{_lines(headers)}Content-Length: {len(body)}\r\n\r\n"
        return await self._call(head.encode() + body)

    async def get(self, path: str, headers: Mapping[str, str]) -> Reply | TransportError:
        """Ask once for what stands at ``path`` below the address: encoded, and with a slash before it."""
        target = self._dialer.target.rstrip("/") + path
        return await self._call(f"GET {target} HTTP/1.1\r\n{self._own_lines}{_lines(headers)}\r\n".encode())

    async def _call(self, request: bytes) -> Reply | TransportError:
        ends_at = self._loop.time() + self._answer_seconds
        if not await self._slot(ends_at):
            return ANSWER_TIMEOUT
        try:
            connection = self._idle_one() or await self._dial(ends_at)
            if isinstance(connection, TransportError):
                return connection
            return await self._exchange(connection, request, ends_at)
        finally:
            self._slots.release()

    async def _exchange(
        self, connection: Connection, request: bytes, ends_at: float
    ) -> Reply | TransportError:
        try:
            reply = await connection.ask(request, ends_at)
        except asyncio.CancelledError:
            # Otherwise this answer would be taken for that of the next call.
            connection.abort()
            raise
        if connection.open:
            connection.ends_at = self._loop.time() + self._keep_alive_seconds
            self._idle.append(connection)
        return reply

    async def _slot(self, ends_at: float) -> bool:
        if not self._slots.locked():
            return await self._slots.acquire()
        try:
            async with asyncio.timeout_at(ends_at):
                return await self._slots.acquire()
        except TimeoutError:
            return False

    def _idle_one(self) -> Connection | None:
        """Take the most recently used connection, so that surplus ones grow old and are closed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.open and connection.ends_at > self._loop.time():
                return connection
            connection.abort()
        return None

    async def _dial(self, ends_at: float) -> Connection | TransportError:
        connection = Connection(self._loop, self._connections, self._hear_date, self._max_answer_bytes)
        failure = await self._dial_in_time(connection, ends_at)
        if self._closed or not (failure or connection.open):
            failure = CONNECTION_RESET
        if failure:
            connection.abort()
            return failure
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        return connection

    async def _dial_in_time(self, connection: Connection, ends_at: float) -> TransportError | None:
        if self._closed:
            return CONNECTION_RESET
        connect_ends_at = self._loop.time() + self._connect_seconds
        limit, progress = asyncio.timeout_at(min(ends_at, connect_ends_at)), DialProgress()
        try:
            async with limit:
                self._dials.add(limit)
                return await self._dialer.dial(connection, progress)
        except TimeoutError:
            return progress.on_timeout or (CONNECT_TIMEOUT if connect_ends_at < ends_at else ANSWER_TIMEOUT)
        except asyncio.CancelledError:
            connection.abort()
            raise
        finally:
            self._dials.discard(limit)

    def _sweep(self) -> None:
        """Close connections whose deadline has passed; repeat while any exist."""
        now = self._loop.time()
        for connection in list(self._connections):
            if connection.ends_at <= now:
                connection.expire()
        self._idle = [each for each in self._idle if each.open]
        again = bool(self._connections)
        self._sweeping = self._loop.call_later(SWEEP_SECONDS, self._sweep) if again else None


def _lines(headers: Mapping[str, str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
