from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest
import uvloop

from worker.core.model.snapshot import Readiness
from worker.core.model.worker_status import WorkerStatus
from worker.telemetry.admin import MAX_HEAD_BYTES, AdminServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.unit.telemetry.conftest import Lines

READY = Readiness(ready=True)
STATUS = WorkerStatus(ready=True, reasons=(), version="1.2.3", up_seconds=4.0, group="g")
HELD = Readiness(ready=False, reasons=("held: misconfigured: AccessDeniedException", "draining"))


@asynccontextmanager
async def serving(
    readiness: Callable[[], Readiness] = lambda: READY,
    render_metrics: Callable[[], bytes] = lambda: b"x 1\n",
    *,
    status: Callable[[], WorkerStatus] = lambda: STATUS,
    connection_seconds: float = 5.0,
    max_connections: int = 64,
) -> AsyncIterator[int]:
    """An admin server on a free port of loopback; gives the port."""
    server = AdminServer(
        "127.0.0.1",
        0,
        readiness=readiness,
        render_metrics=render_metrics,
        status=status,
        connection_seconds=connection_seconds,
        max_connections=max_connections,
    )
    port = await server.start()
    try:
        yield port
    finally:
        await server.stop()


async def fetch(port: int, path: str, method: str = "GET", **more: Any) -> tuple[aiohttp.ClientResponse, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"http://127.0.0.1:{port}{path}", **more) as answer,
    ):
        return answer, await answer.text()


