"""The admin pages: whether the worker is alive, whether it is ready, its metrics and its status.

An ASGI application of fixed paths; what is for a browser comes from a ``Site``. A connection carries one
request and has one deadline for all it does, which neither a slow sender nor a slow reader can extend;
``http_server`` enforces that.
"""

from __future__ import annotations

import asyncio
import os
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from worker.telemetry.health import LoopLag
from worker.telemetry.listening import is_everywhere, listen_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.snapshot import Readiness
    from worker.core.model.worker_status import WorkerStatus
    from worker.telemetry.http_server import HttpServer, Receive, Scope, Send

# The status is computed at most this often, however often it is requested.
STATUS_SECONDS = 1.0
# The head of a probe's request has about 200 bytes, that of a scrape about 500.
MAX_HEAD_BYTES = 8192

TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"

# Nothing of an answer is to be run, framed, kept or taken for something else, whoever shows it.
SAFE_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
NOTHING_ALLOWED = "default-src 'none'; frame-ancestors 'none'"

log = structlog.get_logger(__name__)


class Page(Struct, frozen=True):
    """An answer. ``allow`` names the methods that are allowed, where another one was used.

    ``policy`` is its Content-Security-Policy.
    """

    status: HTTPStatus
    content_type: str
    body: bytes
    allow: str | None = None
    policy: str = NOTHING_ALLOWED


class Site(Protocol):
    """The pages for a browser."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch; the server is listening."""

    def stop(self) -> None:
        """Watch no more."""

    def page(self, path: bytes) -> Callable[[], Page] | None:
        """Return what makes the answer for this path, as it was sent; None: there is no such page."""


class AdminServer:
    """Serves the pages on the running loop.

    Args:
        host: the address to listen on; None: all addresses.
        port: the port to listen on; 0: any free one.
        readiness: called for each request of ``/ready``.
        render_metrics: called for each request of ``/metrics``.
        status: called once a second at most, for ``/status``.
        site: further pages; None: none.
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
        site: Site | None = None,
        connection_seconds: float = 5.0,
        max_connections: int = 64,
        lag: LoopLag | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._readiness = readiness
        self._render_metrics = render_metrics
        self._status_of = status
        self._site = site
        self._kept: tuple[float, Page] | None = None
        self._connection_seconds = connection_seconds
        self._max_connections = max_connections
        self._pages = {
            b"/live": self._live,
            b"/ready": self._ready,
            b"/metrics": self._metrics,
            b"/status": self._status,
        }
        self._server: HttpServer | None = None
        self._lag = LoopLag() if lag is None else lag

    async def start(self) -> int:
        """Listen, and return the port.

        Raises:
            OSError: listening on the address fails; the message says which address and why.
        """
        # Imported here: it takes long, and not all that imports this module serves the pages.
        from worker.telemetry.http_server import MAX_DISCARDED_BYTES, Bounds, HttpServer  # noqa: PLC0415  as said

        bounds = Bounds(
            head_bytes=MAX_HEAD_BYTES,
            request_bytes=MAX_HEAD_BYTES + MAX_DISCARDED_BYTES,
            connection_seconds=self._connection_seconds,
            max_connections=self._max_connections,
        )
        server = HttpServer(self._application, bounds)
        try:
            where: dict[str, Any] = (
                {"sock": listen_everywhere(self._port)}
                if is_everywhere(self._host)
                else {"host": self._host, "port": self._port}
            )
            port = await server.listen(**where)
        except OSError as error:
            raise OSError(error.errno, _cannot_listen(self._host, self._port, error)) from error
        self._server = server
        self._lag.start(asyncio.get_running_loop())
        if self._site is not None:
            self._site.start(asyncio.get_running_loop())
        return port

    async def stop(self) -> None:
        """Stop listening, and close the open connections."""
        if self._server is None:
            return
        self._lag.stop()
        if self._site is not None:
            self._site.stop()
        await self._server.close()

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        from worker.telemetry.http_server import answer_unread  # noqa: PLC0415  see start()

        page = self._answer(scope)
        await answer_unread(receive, send, page.status.value, _headers(page), page.body)

    def _answer(self, scope: Scope) -> Page:
        if scope["http_version"] not in {"1.0", "1.1"}:
            return _status(HTTPStatus.BAD_REQUEST)
        # As it was sent, not decoded: a page has one address.
        page = self._pages.get(scope["raw_path"])
        if page is None and self._site is not None:
            page = self._site.page(scope["raw_path"])
        if page is None:
            return _status(HTTPStatus.NOT_FOUND)
        if scope["method"] not in {"GET", "HEAD"}:
            return replace(_status(HTTPStatus.METHOD_NOT_ALLOWED), allow="GET, HEAD")
        return _made(page)

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


def _made(page: Callable[[], Page]) -> Page:
    try:
        return page()
    except Exception:
        log.exception("admin.page_failed")
        return _status(HTTPStatus.INTERNAL_SERVER_ERROR)


def _status(status: HTTPStatus) -> Page:
    return Page(status, TEXT, f"{status.phrase}\n".encode())


def _headers(page: Page) -> list[tuple[bytes, bytes]]:
    headers = {
        "date": formatdate(usegmt=True),
        "content-type": page.content_type,
        "content-length": str(len(page.body)),
        "content-security-policy": page.policy,
        **SAFE_HEADERS,
    }
    if page.allow is not None:
        headers["allow"] = page.allow
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _cannot_listen(host: str | None, port: int, error: OSError) -> str:
    # The system's own message, because asyncio and uvloop each wrap it in a sentence of their own.
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    where = f"port {port} of all addresses" if host is None else f"{host}:{port}"
    return f"the admin server cannot listen on {where}: {why}; change admin.host or admin.port"
