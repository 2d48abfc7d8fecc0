from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import pytest

from tests.unit.delivery.endpoint import HANG, Act, Endpoint, answer, echo
from tests.unit.http.posting import HEADERS, OK, transport_to
from tests.unit.http.test_happy_eyeballs import silent
from worker.http.dialing import peer_of
from worker.http.errors import TransportError
from worker.http.reply import Reply

if TYPE_CHECKING:
    from pathlib import Path


class Proxy:
    """A CONNECT proxy that does dig: it sees the head of the CONNECT, and then bytes."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[bytes] = []
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        port = self._server.sockets[0].getsockname()[1]
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        # Whoever asked may be gone at any time.
        with suppress(asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            await self._tunnel(reader, writer)
        writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        try:
            # In two pieces, as it may come.
            writer.write(b"HTTP/1.1 200 Connection ")
            await writer.drain()
            writer.write(b"established\r\nVia: 1.1 proxy\r\n\r\n")
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            back.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
    writer.close()


async def test_nobody_listening_is_a_failed_connection() -> None:
    async with Endpoint() as endpoint:
        url = endpoint.url
    async with transport_to(url) as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("ConnectionFailed")


async def test_a_name_that_is_not_found_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _unknown)
    async with transport_to("http://personalize.invalid") as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("DnsFailure")


async def test_a_connection_that_is_not_made_in_time_is_given_up() -> None:
    """Nobody accepts, and the queue of the listening socket is full: the kernel leaves new ones waiting."""
    with silent() as (_, (host, port)):
        async with transport_to(f"http://{host}:{port}", seconds=0.05) as transport:
            assert await transport.post(HEADERS, b"{}") in {
                TransportError("ConnectTimeout"),
                TransportError("AnswerTimeout"),
            }


@pytest.mark.parametrize(("connect_seconds", "seconds"), [(0.05, 5.0), (5.0, 0.05)])
async def test_a_name_that_is_not_found_in_time_is_a_dns_failure_whichever_time_it_is(
    monkeypatch: pytest.MonkeyPatch, *, connect_seconds: float, seconds: float
) -> None:
    """The calls share one look-up; it fails after some of them have given up."""
    hanging = threading.Event()

    def look_up(*_: object, **__: object) -> None:
        hanging.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with transport_to(
        "http://personalize.invalid", connect_seconds=connect_seconds, seconds=seconds
    ) as transport:
        for _ in range(2):
            calls = (transport.post(HEADERS, b"{}") for _ in range(4))
            assert set(await asyncio.gather(*calls)) == {TransportError("DnsFailure")}
        late = asyncio.ensure_future(transport.post(HEADERS, b"{}"))
        await asyncio.sleep(0)
        hanging.set()
        assert await late == TransportError("DnsFailure")


async def test_a_proxy_that_is_not_reached_in_time_is_said_to_be_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither its name nor its address answers."""
    with silent() as (_, (host, port)):
        url = "https://personalize.invalid"
        async with transport_to(url, proxy_url=f"http://{host}:{port}", connect_seconds=0.05) as transport:
            assert await transport.post(HEADERS, b"{}") == TransportError("ProxyUnreachable")
    hanging = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: hanging.wait() and [])
    async with transport_to(url, proxy_url="http://proxy.invalid:1", connect_seconds=0.05) as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("ProxyUnreachable")
    hanging.set()


@pytest.mark.parametrize("host", ["a..invalid", "x" * 64 + ".invalid"])
async def test_a_name_that_can_be_none_is_a_dns_failure_also_behind_a_proxy(host: str) -> None:
    async with Endpoint() as proxy, transport_to(f"https://{host}", proxy_url=proxy.url) as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("DnsFailure")


async def test_plain_http_goes_through_the_proxy_with_its_login() -> None:
    url = "http://personalize.invalid"
    async with Endpoint() as proxy, transport_to(url, proxy_url=proxy.url) as transport:
        assert await transport.post(HEADERS, b"{}") == OK
    (request,) = proxy.requests
    assert request.target == "http://personalize.invalid/events"
    assert request.header("Proxy-Authorization") == "Basic bWU="


