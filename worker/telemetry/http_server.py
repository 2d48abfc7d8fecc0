"""An HTTP/1.1 server on the running loop: uvicorn's protocol for an ASGI application, within bounds.

uvicorn does HTTP: it parses requests (llhttp, by httptools), writes answers and keeps connections alive.
Its ``Server`` is left out, because all that it adds is unwanted here: it installs signal handlers, wakes up
ten times a second and takes at least 0.1 s to stop. A protocol needs only ``loop.create_server``.

uvicorn bounds neither the size of a head nor the time nor the number of connections, and it logs each
malformed request. ``_Connection`` adds these bounds, and no more.

An application may only wait for ``receive`` and ``send``. Both end when the connection does, so closing the
server ends all applications.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# What is read of a body that nobody asked for, so that its sender gets to see the answer.
MAX_DISCARDED_BYTES: Final = 65_536
# A body that was announced and stops coming is waited for no longer: the answer has been sent.
DISCARD_SECONDS: Final = 0.5
# The key in a scope's extensions of what resets the connection.
RESET: Final = "worker.reset"
# Applications end at once when their connections are cut. One that does not is cancelled.
_LAST_SECONDS: Final = 1.0
# uvicorn warns of each malformed request, and anybody who reaches the port can send one.
_log = logging.getLogger("worker.http")
_log.setLevel(logging.ERROR)


class Bounds(Struct, frozen=True):
    """What a client may take."""

    head_bytes: int
    # Of a whole request: its head, its body, and what may follow a chunked body.
    request_bytes: int = 4 << 20
    # From its beginning to its end, whatever is sent or read meanwhile.
    connection_seconds: float | None = None
    # One more, and the oldest connection is cut.
    max_connections: int | None = None
    # How long a connection may be idle between two requests.
    idle_seconds: int = 5


class HttpServer:
    """Serves an ASGI application on the running loop."""

    def __init__(self, application: Application, bounds: Bounds) -> None:
        """Take the application and what its clients may take."""
        self._config = Config(
            cast("ASGIApplication", application),
            interface="asgi3",
            http=HttpToolsProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=bounds.idle_seconds,
        )
        self._bounds = bounds
        self._state = ServerState()
        self._connections = _Connections(bounds.max_connections)

    async def listen(self, **where: Any) -> int:  # noqa: ANN401  the arguments of loop.create_server
        """Listen, and return the port.

        Raises:
            OSError: the address can't be listened on.
        """
        self._server = await asyncio.get_running_loop().create_server(self._connection, **where)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, and cut the connections there are."""
        self._server.close()
        self._connections.close()
        if self._state.tasks:
            _, late = await asyncio.wait(self._state.tasks, timeout=_LAST_SECONDS)
            for task in late:
                task.cancel()
        await self._server.wait_closed()

    def _connection(self) -> _Connection:
        return _Connection(self._config, self._state, self._bounds, self._connections)


class _Connections:
    """Those that are open, with a bound on their number."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        # In the order in which they were made.
        self._open: dict[_Connection, None] = {}
        self._is_closing = False

    def add(self, connection: _Connection) -> None:
        """Take a new one, and cut the oldest of too many; cut the new one after ``close``."""
        # The loop makes a connection some turns after it was accepted: the server may be closed by then.
        if self._is_closing:
            connection.abort()
            return
        if self._most is not None and len(self._open) >= self._most:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.abort()
        self._open[connection] = None

    def remove(self, connection: _Connection) -> None:
        """Forget one that has ended."""
        self._open.pop(connection, None)

    def close(self) -> None:
        """Cut all, and each that is still to come."""
        self._is_closing = True
        for connection in list(self._open):
            connection.abort()


class _Unwanted(Exception):  # noqa: N818  it names what came in
    """Tells the parser to stop. uvicorn then calls ``send_400_response``."""


class _Connection(HttpToolsProtocol):
    """A connection within its bounds.

    It overrides methods that uvicorn does not document; the tests of the bounds show whether a new version of
    uvicorn still calls them.
    """

    def __init__(self, config: Config, state: ServerState, bounds: Bounds, connections: _Connections) -> None:
        super().__init__(config, state, app_state={}, _loop=asyncio.get_running_loop())
        self.logger = _log
        self._bounds = bounds
        self._among = connections
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = False
        self._request_bytes = 0
        # Of the head that is coming, at most: what came with its end is counted too.
        self._head_bytes = 0
        self._head_is_too_large = False
        self._extensions: dict[str, dict[object, object]] = {RESET: {"abort": self.abort}}

    def abort(self) -> None:
        """Reset the connection: what was not sent yet is lost."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self._among.add(self)
        if self._bounds.connection_seconds is not None:
            self._deadline = self.loop.call_later(self._bounds.connection_seconds, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._among.remove(self)
        if self._deadline is not None:
            self._deadline.cancel()
        # uvicorn forgets this after an error, and an idle hour would keep the connection in memory.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._head_bytes = self._head_bytes + len(data) if self._in_head else len(data)
        # uvicorn keeps the headers that may end a chunked body, and the parser one that does not end.
        self._request_bytes += len(data)
        if not self._in_head and self._request_bytes - len(data) > self._bounds.request_bytes:
            self.abort()
            return
        super().data_received(data)
        if self._in_head and self._head_bytes > self._bounds.head_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        # No pipelining. uvicorn queues such requests without a bound, and tells only the last of them that
        # the client has gone.
        if self._is_answering():
            raise _Unwanted
        self._in_head = True
        self._request_bytes = self._head_bytes
        super().on_message_begin()
        self.scope["extensions"] = self._extensions

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            raise _Unwanted
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        # What came so far may have a part of the body in it.
        if self._head_bytes > self._bounds.head_bytes:
            lines = sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
            self._head_is_too_large = len(self.url) + lines > self._bounds.head_bytes
            if self._head_is_too_large:
                raise _Unwanted
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's signature
        """Refuse what can't be parsed or was not wanted. uvicorn calls it for whatever its parser raises."""
        if not self._is_answering():
            large = self._head_is_too_large
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if large else HTTPStatus.BAD_REQUEST)
        elif self.cycle.more_body:
            # The body that is being read is broken, so the request will never be whole.
            self.abort()
        else:
            # Nothing may be written into an answer. What came behind its request is never answered.
            self.cycle.keep_alive = False

    def _is_answering(self) -> bool:
        # uvicorn declares it as always there, and sets it with the first head.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and not cycle.response_complete

    def _refuse(self, status: HTTPStatus) -> None:
        self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


async def answer_unread(
    receive: Receive, send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> None:
    """Answer a request without reading its body first, and close the connection.

    The answer goes out at once. A body that does not come keeps the connection for ``DISCARD_SECONDS`` more.
    """
    closing = [*headers, (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": closing})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    # Closing on unread bytes resets the connection, and the answer with it. So the end of the answer, at
    # which uvicorn closes, is sent when the request's body has been read.
    with suppress(TimeoutError):
        await _discard_body(receive)
    await send({"type": "http.response.body"})


async def _discard_body(receive: Receive) -> None:
    """Read the body, to its end or ``MAX_DISCARDED_BYTES``; raise ``TimeoutError`` where it stops coming."""
    discarded = 0
    while discarded < MAX_DISCARDED_BYTES:
        message = await asyncio.wait_for(receive(), DISCARD_SECONDS)
        discarded += len(message.get("body", b""))
        if not message.get("more_body", False):
            return
