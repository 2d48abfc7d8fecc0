"""Whose answer is whose, how many connections there are, and when they end."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.unit.delivery.endpoint import CLOSE, HANG, Act, Captured, Endpoint, answer, echo
from tests.unit.http.posting import HEADERS, OK, transport_to
from worker.http.errors import TransportError
from worker.http.reply import Reply

if TYPE_CHECKING:
    from pathlib import Path

    from worker.http.transport import Transport


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest) -> tuple[ssl.SSLContext | None, str | None]:
    """Give what a server needs for it, and the client's file of certificates."""
    if request.param == "http":
        return None, None
    certificate: Path = request.getfixturevalue("certificate")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context, str(certificate)


async def test_of_64_calls_over_8_connections_each_gets_its_own_answer(
    tls: tuple[ssl.SSLContext | None, str | None],
) -> None:
    async with (
        Endpoint(tls=tls[0], otherwise=echo) as endpoint,
        transport_to(endpoint.url, ca_file=tls[1], max_connections=8) as transport,
    ):
        bodies = [b"%d" % number for number in range(64)]
        replies = await asyncio.gather(*(transport.post(HEADERS, body) for body in bodies))
        assert replies == [Reply(400, body=body) for body in bodies]
        assert endpoint.connections == 8


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_cancelled_no_answer_goes_astray_and_nothing_is_leaked(
    tls: tuple[ssl.SSLContext | None, str | None], seed: int
) -> None:
    """While waiting, dialing, sending, answered: a third of the calls is cancelled at random moments."""
    chance = random.Random(seed)  # noqa: S311  a test's dice, not a secret
    async with (
        Endpoint(tls=tls[0], otherwise=echo) as endpoint,
        transport_to(endpoint.url, ca_file=tls[1], max_connections=8) as transport,
    ):
        calls = {
            body: asyncio.ensure_future(transport.post(HEADERS, body))
            for body in (b"%d" % number for number in range(150))
        }
        while not all(call.done() for call in calls.values()):
            await asyncio.sleep(0)
            if chance.random() < 0.3:
                chance.choice(list(calls.values())).cancel()
        for body, call in calls.items():
            assert call.cancelled() or call.result() == Reply(400, body=body)
        again = await asyncio.gather(*(transport.post(HEADERS, b"again") for _ in range(16)))
        assert again == [Reply(400, body=b"again")] * 16
        await transport.close()
        await endpoint.left()


async def test_a_cancelled_call_ends_its_connection_and_the_next_gets_another() -> None:
    async with Endpoint(HANG) as endpoint, transport_to(endpoint.url, max_connections=1) as transport:
        call = asyncio.ensure_future(transport.post(HEADERS, b"{}"))
        await endpoint.asked.wait()
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        await endpoint.left()
        assert await transport.post(HEADERS, b"{}") == OK
        assert endpoint.connections == 2


async def test_waiting_for_a_connection_is_part_of_the_time_that_a_call_has() -> None:
    async with (
        Endpoint(otherwise=lambda _: HANG) as endpoint,
        transport_to(endpoint.url, max_connections=1, seconds=0.1) as transport,
    ):
        replies = await asyncio.gather(*(transport.post(HEADERS, b"{}") for _ in range(3)))
        assert replies == [TransportError("AnswerTimeout")] * 3


async def test_the_connection_used_last_is_taken_first() -> None:
    """So those that are too many grow old, and go."""
    async with Endpoint() as endpoint, transport_to(endpoint.url) as transport:
        await asyncio.gather(*(transport.post(HEADERS, b"{}") for _ in range(3)))
        assert endpoint.connections == 3
        for _ in range(4):
            assert await transport.post(HEADERS, b"{}") == OK
        assert len({request.connection for request in endpoint.requests[3:]}) == 1


async def test_an_idle_connection_is_closed_in_time() -> None:
    async with Endpoint() as endpoint, transport_to(endpoint.url, keep_alive_seconds=0.05) as transport:
        assert await transport.post(HEADERS, b"{}") == OK
        await endpoint.left()
        assert await transport.post(HEADERS, b"{}") == OK
        assert endpoint.connections == 2


