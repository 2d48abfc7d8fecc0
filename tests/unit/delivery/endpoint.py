"""A real HTTP server on a loopback port: it keeps what it was sent and answers as told, badly if need be."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from msgspec import Struct

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


class Captured(Struct, frozen=True):
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int = 0
    """The how many-th it came over, from 1."""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Act(Struct, frozen=True):
    """Write this, and then keep the connection, close it, reset it, leave it hanging, or drip on."""

    answer: bytes = b""
    then: str = "keep"


RESET = Act(then="reset")
CLOSE = Act(then="close")
HANG = Act(then="hang")


def answer(status: int, body: bytes = b"", **headers: str) -> Act:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} X", *lines, f"content-length: {len(body)}"])
    return Act(f"{head}\r\n\r\n".encode() + body)


def echo(request: Captured) -> Act:
    """Answer with what was asked: so an answer to somebody else's question shows."""
    return answer(400, request.body)


class Endpoint:
    """Answers 200 with nothing in it, unless acts were queued or it is told otherwise."""

    def __init__(
        self,
        *acts: Act,
        tls: ssl.SSLContext | None = None,
        otherwise: Callable[[Captured], Act] = lambda _: answer(200),
    ) -> None:
        self.acts = deque(acts)
        self.requests: list[Captured] = []
        self.connections = 0
        self.port = 0
        self.asked = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []
        self._otherwise = otherwise
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def open(self) -> int:
        """How many connections there are."""
        return sum(not task.done() for task in self._tasks)

    async def left(self) -> None:
        """Wait until the client has closed every connection that it made."""
        async with asyncio.timeout(5):
            while self.open:
                await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while await self._exchange(reader, writer, number):
                pass
        writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        request = await _read(reader, number)
        self.requests.append(request)
        self.asked.set()
        act = self.acts.popleft() if self.acts else self._otherwise(request)
        writer.write(act.answer)
        if act.then == "reset":
            writer.transport.abort()
        if act.then == "hang":
            # Until the client closes.
            await reader.read()
        while act.then == "drip" and not (reader.at_eof() or writer.is_closing()):
            writer.write(b"x")
            await asyncio.sleep(0.01)
        return act.then == "keep"


async def _read(reader: asyncio.StreamReader, connection: int) -> Captured:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip()
    line, *rest = head.split("\r\n")
    headers = tuple((name, value.strip()) for name, _, value in (each.partition(":") for each in rest))
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    method, target, _ = line.split(" ")
    return Captured(method, target, headers, await reader.readexactly(length), connection)
