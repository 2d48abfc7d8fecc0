"""A gate in front of a server on 127.0.0.1: while it is shut, nobody gets through or stays connected."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import uvloop

if TYPE_CHECKING:
    from types import TracebackType

_CHUNK: Final = 1 << 16
_SECONDS: Final = 10.0
_TURNS: Final = 10


class Gate(AbstractContextManager["Gate"]):
    """Relays connections for as long as the block; ``url`` is where it listens, open at first."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        # As the worker runs it. asyncio leaves open what it accepts while its server closes.
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0
        self._thread.start()
        self.open()
        self.url = f"http://127.0.0.1:{self._port}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut for good."""
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    def open(self) -> None:
        """Let everybody through."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(_SECONDS)

    def shut(self) -> None:
        """Refuse connections, and cut those that there are."""
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(_SECONDS)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._admit, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        # What was cut ends a few turns later.
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(self._to.hostname, self._to.port)
            await asyncio.gather(self._relay(reader, far_writer), self._relay(far_reader, writer))

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while chunk := await reader.read(_CHUNK):
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
