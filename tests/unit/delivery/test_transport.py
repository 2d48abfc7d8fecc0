from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.unit.delivery.endpoint import CLOSE, HANG, RESET, Act, Endpoint, answer
from worker.delivery.answers import Reply
from worker.delivery.service import tls_context
from worker.delivery.transport import MAX_ANSWER_BYTES, Broken, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HEADERS = {"Host": "somewhere", "Content-Type": "application/json", "X-Amz-Date": "20231114T235959Z"}
OK = Reply(200)


@asynccontextmanager
async def transport_to(
    url: str, *, ca_file: str | None = None, proxy_url: str | None = None, seconds: float = 5.0
) -> AsyncIterator[Transport]:
    transport = Transport(
        f"{url}/events",
        tls=tls_context(ca_file),
        user_agent="personalize-worker/9",
        connect_seconds=seconds,
        answer_seconds=seconds,
        max_connections=4,
        proxy_url=proxy_url,
        proxy_headers={"Proxy-Authorization": "Basic bWU="},
    )
    try:
        yield transport
    finally:
        await transport.close()


async def test_headers_and_body_arrive_as_given_and_hardly_more() -> None:
    async with Endpoint() as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.post(HEADERS, b'{"a":1}') == OK
    (request,) = endpoint.requests
    assert (request.method, request.target, request.body) == ("POST", "/events", b'{"a":1}')
    assert dict(request.headers) == {**HEADERS, "User-Agent": "personalize-worker/9", "Content-Length": "7"}