@asynccontextmanager
async def connected(
    port: int, limit: int = 65536
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=limit)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def everything(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the server closes or resets."""
    came = b""
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                came += chunk
    return came


async def raw(port: int, sent: bytes) -> bytes:
    async with connected(port) as (reader, writer):
        writer.write(sent)
        return await everything(reader)


async def test_live_answers_while_the_loop_turns_and_says_how_late_it_is() -> None:
    async with serving(readiness=lambda: HELD) as port:
        answer, text = await fetch(port, "/live")
    assert answer.status == 200
    assert text.startswith("alive\nloop lag 0.")


async def test_ready_says_so_or_why_not() -> None:
    now = [READY]
    async with serving(readiness=lambda: now[0]) as port:
        answer, text = await fetch(port, "/ready")
        assert (answer.status, json.loads(text)) == (200, {"ready": True, "reasons": []})
        now[0] = HELD
        answer, text = await fetch(port, "/ready")
        assert answer.status == 503
        assert json.loads(text) == {"ready": False, "reasons": list(HELD.reasons)}


async def test_metrics_are_rendered_at_the_request() -> None:
    async with serving(render_metrics=lambda: b"big 1\n" * 100_000) as port:
        answer, text = await fetch(port, "/metrics?name=x")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert len(text) == 600_000


async def test_every_answer_forbids_what_it_does_not_need() -> None:
    async with serving() as port:
        for path in ("/live", "/ready", "/metrics", "/status", "/nothing"):
            answer, _ = await fetch(port, path)
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_head_gives_the_same_headers_and_no_body() -> None:
    async with serving() as port:
        told = await raw(port, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: 4\r\n" in head
    assert body == b""


async def test_the_status_is_json_and_worked_out_once_a_second_at_most() -> None:
    asked = 0

    def status() -> WorkerStatus:
        nonlocal asked
        asked += 1
        return STATUS

    async with serving(status=status) as port:
        for _ in range(5):
            answer, text = await fetch(port, "/status")
            assert msgspec.json.decode(text, type=WorkerStatus) == STATUS
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert asked <= 2


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_are_not_allowed_whatever_they_bring(method: str) -> None:
    async with serving() as port:
        answer, _ = await fetch(port, "/ready", method, data=b"x" * 20_000)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/nothing", "/live/", "/metrics/../live", "/%2e%2e/etc", "//live"])
async def test_an_unknown_path_is_not_found(path: str) -> None:
    async with serving() as port:
        assert (await raw(port, f"GET {path} HTTP/1.1\r\n\r\n".encode())).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("head", [b"hello", b"GET /live", b"GET /live HTTP/2.0", b"\x16\x03 \xff\xfe"])
async def test_what_is_no_request_is_refused(head: bytes) -> None:
    async with serving() as port:
        assert (await raw(port, head + b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_empty_lines_before_a_request_are_skipped() -> None:
    """RFC 9112, 2.2. They are no request, so alone they get no answer."""
    async with serving(connection_seconds=0.1) as port:
        assert (await raw(port, b"\r\n\r\nGET /live HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert await raw(port, b"\r\n\r\n") == b""


async def test_a_client_that_has_sent_all_it_wants_still_gets_its_answer() -> None:
    """uvicorn closes at the end of what comes; a page is answered before that is noticed."""
    for _ in range(20):
        async with serving() as port, connected(port) as (reader, writer):
            writer.write(b"GET /live HTTP/1.1\r\n\r\n")
            writer.write_eof()
            assert (await everything(reader)).startswith(b"HTTP/1.1 200 ")


async def test_an_answer_is_not_held_back_until_the_body_has_come() -> None:
    async with serving(connection_seconds=60) as port, connected(port) as (reader, writer):
        writer.write(b"POST /ready HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
        async with asyncio.timeout(5):
            assert await reader.readline() == b"HTTP/1.1 405 Method Not Allowed\r\n"


async def test_a_body_that_never_comes_holds_no_connection() -> None:
    """Long before the deadline: such connections would take the place of others."""
    async with serving(connection_seconds=60) as port, connected(port) as (reader, writer):
        writer.write(b"GET /ready HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
        async with asyncio.timeout(5):
            told = await everything(reader)
    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.endswith(b"\n")


async def test_no_answer_tells_what_serves_it() -> None:
    async with serving() as port:
        for path, method in (("/live", "GET"), ("/nothing", "GET"), ("/live", "POST")):
            answer, _ = await fetch(port, path, method)
            assert "Server" not in answer.headers
            assert answer.headers["Connection"] == "close"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_head_that_is_too_large_is_refused() -> None:
    async with serving() as port:
        answer, _ = await fetch(port, "/live", headers={"X": "x" * MAX_HEAD_BYTES})
    assert answer.status == 431


@pytest.mark.parametrize("line", [b"X: ", b"X: y\r\nX", b"X: y\r\n"])
async def test_a_head_that_is_too_large_is_refused_before_it_is_whole(line: bytes) -> None:
    """So nobody fills the memory with it, wherever in it the bound is reached."""
    start = b"GET /live HTTP/1.1\r\n"
    lines = line * (MAX_HEAD_BYTES // len(line)) if line.endswith(b"\n") else line
    async with serving(connection_seconds=60) as port, connected(port) as (reader, writer):
        writer.write((start + lines).ljust(MAX_HEAD_BYTES, b"x")[:MAX_HEAD_BYTES])
        await writer.drain()
        writer.write(b"x")
        assert (await everything(reader)).startswith(b"HTTP/1.1 431 ")


async def test_a_slow_sender_is_cut_off_at_the_deadline() -> None:
    """Each byte in time does not help: the deadline is that of the connection."""
    async with serving(connection_seconds=0.1) as port, connected(port) as (reader, writer):
        cut = asyncio.ensure_future(everything(reader))
        writer.write(b"GET /live HTTP/1.1\r\nX: ")
        async with asyncio.timeout(5):
            while not cut.done():
                writer.write(b"x")
                await asyncio.wait([cut], timeout=0.01)
        assert await cut == b""


async def test_a_slow_reader_is_cut_off_at_the_deadline_and_delays_nobody() -> None:
    size = 50_000_000
    async with (
        serving(render_metrics=lambda: bytes(size), connection_seconds=0.1) as port,
        connected(port, limit=1024) as (reader, writer),
    ):
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        well_past = asyncio.get_running_loop().time() + 0.3
        while asyncio.get_running_loop().time() < well_past:
            assert (await fetch(port, "/live"))[0].status == 200
        assert len(await everything(reader)) < size


async def test_over_the_bound_the_oldest_connection_goes_and_a_probe_is_answered() -> None:
    async with serving(max_connections=2) as port, connected(port) as (oldest, _), connected(port):
        assert (await fetch(port, "/live"))[0].status == 200
        assert await everything(oldest) == b""


async def test_a_page_that_breaks_answers_500_and_is_logged_without_its_words(
    logged: Callable[[], Lines],
) -> None:
    def broken() -> Readiness:
        raise ValueError("user-4711")

    async with serving(readiness=broken) as port:
        answer, text = await fetch(port, "/ready")
        assert (answer.status, text) == (500, "Internal Server Error\n")
        assert (await fetch(port, "/live"))[0].status == 200
    (line,) = logged()
    assert line["event"] == "admin.page_failed"
    assert line["exceptions"][0]["type"] == "ValueError"
    assert "user-4711" not in json.dumps(line)


async def test_a_port_that_is_taken_is_an_error_that_says_which() -> None:
    async with serving() as port:
        second = AdminServer(
            "127.0.0.1", port, readiness=lambda: READY, render_metrics=bytes, status=lambda: STATUS
        )
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
            await second.start()
        await second.stop()


async def test_stopping_ends_open_connections_at_once_and_frees_the_port() -> None:
    async with AsyncExitStack() as connection:
        async with serving(connection_seconds=60) as port:
            reader, _ = await connection.enter_async_context(connected(port))
            await fetch(port, "/live")
        assert await everything(reader) == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_stopping_cuts_off_a_slow_reader_without_a_complaint() -> None:
    async with AsyncExitStack() as connection:
        async with serving(render_metrics=lambda: bytes(50_000_000), connection_seconds=60) as port:
            reader, writer = await connection.enter_async_context(connected(port, limit=1024))
            writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert len(await everything(reader)) < 50_000_000


def test_on_uvloop_it_keeps_the_same_promises() -> None:
    """The worker's loop ends connections in its own way, so what stands on that is tried there too."""

    async def try_all() -> None:
        await test_metrics_are_rendered_at_the_request()
        await test_other_methods_are_not_allowed_whatever_they_bring("POST")
        await test_a_client_that_has_sent_all_it_wants_still_gets_its_answer()
        await test_an_answer_is_not_held_back_until_the_body_has_come()
        await test_a_body_that_never_comes_holds_no_connection()
        await test_a_head_that_is_too_large_is_refused()
        await test_a_slow_sender_is_cut_off_at_the_deadline()
        await test_a_slow_reader_is_cut_off_at_the_deadline_and_delays_nobody()
        await test_over_the_bound_the_oldest_connection_goes_and_a_probe_is_answered()
        await test_a_port_that_is_taken_is_an_error_that_says_which()
        await test_stopping_ends_open_connections_at_once_and_frees_the_port()
        await test_stopping_cuts_off_a_slow_reader_without_a_complaint()

    uvloop.run(try_all())