async def test_https_asks_the_proxy_for_a_tunnel_and_does_without_none() -> None:
    async with (
        Endpoint(answer(407)) as proxy,
        transport_to("https://personalize.invalid", proxy_url=proxy.url) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == TransportError("ProxyRefused")
    (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", "personalize.invalid:443")
    assert request.header("Proxy-Authorization") == "Basic bWU="
    assert request.header("X-Amz-Date") is None


async def test_a_proxy_that_is_away_is_said_to_be() -> None:
    async with Endpoint() as proxy:
        url = proxy.url
    async with transport_to("http://personalize.invalid", proxy_url=url) as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("ProxyUnreachable")


async def test_what_is_no_granting_is_a_refusal(certificate: Path) -> None:
    """Even a proxy that lets the endpoint speak first, for in TLS it does not."""
    said = [
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"220 smtp ready\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"",
    ]
    for each in said:
        async with Endpoint(Act(each, then="close")) as proxy:
            url = "https://personalize.invalid"
            async with transport_to(url, proxy_url=proxy.url, ca_file=str(certificate)) as transport:
                assert await transport.post(HEADERS, b"{}") == TransportError("ProxyRefused"), each
            await proxy.left()


async def test_a_proxy_that_talks_for_ever_is_refused_and_one_that_says_nothing_given_up() -> None:
    url = "https://personalize.invalid"
    async with (
        Endpoint(Act(b"x" * 70_000, then="hang"), HANG) as proxy,
        transport_to(url, proxy_url=proxy.url, connect_seconds=0.2) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == TransportError("ProxyRefused")
        assert await transport.post(HEADERS, b"{}") == TransportError("ConnectTimeout")
        await proxy.left()


async def test_what_comes_before_the_granting_is_passed_over(certificate: Path) -> None:
    granted = Act(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", then="close")
    async with Endpoint(granted) as proxy:
        url = "https://personalize.invalid"
        async with transport_to(url, proxy_url=proxy.url, ca_file=str(certificate)) as transport:
            # It is granted, and there is nobody at the other end.
            assert await transport.post(HEADERS, b"{}") in {
                TransportError("ConnectionFailed"),
                TransportError("TlsFailure"),
            }


@pytest.mark.parametrize("secure_proxy", [False, True])
async def test_calls_go_through_a_tunnel(certificate: Path, *, secure_proxy: bool) -> None:
    """With an https proxy, it is TLS within TLS; the login is the proxy's alone."""
    tls = serving(certificate)
    async with (
        Endpoint(tls=tls, otherwise=echo) as endpoint,
        Proxy(tls=tls if secure_proxy else None) as proxy,
        transport_to(endpoint.url, proxy_url=proxy.url, ca_file=str(certificate)) as transport,
    ):
        for body in (b"one", b"two", b"3" * 300_000):
            assert await transport.post(HEADERS, body) == Reply(400, body=body[:65536])
        assert len(proxy.heads) == endpoint.connections == 1
        await transport.close()
        await endpoint.left()
    assert b"Proxy-Authorization: Basic bWU=\r\n" in proxy.heads[0]
    assert all(request.header("Proxy-Authorization") is None for request in endpoint.requests)


async def test_through_a_tunnel_certificates_are_verified_too(certificate: Path) -> None:
    async with (
        Endpoint(tls=serving(certificate)) as endpoint,
        Proxy() as proxy,
        transport_to(endpoint.url, proxy_url=proxy.url) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == TransportError("CertificateRejected")
        assert endpoint.requests == []


async def test_an_https_proxy_has_to_be_who_it_says(certificate: Path) -> None:
    async with Endpoint(tls=serving(certificate)) as proxy:
        url = "http://personalize.invalid"
        async with transport_to(url, proxy_url=proxy.url) as transport:
            assert await transport.post(HEADERS, b"{}") == TransportError("CertificateRejected")
        assert proxy.requests == []
        async with transport_to(url, proxy_url=proxy.url, ca_file=str(certificate)) as transport:
            assert await transport.post(HEADERS, b"{}") == OK
        assert proxy.requests[0].target == "http://personalize.invalid/events"


async def test_a_proxys_name_that_is_not_found_is_the_proxys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _unknown)
    async with transport_to("https://personalize.invalid", proxy_url="http://proxy.invalid:1") as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("ProxyUnreachable")


def _unknown(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "not known")


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_the_ca_bundle_decides_whom_to_trust(certificate: Path) -> None:
    async with Endpoint(tls=serving(certificate)) as endpoint:
        async with transport_to(endpoint.url, ca_file=str(certificate)) as transport:
            assert await transport.post(HEADERS, b"{}") == OK
        async with transport_to(endpoint.url) as transport:
            assert await transport.post(HEADERS, b"{}") == TransportError("CertificateRejected")
        assert len(endpoint.requests) == 1


async def test_a_server_that_speaks_no_tls_is_a_tls_failure() -> None:
    def speak_at_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp ready\r\n")
        writer.close()

    server = await asyncio.start_server(speak_at_once, "127.0.0.1", 0)
    async with server, transport_to(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("TlsFailure")


async def test_a_certificate_of_another_host_is_rejected(certificate: Path) -> None:
    """It is valid for the address, not for the name."""
    async with Endpoint(tls=serving(certificate)) as endpoint:
        url = endpoint.url.replace("127.0.0.1", "localhost")
        async with transport_to(url, ca_file=str(certificate)) as transport:
            assert await transport.post(HEADERS, b"{}") == TransportError("CertificateOfAnotherHost")
        assert endpoint.requests == []


async def test_tls_that_is_never_answered_is_given_up() -> None:
    """The other end accepts and says nothing."""
    gone = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()
        gone.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, transport_to(url, connect_seconds=0.05) as transport:
        assert await transport.post(HEADERS, b"{}") == TransportError("ConnectTimeout")
        await asyncio.wait_for(gone.wait(), 5)


@pytest.mark.parametrize(
    ("url", "authority", "secure"),
    [
        ("http://a.b/c", "a.b:80", False),
        ("https://a.b", "a.b:443", True),
        ("https://[::1]:8/c", "[::1]:8", True),
    ],
)
def test_a_place_is_host_and_port(url: str, authority: str, *, secure: bool) -> None:
    assert (peer_of(url).authority, peer_of(url).secure) == (authority, secure)
