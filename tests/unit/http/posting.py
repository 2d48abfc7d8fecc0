"""A transport to post with, as the tests want it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botocore.httpsession import get_cert_path

from worker.aws.endpoint import tls_context
from worker.http.reply import Reply
from worker.http.response_parser import MAX_ANSWER_BYTES
from worker.http.transport import KEEP_ALIVE_SECONDS, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HEADERS = {"Host": "somewhere", "Content-Type": "application/json", "X-Amz-Date": "20231114T235959Z"}
OK = Reply(200)


class WireTwin(asyncio.Transport):
    """What a loop gives a protocol to write to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.is_aborted = True


@asynccontextmanager
async def transport_to(  # noqa: PLR0913  all that a test may want to be otherwise
    url: str,
    *,
    ca_file: str | None = None,
    proxy_url: str | None = None,
    seconds: float = 5.0,
    connect_seconds: float | None = None,
    max_connections: int = 4,
    keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    on_date: Callable[[bytes], None] = lambda _: None,
    max_answer_bytes: int = MAX_ANSWER_BYTES,
) -> AsyncIterator[Transport]:
    transport = Transport(
        f"{url}/events",
        tls=tls_context(ca_file or str(get_cert_path(verify=True))),
        user_agent="personalize-worker/9",
        connect_seconds=seconds if connect_seconds is None else connect_seconds,
        answer_seconds=seconds,
        max_connections=max_connections,
        proxy_url=proxy_url,
        proxy_headers={"Proxy-Authorization": "Basic bWU="},
        on_date=on_date,
        keep_alive_seconds=keep_alive_seconds,
        max_answer_bytes=max_answer_bytes,
    )
    try:
        yield transport
    finally:
        await transport.close()
