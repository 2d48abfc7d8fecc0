from __future__ import annotations

import asyncio

from tests.unit.http.posting import WireTwin
from worker.http.connection import Connection
from worker.http.errors import TransportError


def connection_among(there: set[Connection]) -> Connection:
    return Connection(asyncio.get_running_loop(), there, lambda _: None)


async def test_what_is_lost_before_it_is_said_to_be_made_is_never_open() -> None:
    there: set[Connection] = set()
    connection, wire = connection_among(there), WireTwin()
    connection.connection_lost(None)
    connection.connection_made(wire)
    assert not connection.open
    assert there == set()
    assert wire.is_aborted


async def test_what_is_given_up_is_gone_though_nobody_ever_says_that_it_is_lost() -> None:
    there: set[Connection] = set()
    connection, wire = connection_among(there), WireTwin()
    connection.connection_made(wire)
    assert there == {connection}
    call = connection.ask(b"POST", ends_at=1.0)
    connection.abort(TransportError("AnswerTimeout"))
    assert there == set()
    assert wire.is_aborted
    assert await call == TransportError("AnswerTimeout")
