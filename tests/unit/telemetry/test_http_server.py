"""The server's end: what is connected is cut, and so is what the loop connects only then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from worker.telemetry.http_server import Bounds, HttpServer

if TYPE_CHECKING:
    from worker.telemetry.http_server import Receive, Scope, Send


async def _silent(_scope: Scope, receive: Receive, _send: Send) -> None:
    await receive()


async def test_a_connection_that_is_made_after_the_end_is_cut() -> None:
    server = HttpServer(_silent, Bounds(head_bytes=1024))
    port = await server.listen(host="127.0.0.1", port=0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    late = server._connection()  # noqa: SLF001  when the loop makes it can't be chosen
    await server.close()

    late.connection_made(writer.transport)

    assert writer.transport.is_closing()
    await writer.wait_closed()
    assert await reader.read() == b""
