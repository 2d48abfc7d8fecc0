from __future__ import annotations

import asyncio

from worker.delivery.connection import Connection


async def test_what_is_lost_before_it_is_said_to_be_made_is_never_open() -> None:
    """So it goes through a tunnel, when the endpoint closes just as the handshake is over."""
    there: set[Connection] = set()
    connection = Connection(asyncio.get_running_loop(), there, lambda _: None)
    connection.connection_lost(None)
    connection.connection_made(asyncio.Transport())
    assert not connection.open
    assert there == set()