async def test_one_connection_serves_calls_that_follow_one_another() -> None:
    chunked = Act(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    acts = [answer(200), answer(400, b"{}"), chunked]
    async with Endpoint(*acts) as endpoint, transport_to(endpoint.url) as transport:
        replies = [await transport.post(HEADERS, b"{}") for _ in range(4)]
        assert [reply.status for reply in replies if isinstance(reply, Reply)] == [200, 400, 200, 200]
        assert endpoint.connections == 1


async def test_no_more_connections_are_made_than_were_allowed() -> None:
    async with Endpoint() as endpoint, transport_to(endpoint.url) as transport:
        replies = await asyncio.gather(*(transport.post(HEADERS, b"{}") for _ in range(20)))
        assert replies == [OK] * 20
        assert endpoint.connections <= 4


async def test_what_an_error_says_comes_with_it() -> None:
    said = {"x_amzn_errortype": "ThrottlingException", "Retry_After": "3", "x_amz_retry_after": "1500"}
    async with (
        Endpoint(answer(400, b'{"message":"m"}', **said)) as endpoint,
        transport_to(endpoint.url) as transport,
    ):
        reply = await transport.post(HEADERS, b"{}")
    assert reply == Reply(400, "ThrottlingException", "3", "1500", b'{"message":"m"}')


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with Endpoint() as elsewhere, Endpoint(answer(status, Location=elsewhere.url)) as endpoint:
        async with transport_to(endpoint.url) as transport:
            assert await transport.post(HEADERS, b"{}") == Reply(status)
        assert elsewhere.requests == []


@pytest.mark.parametrize("act", [RESET, CLOSE])
@pytest.mark.parametrize("calls_before", [0, 1])
async def test_a_lost_connection_is_reported_and_the_call_not_sent_again(act: Act, calls_before: int) -> None:
    """With a call before, it is a kept-alive connection, on which aiohttp repeats other methods silently."""
    acts = [*[answer(200)] * calls_before, act]
    async with Endpoint(*acts) as endpoint, transport_to(endpoint.url) as transport:
        for _ in range(calls_before):
            assert await transport.post(HEADERS, b"{}") == OK
        assert await transport.post(HEADERS, b"{}") == Broken("ConnectionReset")
        assert len(endpoint.requests) == calls_before + 1
        assert await transport.post(HEADERS, b"{}") == OK


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 400 X\r\ncontent-length: 9\r\n\r\n{"]
)
async def test_an_answer_that_does_not_end_in_time_is_given_up(beginning: bytes) -> None:
    async with (
        Endpoint(Act(beginning, then="hang")) as endpoint,
        transport_to(endpoint.url, seconds=0.05) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == Broken("AnswerTimeout")


@pytest.mark.parametrize("length", ["content-length: 9", "transfer-encoding: chunked"])
async def test_half_an_answer_is_none(length: str) -> None:
    half = Act(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n3".encode(), then="close")
    async with Endpoint(half) as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.post(HEADERS, b"{}") == Broken("AnswerCutShort")


async def test_what_is_no_http_is_unreadable() -> None:
    async with (
        Endpoint(Act(b"220 smtp ready\r\n\r\n", then="close")) as endpoint,
        transport_to(endpoint.url) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == Broken("AnswerUnreadable")


async def test_of_a_huge_answer_only_the_beginning_is_read() -> None:
    head = b"HTTP/1.1 500 X\r\ncontent-length: 99999999\r\n\r\n"
    huge = Act(head + b"x" * (4 * MAX_ANSWER_BYTES), then="hang")
    async with Endpoint(huge) as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.post(HEADERS, b"{}") == Reply(500, body=b"x" * MAX_ANSWER_BYTES)
        assert await transport.post(HEADERS, b"{}") == OK
        assert endpoint.connections == 2


async def test_nobody_listening_is_a_failed_connection() -> None:
    async with Endpoint() as endpoint:
        url = endpoint.url
    async with transport_to(url) as transport:
        assert await transport.post(HEADERS, b"{}") == Broken("ConnectionFailed")


async def test_a_name_that_is_not_found_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    async with transport_to("http://personalize.invalid") as transport:
        assert await transport.post(HEADERS, b"{}") == Broken("DnsFailure")


async def test_a_connection_that_is_not_made_in_time_is_given_up() -> None:
    """Nobody accepts, and the queue of the listening socket is full: the kernel leaves new ones waiting."""
    with socket.socket() as silent, socket.socket() as first, socket.socket() as second:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for client in (first, second):
            client.settimeout(0)
            client.connect_ex(silent.getsockname())
        async with transport_to(f"http://127.0.0.1:{silent.getsockname()[1]}", seconds=0.05) as transport:
            assert await transport.post(HEADERS, b"{}") in {Broken("ConnectTimeout"), Broken("AnswerTimeout")}


async def test_a_cancelled_call_is_cancelled() -> None:
    async with Endpoint(HANG) as endpoint, transport_to(endpoint.url) as transport:
        call = asyncio.ensure_future(transport.post(HEADERS, b"{}"))
        await endpoint.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_closing_breaks_the_calls_under_way() -> None:
    async with Endpoint(HANG) as endpoint:
        async with transport_to(endpoint.url) as transport:
            call = asyncio.ensure_future(transport.post(HEADERS, b"{}"))
            await endpoint.asked.wait()
        assert await call == Broken("ConnectionReset")


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
        assert await transport.post(HEADERS, b"{}") == Broken("ProxyRefused")
    (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", "personalize.invalid:443")
    assert request.header("Proxy-Authorization") == "Basic bWU="
    assert request.header("X-Amz-Date") is None


async def test_a_proxy_that_is_away_is_said_to_be() -> None:
    async with Endpoint() as proxy:
        url = proxy.url
    async with transport_to("http://personalize.invalid", proxy_url=url) as transport:
        assert await transport.post(HEADERS, b"{}") == Broken("ProxyUnreachable")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate of our own for 127.0.0.1, key and all in one file."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("needs the openssl command")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", path, "-out", path.with_suffix(".crt"), "-days", "2", "-subj", "/CN=worker-test"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "keyUsage=digitalSignature,keyCertSign"),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_the_ca_bundle_decides_whom_to_trust(certificate: Path) -> None:
    async with Endpoint(tls=serving(certificate)) as endpoint:
        async with transport_to(endpoint.url, ca_file=str(certificate)) as transport:
            assert await transport.post(HEADERS, b"{}") == OK
        async with transport_to(endpoint.url) as transport:
            assert await transport.post(HEADERS, b"{}") == Broken("CertificateRejected")
        assert len(endpoint.requests) == 1


async def test_a_server_that_speaks_no_tls_is_a_tls_failure() -> None:
    def speak_at_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp ready\r\n")
        writer.close()

    server = await asyncio.start_server(speak_at_once, "127.0.0.1", 0)
    async with server, transport_to(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as transport:
        assert await transport.post(HEADERS, b"{}") == Broken("TlsFailure")
