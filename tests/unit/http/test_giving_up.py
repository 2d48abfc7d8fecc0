"""A dial that ends badly, or is given up, in whatever turn of the loop: nothing of it is left."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.unit.delivery.endpoint import Act, Endpoint
from tests.unit.http.posting import HEADERS, OK, transport_to
from tests.unit.http.test_dialing import Proxy, serving
from worker.http.connection import Connection
from worker.http.errors import TransportError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    from worker.http.transport import Transport

GRANTED = b"HTTP/1.1 200 OK\r\n\r\n"
ENDPOINT = "https://personalize.invalid"
LONG_SECONDS = 60.0
WAYS = ["http", "https", "http proxy", "https proxy"]

Ending: TypeAlias = "Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]"


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  a count of names


async def abort(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """TCP ends, and TLS without its close_notify: a proxy that was killed, or does without."""
    writer.transport.abort()


async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def close_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
    await reader.read()


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 smtp ready\r\n")
    await reader.read()


ENDINGS: dict[str, Ending] = {
    "aborts": abort,
    "closes": close,
    "closes half": close_half,
    "talks": talk,
}


@asynccontextmanager
async def proxy_that(ending: Ending, *, at: str, tls: ssl.SSLContext | None) -> AsyncIterator[str]:
    """A proxy that grants the tunnel and then ends so: at once, or when it has the ClientHello."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(GRANTED)
            if at == "hello":
                await reader.read(1)
            await ending(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("at", ["once", "hello"])
@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_proxy_that_grants_and_ends_breaks_the_call_at_once_and_leaves_nothing(
    certificate: Path, ending: str, at: str, *, secure: bool
) -> None:
    tls = serving(certificate) if secure else None
    async with (
        proxy_that(ENDINGS[ending], at=at, tls=tls) as url,
        transport_to(ENDPOINT, proxy_url=url, ca_file=str(certificate), seconds=LONG_SECONDS) as transport,
    ):
        before = open_files()
        async with asyncio.timeout(LONG_SECONDS / 4):
            for _ in range(3):
                got = await transport.post(HEADERS, b"{}")
                assert got in {
                    TransportError("ConnectionFailed"),
                    TransportError("TlsFailure"),
                    TransportError("ProxyRefused"),
                }
        await nothing_is_kept(transport)
        await until(lambda: open_files() <= before)


@pytest.mark.parametrize("secure", [False, True])
async def test_a_tunnel_that_ends_while_the_answer_is_awaited_breaks_the_call_at_once(
    certificate: Path, *, secure: bool
) -> None:
    tls = serving(certificate)
    async with (
        Endpoint(Act(then="reset"), Act(b"HTTP/1.1 200 OK\r\n", then="close"), tls=tls) as endpoint,
        Proxy(tls=tls if secure else None) as proxy,
        transport_to(
            endpoint.url, proxy_url=proxy.url, ca_file=str(certificate), seconds=LONG_SECONDS
        ) as transport,
    ):
        async with asyncio.timeout(LONG_SECONDS / 4):
            assert await transport.post(HEADERS, b"{}") == TransportError("ConnectionReset")
            assert await transport.post(HEADERS, b"{}") == TransportError("AnswerCutShort")
            await nothing_is_kept(transport)
            assert await transport.post(HEADERS, b"{}") == OK
        assert endpoint.connections == 3


@asynccontextmanager
async def on_the_way(way: str, certificate: Path) -> AsyncIterator[Transport]:
    """A transport that leads to an endpoint, this way."""
    tls = serving(certificate)
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(Endpoint(tls=None if way == "http" else tls))
        proxy_url = None
        if "proxy" in way:
            proxy = await stack.enter_async_context(Proxy(tls=tls if way.startswith("https") else None))
            proxy_url = proxy.url
        yield await stack.enter_async_context(
            transport_to(
                endpoint.url,
                proxy_url=proxy_url,
                ca_file=str(certificate),
                seconds=LONG_SECONDS,
                keep_alive_seconds=0,
            )
        )


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_cancelled_in_any_turn_of_the_loop_leaves_nothing(certificate: Path, way: str) -> None:
    async with on_the_way(way, certificate) as transport:
        assert await transport.post(HEADERS, b"{}") == OK
        await nothing_is_kept(transport)
        await quiet()
        before, turns, is_done = open_files(), 0, False
        while not is_done:
            call = asyncio.ensure_future(transport.post(HEADERS, b"{}"))
            for _ in range(turns):
                await asyncio.sleep(0)
                await asyncio.sleep(0.0005 if turns % 3 == 2 else 0)
            is_done = not call.cancel() or turns > 100
            await asyncio.wait({call})
            turns += 1
        await nothing_is_kept(transport)
        await until(lambda: open_files() <= before)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("by", ["deadline", "cancelling"])
async def test_a_dial_given_up_in_the_turn_in_which_it_is_made_leaves_nothing(
    certificate: Path, way: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Connection.connection_made
    loop = asyncio.get_running_loop()
    async with on_the_way(way, certificate) as transport:
        call: asyncio.Future[object]

        def connection_made(self: Connection, wire: asyncio.BaseTransport) -> None:
            made(self, wire)
            if by == "cancelling":
                call.cancel()
            for limit in transport._dials:  # noqa: SLF001  the timer that is due in this very turn
                limit.reschedule(loop.time() - 1)

        before = open_files()
        with monkeypatch.context() as patch:
            patch.setattr(Connection, "connection_made", connection_made)
            for _ in range(5):
                call = asyncio.ensure_future(transport.post(HEADERS, b"{}"))
                await asyncio.wait({call})
        await nothing_is_kept(transport)
        await until(lambda: open_files() <= before + 1)
        began = loop.time()
        await transport.close()
        # It waited a second for what nobody would ever tell.
        assert loop.time() - began < 1.0


async def nothing_is_kept(transport: Transport) -> None:
    """Wait for the sweep, which ends what is idle."""
    await until(lambda: transport.connections == 0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what is asked has no event
            await asyncio.sleep(0.005)


async def quiet() -> None:
    """Until what the server's side has open of ended connections is gone too."""
    before = -1
    while before != (before := open_files()):  # noqa: ASYNC110  as above
        await asyncio.sleep(0.05)
