"""Makes connections: to the endpoint itself, or through an HTTP proxy.

For an http endpoint, the proxy is asked for the whole address. For an https endpoint, the proxy opens a
tunnel and never sees more than the CONNECT. The proxy's login goes to the proxy only. Certificates are
verified either way, including the proxy's own if it is an https one.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from worker.http.errors import (
    CONNECTION_FAILED,
    DNS_FAILURE,
    PROXY_UNREACHABLE,
    TransportError,
    while_connecting,
)
from worker.http.happy_eyeballs import HappyEyeballs
from worker.http.tls import TlsEnd
from worker.http.tunnel import Tunnel

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Peer(Struct, frozen=True):
    """The host and port that an address points to: the endpoint or a proxy."""

    host: str
    port: int
    secure: bool

    @property
    def authority(self) -> str:
        """Host and port as CONNECT writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def peer_of(url: str) -> Peer:
    """Parse an http or https address."""
    parts = urlsplit(url)
    return Peer(parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme], parts.scheme == "https")


class DialProgress:
    """How far a connection attempt has got."""

    __slots__ = ("on_timeout",)

    def __init__(self) -> None:
        self.on_timeout: TransportError | None = None
        """The error to report if time runs out now; None: no particular one."""


class Dialer:
    """Makes connections that all lead to one address.

    Args:
        url: the endpoint's address.
        tls: which certificates to trust.
        proxy_url: the proxy's address, without its login; None: connect directly.
        proxy_headers: the proxy's login.
    """

    def __init__(
        self, url: str, *, tls: ssl.SSLContext, proxy_url: str | None, proxy_headers: Mapping[str, str]
    ) -> None:
        parts = urlsplit(url)
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        asked_by_address = proxy_url is not None and parts.scheme == "http"
        self.target = f"{parts.scheme}://{parts.netloc}{path}" if asked_by_address else path
        """The target in the request line."""
        self.headers = dict(proxy_headers) if asked_by_address else {}
        """Headers that each request must have in addition."""
        self._tls = tls
        self._endpoint = peer_of(url)
        self._proxied = proxy_url is not None
        self._first_peer = self._endpoint if proxy_url is None else peer_of(proxy_url)
        self._happy_eyeballs = HappyEyeballs(self._first_peer.host, self._first_peer.port)
        self._unresolved = None if _is_address(self._first_peer.host) else DNS_FAILURE
        self._connect = (
            _connect_request(self._endpoint, proxy_headers)
            if proxy_url is not None and self._endpoint.secure
            else None
        )

    def close(self) -> None:
        """Abandon a look-up in progress."""
        self._happy_eyeballs.close()

    async def dial(self, protocol: asyncio.Protocol, progress: DialProgress) -> TransportError | None:
        """Connect ``protocol``; a failure is returned, not raised. When cancelled, it leaves nothing open."""
        if self._connect is not None:
            return await self._dial_tunnel(protocol, self._connect, progress)
        return await self._dial_peer(protocol, progress)

    async def _dial_peer(self, protocol: asyncio.Protocol, progress: DialProgress) -> TransportError | None:
        """Connect to the proxy if there is one, else to the endpoint."""
        tls, name = (self._tls, self._first_peer.host) if self._first_peer.secure else (None, None)
        loop = asyncio.get_running_loop()
        unreachable = PROXY_UNREACHABLE if self._proxied else None

        def on_resolved() -> None:
            progress.on_timeout = unreachable

        progress.on_timeout = unreachable or self._unresolved
        try:
            sock = await self._happy_eyeballs.connect(on_resolved)
            progress.on_timeout = None
            await loop.create_connection(lambda: protocol, sock=sock, ssl=tls, server_hostname=name)
        except OSError as error:
            failure = while_connecting(error)
            return unreachable if unreachable and failure in {CONNECTION_FAILED, DNS_FAILURE} else failure
        return None

    async def _dial_tunnel(
        self, protocol: asyncio.Protocol, request: bytes, progress: DialProgress
    ) -> TransportError | None:
        """Let the proxy connect to the endpoint, and speak TLS through the tunnel."""
        try:
            tls = TlsEnd(self._tls, self._endpoint.host)
        except ValueError:
            # A label of the host name is empty or too long.
            return DNS_FAILURE
        tunnel = Tunnel(asyncio.get_running_loop(), request, tls, protocol)
        try:
            if failure := await self._dial_peer(tunnel, progress):
                return failure
            # uvloop reports a connection that is lost during the handshake as connected.
            if not (tunnel.is_connected or tunnel.established.done()):
                return PROXY_UNREACHABLE
            return await tunnel.established
        except asyncio.CancelledError:
            tunnel.abort()
            raise


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _connect_request(endpoint: Peer, proxy_headers: Mapping[str, str]) -> bytes:
    headers = {"Host": endpoint.authority, **proxy_headers}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return f"CONNECT {endpoint.authority} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()
