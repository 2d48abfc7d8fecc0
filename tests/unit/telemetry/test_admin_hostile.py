"""Whatever is sent to the admin port gives a bounded, well-formed answer or none, and no line in the log."""

from __future__ import annotations

import asyncio
import http.client
import io
import re
import socket
import struct
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples import sample
from tests.unit.telemetry.test_admin import connected, everything, fetch, raw, serving
from worker.core.model.snapshot import Readiness
from worker.telemetry.admin import MAX_HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.unit.telemetry.conftest import Lines

MARKED = b"user-4711"
LONGEST_ANSWER = 1000
ANSWERS = {200, 400, 404, 405, 431}
METHODS = st.sampled_from([b"GET", b"HEAD", b"POST", b"get", b"PRI", b"CONNECT", b"GET\0", b""]) | st.binary()
TARGETS = st.sampled_from(
    [
        *(b"/", b"/live", b"/ready", b"/metrics", b"/ready?x", b"/%72eady", b"//ready", b"*", b"/\0", MARKED),
        *(b"http://h/ready", b"/ready/..", b"/\xff", b"/" + b"x" * MAX_HEAD_BYTES),
    ]
)
VERSIONS = st.sampled_from(
    [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.1\0", b"HTTP/0.9", b"", b"HTTP/1.x"]
)
GAPS = st.sampled_from([b" ", b" ", b" ", b"  ", b"\t", b""])
LINES = st.sampled_from(
    [
        *(b"Host: x", b"Content-Length: 9", b"Content-Length: -1", b"Transfer-Encoding: chunked"),
        *(
            b"Expect: 100-continue",
            b"Upgrade: h2c",
            b"Upgrade: websocket",
            b"Connection: upgrade",
            b"Connection: keep-alive",
            b"\0",
            b" folded",
            b"X: " + MARKED,
            b"x" * MAX_HEAD_BYTES,
        ),
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
BODIES = st.sampled_from([b"", b"0\r\n\r\n", b"SM\r\n\r\n", b"GET /live HTTP/1.1\r\n\r\n"]) | st.binary()


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Something like a request, with any of its parts out of order."""
    parts = draw(METHODS), draw(GAPS), draw(TARGETS), draw(GAPS), draw(VERSIONS)
    lines = [b"".join(parts), *draw(st.lists(LINES, max_size=3)), b""]
    return b"".join(line + draw(ENDS) for line in lines) + draw(BODIES)


@st.composite
def sendings(draw: st.DrawFn) -> list[bytes]:
    """Requests, or anything, in some pieces."""
    whole = b"".join(draw(st.lists(requests(), max_size=3))) if draw(st.booleans()) else draw(st.binary())
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=3)))
    return [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]


@pytest.fixture
def quiet(logged: Callable[[], Lines]) -> Callable[[], Lines]:
    """The lines logged so far; there should be none."""
    return logged


def assert_well_formed(told: bytes) -> None:
    """One whole answer of a kind that there is, or none."""
    if not told:
        return
    assert len(told) < LONGEST_ANSWER
    assert MARKED not in told
    answer = http.client.HTTPResponse(Told(told))  # type: ignore[arg-type]  # all that it asks of a socket
    answer.begin()
    assert answer.status in ANSWERS
    assert answer.getheader("Connection") == "close"
    _, _, body = told.partition(b"\r\n\r\n")
    assert len(body) in {0, int(answer.getheader("Content-Length") or -1)}


class Told:
    """What came, as a socket that can be read."""

    def __init__(self, told: bytes) -> None:
        self._told = told

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._told)


async def send(port: int, pieces: list[bytes], *, and_end: bool) -> bytes:
    """Send them one after the other; what came back."""
    async with connected(port) as (reader, writer):
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if and_end:
                writer.write_eof()
        return await everything(reader)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_whatever_bytes_come_the_answer_is_well_formed_or_none_and_no_line_is_logged(
    run: Callable[[Awaitable[None]], None], quiet: Callable[[], Lines]
) -> None:
    @settings(max_examples=sample(40, 200))
    @given(pieces=sendings(), and_end=st.booleans())
    def try_it(pieces: list[bytes], *, and_end: bool) -> None:
        async def exchange() -> None:
            async with serving(connection_seconds=0.05) as port:
                assert_well_formed(await send(port, pieces, and_end=and_end))
                answer, _ = await fetch(port, "/live")
                assert answer.status == 200

        run(exchange())

    try_it()
    assert quiet() == []


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    "sent", [b"", b"GET /metrics HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/1.1\r\n", b"\r\n\r\n"]
)
def test_who_resets_the_connection_makes_no_line(
    run: Callable[[Awaitable[None]], None], quiet: Callable[[], Lines], sent: bytes
) -> None:
    """At any moment: before, during and after the answer."""

    async def knock() -> None:
        async with serving(render_metrics=lambda: bytes(200_000)) as port:
            for pause in (0, 0, 0, 0.001, 0.01) * 20:
                with socket.socket() as rude:
                    rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    rude.connect(("127.0.0.1", port))
                    rude.sendall(sent)
                    await asyncio.sleep(pause)
            assert (await fetch(port, "/live"))[0].status == 200

    run(knock())
    assert quiet() == []


async def test_a_second_request_on_the_same_connection_is_not_answered() -> None:
    """So nothing is smuggled behind the first."""
    async with serving() as port:
        told = await raw(port, b"GET /live HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n")
    assert told.count(b"HTTP/1.1") == 1


async def test_more_connections_than_allowed_are_held_by_nobody() -> None:
    """A thousand that say nothing: a probe is answered all the while."""
    async with serving(connection_seconds=5) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(300)]
        for _ in range(10):
            assert (await fetch(port, "/live"))[0].status == 200
        for _, writer in idle:
            writer.close()


async def test_nothing_of_the_request_is_in_an_answer() -> None:
    async with serving(readiness=lambda: Readiness(ready=True)) as port:
        for path in ("/{}", "/ready?{}", "/{}/ready", "http://{}/ready"):
            line = path.format(MARKED.decode())
            for method in ("GET", "POST", MARKED.decode()):
                told = await raw(port, f"{method} {line} HTTP/1.1\r\nX: {MARKED.decode()}\r\n\r\n".encode())
                assert re.match(rb"HTTP/1.1 [2-4]\d\d ", told)
                assert MARKED not in told


@pytest.mark.parametrize("more", [b"a: b\r\n" * 1000, b"x" * 6000], ids=["many", "one without an end"])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_headers_behind_a_chunked_body_are_not_kept(
    run: Callable[[Awaitable[None]], None], more: bytes
) -> None:
    """They may end such a body. A connection that sends them is ended at once, long before its deadline."""

    async def exchange() -> None:
        async with serving(connection_seconds=600) as port, connected(port) as (reader, writer):
            sent = 0
            with suppress(ConnectionError):
                writer.write(b"POST /live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
                while not reader.at_eof() and sent < 20 << 20:
                    writer.write(more)
                    sent += len(more)
                    await writer.drain()
                await everything(reader)
            # What is on its way when the connection ends is the system's.
            assert sent < 20 << 20

    run(exchange())