async def test_one_that_is_too_old_is_not_taken_even_if_nobody_came_to_close_it() -> None:
    async with Endpoint() as endpoint, transport_to(endpoint.url, keep_alive_seconds=0) as transport:
        assert [await transport.post(HEADERS, b"{}") for _ in range(3)] == [OK] * 3
        assert endpoint.connections == 3


async def test_an_idle_connection_that_the_server_closes_is_not_used_again(
    tls: tuple[ssl.SSLContext | None, str | None],
) -> None:
    async with (
        Endpoint(tls=tls[0]) as endpoint,
        transport_to(endpoint.url, ca_file=tls[1]) as transport,
    ):
        assert await transport.post(HEADERS, b"{}") == OK
        endpoint.writers[0].close()
        await endpoint.left()
        assert await transport.post(HEADERS, b"{}") == OK
        assert endpoint.connections == 2


@pytest.mark.parametrize("unasked", [b"\0", b"\r\n", b"HTTP/1.1 408 X\r\ncontent-length: 0\r\n\r\n"])
async def test_bytes_that_nobody_asked_for_end_an_idle_connection(unasked: bytes) -> None:
    async with Endpoint() as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.post(HEADERS, b"{}") == OK
        endpoint.writers[0].write(unasked)
        await endpoint.left()
        assert await transport.post(HEADERS, b"{}") == OK
        assert endpoint.connections == 2


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 429 X\r\ncontent-length: 0\r\n\r\ngarbage",
        b"HTTP/1.1 429 X\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 429 X\r\ncontent-length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 429 X\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_an_answer_with_something_after_it_counts_and_ends_the_connection(said: bytes) -> None:
    async with Endpoint(Act(said)) as endpoint, transport_to(endpoint.url) as transport:
        assert await transport.post(HEADERS, b"{}") == Reply(429)
        await endpoint.left()
        assert await transport.post(HEADERS, b"{}") == OK
        assert endpoint.connections == 2


async def test_a_server_that_answers_before_it_has_heard_all_is_not_told_the_next_call() -> None:
    """It would take the rest of this call's body for the next."""
    connections = 0
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 X\r\ncontent-length: 0\r\n\r\n")
        await done.wait()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, transport_to(url) as transport:
        for _ in range(2):
            assert await transport.post(HEADERS, b"x" * 20_000_000) == Reply(413)
        done.set()
    assert connections == 2


async def test_each_connection_goes_where_the_name_points_now(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Endpoint(answer(429), CLOSE) as old, Endpoint(answer(503)) as new:
        ports = [old.port, new.port]

        def getaddrinfo(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", ports.pop(0)))]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        async with transport_to("http://personalize.invalid") as transport:
            replies = [await transport.post(HEADERS, b"{}") for _ in range(3)]
    assert replies == [Reply(429), TransportError("ConnectionReset"), Reply(503)]


async def test_closing_ends_what_dials_and_what_waits_and_what_comes_later() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    asked = asyncio.Event()
    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, transport_to(url, max_connections=1) as transport:
        calls = [asyncio.ensure_future(transport.post(HEADERS, b"{}")) for _ in range(3)]
        await asked.wait()
        await transport.close()
        assert [await call for call in calls] == [TransportError("ConnectionReset")] * 3
        assert await transport.post(HEADERS, b"{}") == TransportError("ConnectionReset")


async def test_where_all_are_busy_the_first_to_wait_is_the_first_served() -> None:
    async with (
        Endpoint(otherwise=echo) as endpoint,
        transport_to(endpoint.url, max_connections=1) as transport,
    ):
        order: list[bytes] = []
        await asyncio.gather(*(_note(transport, b"%d" % number, order) for number in range(9)))
    assert order == sorted(order) == _bodies(endpoint.requests)


async def _note(transport: Transport, body: bytes, order: list[bytes]) -> None:
    await transport.post(HEADERS, body)
    order.append(body)


def _bodies(requests: list[Captured]) -> list[bytes]:
    return [request.body for request in requests]
