"""Requests as values, in whatever pieces their bytes come; answers as they are told."""

from __future__ import annotations

import asyncio
import io
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING

import aiohttp
import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.telemetry.test_admin import connected, everything, raw
from worker.local.answers import Reply, Reset, Silence, response
from worker.local.http import BOUNDS, MAX_BODY_BYTES, Request, application
from worker.telemetry.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from worker.local.answers import Answer

POST = b"POST /events?a=%20b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
READ_POST = Request("POST", "/events?a=%20b", {"host": "h", "content-length": "4"}, b"body")
GET = b"GET /calls HTTP/1.1\r\nx: 1\r\nX:  2\r\n\r\n"
READ_GET = Request("GET", "/calls", {"x": "2"}, b"")
LAST = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
FINE = response(200, b"fine")


@asynccontextmanager
async def serving(answer: Callable[[Request], Answer]) -> AsyncIterator[int]:
    server = HttpServer(application(answer), BOUNDS)
    port = await server.listen(host="127.0.0.1", port=0)
    try:
        yield port
    finally:
        await server.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_requests_come_out_whole_however_the_bytes_came(run: Callable[..., None]) -> None:
    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(0, len(POST)), max_size=5))
    def try_it(cuts: list[int]) -> None:
        async def exchange() -> None:
            read: list[Request] = []

            def answer(request: Request) -> Reply:
                read.append(request)
                return Reply(FINE)

            async with serving(answer) as port, connected(port) as (reader, writer):
                for start, end in pairwise([0, *sorted(cuts), len(POST)]):
                    writer.write(POST[start:end])
                    await writer.drain()
                await reader.readuntil(b"fine")
                writer.write(GET)
                await reader.readuntil(b"fine")
            assert read == [READ_POST, READ_GET]

        run(exchange())

    try_it()


async def test_a_body_in_chunks_is_read_too() -> None:
    async with serving(lambda request: Reply(response(200, request.body))) as port:
        told = await raw(
            port,
            b"POST / HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        )
    assert told.endswith(b"\r\n\r\nabcde")


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * BOUNDS.head_bytes, 431),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * BOUNDS.head_bytes + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_no_request_for_this_server_is_refused(wire: bytes, status: int) -> None:
    def never(_: Request) -> Answer:
        raise AssertionError

    async with serving(never) as port:
        assert (await raw(port, wire)).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("more", [0, 1])
async def test_a_body_has_a_largest_size(more: int) -> None:
    body = io.BytesIO(b"x" * (MAX_BODY_BYTES + more))
    async with (
        serving(lambda request: Reply(response(200, str(len(request.body)).encode()))) as port,
        aiohttp.ClientSession() as http,
        http.post(f"http://127.0.0.1:{port}/", data=body) as answer,
    ):
        assert answer.status == (413 if more else 200)


async def test_half_a_request_is_none() -> None:
    """Its client has gone before it was whole: nothing was asked."""
    read: list[Request] = []

    def answer(request: Request) -> Reply:
        read.append(request)
        return Reply(FINE)

    async with serving(answer) as port:
        async with connected(port) as (_, writer):
            writer.write(POST[:-1])
            await writer.drain()
        await raw(port, LAST)
    assert [request.method for request in read] == ["GET"]


async def test_what_comes_behind_a_request_before_its_answer_is_not_read() -> None:
    async with serving(lambda _: Reply(FINE, after_seconds=0.01)) as port:
        assert (await raw(port, POST + GET)).count(b"HTTP/1.1 200 OK") == 1


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_reset_cuts_the_connection_without_an_answer(run: Callable[..., None]) -> None:
    async def exchange() -> None:
        ended = asyncio.Event()
        async with serving(lambda _: Reset(ended.set)) as port:
            assert await raw(port, POST) == b""
            await asyncio.wait_for(ended.wait(), 5)

    run(exchange())


@pytest.mark.parametrize("answer", [Silence, lambda ended: Reply(FINE, 60, ended)])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_an_answer_that_is_not_sent_ends_when_the_client_goes(
    run: Callable[..., None], answer: Callable[[Callable[[], None]], Answer]
) -> None:
    async def exchange() -> None:
        ended, asked = asyncio.Event(), asyncio.Event()

        def silent(_: Request) -> Answer:
            asked.set()
            return answer(ended.set)

        async with serving(silent) as port:
            async with connected(port) as (_, writer):
                writer.write(POST)
                await asyncio.wait_for(asked.wait(), 5)
                assert not ended.is_set()
            await asyncio.wait_for(ended.wait(), 5)

    run(exchange())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_closing_ends_what_is_not_answered_at_once(
    run: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    async def exchange() -> None:
        ended, asked = asyncio.Event(), asyncio.Event()

        def silent(_: Request) -> Answer:
            asked.set()
            return Silence(ended.set)

        with suppress(ConnectionError):
            async with serving(silent) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(POST)
                await asyncio.wait_for(asked.wait(), 5)
            assert ended.is_set()
            assert await everything(reader) == b""
            writer.close()
            await writer.wait_closed()

    run(exchange())
    assert caplog.records == []
