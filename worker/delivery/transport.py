"""One POST over a pool of kept-alive connections, and what became of it.

The connections belong to this module, as does aiohttp: what can go wrong on the way comes out as one word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from msgspec import Struct
from yarl import URL

from worker.delivery.answers import Reply

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

MAX_ANSWER_BYTES = 65536
# Below the 20 s after which front ends of AWS have been seen to close an idle connection.
KEEP_ALIVE_SECONDS = 15.0
_OK = 200

# The first that fits counts, so the narrower stand before the wider.
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "ConnectTimeout"),
    (TimeoutError, "AnswerTimeout"),
    (aiohttp.ClientConnectorDNSError, "DnsFailure"),
    (aiohttp.ClientConnectorCertificateError, "CertificateRejected"),
    (aiohttp.ClientSSLError, "TlsFailure"),
    (aiohttp.ClientProxyConnectionError, "ProxyUnreachable"),
    (aiohttp.ClientHttpProxyError, "ProxyRefused"),
    (aiohttp.ClientConnectorError, "ConnectionFailed"),
    (aiohttp.ClientPayloadError, "AnswerCutShort"),
    (aiohttp.ClientConnectionError, "ConnectionReset"),
    (aiohttp.ClientResponseError, "AnswerUnreadable"),
    (OSError, "ConnectionReset"),
)


class Broken(Struct, frozen=True):
    """No answer came, or half of one; ``code`` is one word. The call may have been taken all the same."""

    code: str


class Transport:
    """Posts to one address. Opened on the loop that it is used on."""

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
    ) -> None:
        """Make the pool; connections are opened as they are needed.

        Args:
            url: encoded as it is to stand on the wire.
            tls: whom to trust, if the address is https.
            user_agent: who we are, version included.
            connect_seconds: for name, connection, proxy and TLS.
            answer_seconds: for all of it, from connecting to the answer's last byte.
            max_connections: as many as there are calls at once.
            proxy_url: of an HTTP proxy, without login.
            proxy_headers: its login.
        """
        self._url = URL(url, encoded=True)
        self._proxy = None if proxy_url is None else URL(proxy_url)
        self._proxy_headers = dict(proxy_headers) if proxy_url else None
        # Through a tunnel the proxy reads the head of the CONNECT only, without one that of the call itself.
        login = proxy_headers if proxy_url and self._url.scheme == "http" else {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=max_connections, ssl=tls, keepalive_timeout=KEEP_ALIVE_SECONDS
            ),
            timeout=aiohttp.ClientTimeout(total=answer_seconds, connect=connect_seconds),
            headers={"User-Agent": user_agent, **login},
            # What is not signed, compared or read is not made: each of these is paid for in every call.
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Close all connections; calls under way come out broken."""
        await self._session.close()

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply | Broken:
        """Send once. It is neither sent again, nor is a redirect followed: aiohttp repeats no POST."""
        try:
            response = await self._session.post(
                self._url,
                data=body,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy,
                proxy_headers=self._proxy_headers,
            )
            try:
                answer = b"" if response.content_length == 0 else await _beginning(response)
            finally:
                # It goes back to the pool if the answer was read to its end, and is closed if not.
                response.release()
        except (aiohttp.ClientError, OSError) as error:
            # TimeoutError is an OSError.
            return Broken(_word(error))
        return Reply(_OK) if response.status == _OK else _reply(response, answer)


def _word(error: BaseException) -> str:
    return next((word for kind, word in _WORDS if isinstance(error, kind)), "ConnectionFailed")


def _reply(response: aiohttp.ClientResponse, answer: bytes) -> Reply:
    said = response.headers
    return Reply(
        response.status,
        said.get("x-amzn-errortype", ""),
        said.get("Retry-After", ""),
        said.get("x-amz-retry-after", ""),
        answer,
    )


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Read the answer, or as much of it as anybody will look at."""
    answer = bytearray()
    while len(answer) < MAX_ANSWER_BYTES:
        chunk = await response.content.read(MAX_ANSWER_BYTES - len(answer))
        if not chunk:
            break
        answer += chunk
    return bytes(answer)
