"""The admin pages: whether the worker is alive, whether it is ready, its metrics and its status.

GET on five fixed paths needs no framework. This is HTTP/1.1 with one request per connection, and every
connection has one deadline for everything, which neither a slow sender nor a slow reader can extend.
(aiohttp.web limits neither the number of connections nor the time of a request, and it logs each malformed
request.)
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from msgspec import Struct

from worker.telemetry.health import LoopLag
from worker.telemetry.listening import is_everywhere, listen_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.snapshot import Readiness, WorkerStatus

# The status is computed at most this often, however often it is requested.
STATUS_SECONDS = 1.0
# The head of a probe's request has about 200 bytes, that of a scrape about 500.
MAX_HEAD_BYTES = 8192
# How much of an unexpected body is read, so that its sender can read the answer.
MAX_DISCARDED_BYTES = 65536

TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"

INDEX = b"""\
personalize-worker

/live     the loop turns, and how late
/ready    whether it does its work, and if not, why not
/metrics  for Prometheus
/status   why everything is where it is, as JSON: for `personalize-worker status`
"""

log = structlog.get_logger(__name__)


class Page(Struct, frozen=True):
    """The answer to a request."""

    status: HTTPStatus
    content_type: str
    body: bytes


class AdminServer:
    """Serves the pages on the running loop.

    Args:
        host: the address to listen on; None: all addresses.
        port: the port to listen on; 0: any free one.
        readiness: called for each request of ``/ready``.
        render_metrics: called for each request of ``/metrics``.
        status: called once a second at most, for ``/status``.
        connection_seconds: the deadline of a connection.
        max_connections: how many connections may be open at once.
        lag: measures how late the loop is; by default a new one.
    """

    def __init__(  # noqa: PLR0913  an address, three sources, two bounds
        self,
        host: str | None,
        port: int,
        *,
        readiness: Callable[[], Readiness],
        render_metrics: Callable[[], bytes],
        status: Callable[[], WorkerStatus],
        connection_seconds: float = 5.0,
        max_connections: int = 64,
        lag: LoopLag | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._readiness = readiness
        self._render_metrics = render_metrics
        self._status_of = status
        self._kept: tuple[float, Page] | None = None
        self._connection_seconds = connection_seconds
        self._max_connections = max_connections
        self._pages = {
            "/": _index,
            "/live": self._live,
            "/ready": self._ready,
            "/metrics": self._metrics,
            "/status": self._status,
        }
        self._connections: dict[asyncio.Task[None], asyncio.WriteTransport] = {}
        self._server: asyncio.Server | None = None
        self._lag = LoopLag() if lag is None else lag

    async def start(self) -> int:
        """Listen, and return the port.

        Raises:
            OSError: listening on the address fails; the message says which address and why.
        """
        try:
            where: dict[str, Any] = (
                {"sock": listen_everywhere(self._port)}
                if is_everywhere(self._host)
                else {"host": self._host, "port": self._port}
            )
            self._server = await asyncio.start_server(self._serve, limit=MAX_HEAD_BYTES, **where)
        except OSError as error:
            raise OSError(error.errno, _cannot_listen(self._host, self._port, error)) from error
        self._lag.start(asyncio.get_running_loop())
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening, and close the open connections."""
        if self._server is None:
            return
        self._lag.stop()
        self._server.close()
        # Aborted and not cancelled, because Python 3.11's streams log a cancelled connection as an error.
        for transport in self._connections.values():
            transport.abort()
        await asyncio.gather(*self._connections)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine of the loop runs in a task
        transport = writer.transport
        if len(self._connections) >= self._max_connections:
            # Close the oldest: a probe takes milliseconds, so a connection that is still here is not a probe.
            self._connections.pop(next(iter(self._connections))).abort()
        self._connections[task] = transport
        try:
            # A failed connection is the peer's business; a reset may also show as ENOTCONN.
            with suppress(OSError, asyncio.IncompleteReadError):
                async with asyncio.timeout(self._connection_seconds):
                    await self._converse(reader, writer)
        finally:
            self._connections.pop(task, None)
            transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Without a write buffer, "drained" means handed to the system, so aborting afterwards loses nothing.
        writer.transport.set_write_buffer_limits(high=0)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            writer.write(_response(_status(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)))
        else:
            writer.write(self._answer(head))
        await writer.drain()
        if writer.is_closing():
            return
        writer.write_eof()
        # Closing with unread bytes resets the connection, and the answer is lost with it.
        discarded = 0
        while discarded < MAX_DISCARDED_BYTES and (chunk := await reader.read(MAX_HEAD_BYTES)):
            discarded += len(chunk)

    def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
        target, _, version = rest.partition(b" ")
        if not version.startswith(b"HTTP/1."):
            return _response(_status(HTTPStatus.BAD_REQUEST))
        page = self._pages.get(target.partition(b"?")[0].decode("latin-1"))
        if page is None:
            return _response(_status(HTTPStatus.NOT_FOUND))
        if method not in (b"GET", b"HEAD"):
            return _response(_status(HTTPStatus.METHOD_NOT_ALLOWED), "Allow: GET, HEAD\r\n")
        return _response(_made(page), with_body=method == b"GET")

    def _live(self) -> Page:
        note = f"loop lag {self._lag.last_seconds:.3f} s, at most {self._lag.worst_seconds:.3f} s lately"
        return Page(HTTPStatus.OK, TEXT, f"alive\n{note}\n".encode())

    def _ready(self) -> Page:
        readiness = self._readiness()
        status = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return Page(status, JSON, msgspec.json.encode(readiness) + b"\n")

    def _metrics(self) -> Page:
        return Page(HTTPStatus.OK, PROMETHEUS, self._render_metrics())

    def _status(self) -> Page:
        now = asyncio.get_running_loop().time()
        if self._kept is None or now >= self._kept[0] + STATUS_SECONDS:
            self._kept = now, Page(HTTPStatus.OK, JSON, msgspec.json.encode(self._status_of()) + b"\n")
        return self._kept[1]


def _index() -> Page:
    return Page(HTTPStatus.OK, TEXT, INDEX)


def _made(page: Callable[[], Page]) -> Page:
    try:
        return page()
    except Exception:
        log.exception("admin.page_failed")
        return _status(HTTPStatus.INTERNAL_SERVER_ERROR)


def _status(status: HTTPStatus) -> Page:
    return Page(status, TEXT, f"{status.phrase}\n".encode())


def _response(page: Page, more_headers: str = "", *, with_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
        f"Date: {formatdate(usegmt=True)}\r\n"
        f"Content-Type: {page.content_type}\r\n"
        f"Content-Length: {len(page.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        f"Connection: close\r\n{more_headers}\r\n"
    )
    return head.encode() + (page.body if with_body else b"")


def _cannot_listen(host: str | None, port: int, error: OSError) -> str:
    # The system's own message, because asyncio and uvloop each wrap it in a sentence of their own.
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    where = f"port {port} of all addresses" if host is None else f"{host}:{port}"
    return f"the admin server cannot listen on {where}: {why}; change admin.host or admin.port"
