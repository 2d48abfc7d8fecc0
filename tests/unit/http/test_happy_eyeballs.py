from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from worker.http import happy_eyeballs as sockets
from worker.http.happy_eyeballs import Address, HappyEyeballs, first_to_connect

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def silent() -> Iterator[Address]:
    """Give an address where connecting never ends: nobody accepts, and the queue is full."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for client in (first, second):
            client.settimeout(0)
            client.connect_ex(listening.getsockname())
        yield socket.AF_INET, listening.getsockname()


@contextmanager
def serving() -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield socket.AF_INET, listening.getsockname()


def closed() -> Address:
    with serving() as address:
        return address


async def test_an_address_that_swallows_packets_does_not_keep_the_next_from_being_tried() -> None:
    with silent() as bad, serving() as good:
        made = await first_to_connect([bad, closed(), bad, good, bad], stagger_seconds=0.01)
        assert made.getpeername() == good[1]
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        made.close()


async def test_an_address_that_refuses_costs_no_time() -> None:
    with serving() as good:
        async with asyncio.timeout(30):
            (await first_to_connect([closed(), closed(), good], stagger_seconds=60)).close()


async def test_where_all_refuse_the_last_error_is_told() -> None:
    with pytest.raises(ConnectionRefusedError):
        await first_to_connect([closed(), closed()])
    with pytest.raises(OSError, match="no address"):
        await first_to_connect([])


async def test_one_that_would_connect_but_was_cancelled_leaves_no_socket() -> None:
    with silent() as bad, serving() as good:
        for turns in range(8):
            attempt = asyncio.ensure_future(first_to_connect([bad, good], stagger_seconds=0))
            for _ in range(turns):
                await asyncio.sleep(0)
            attempt.cancel()
            for result in await asyncio.gather(attempt, return_exceptions=True):
                # It may have been faster. Any other socket left open is a ResourceWarning, an error here.
                if isinstance(result, socket.socket):
                    result.close()


async def test_look_ups_are_shared_but_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[object] = []
    with serving() as good:

        def getaddrinfo(*asked: object, **_: object) -> list[object]:
            looked_up.append(asked)
            return [(good[0], socket.SOCK_STREAM, 6, "", good[1])]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        made = HappyEyeballs("somewhere.invalid", 80)
        for each in await asyncio.gather(*(made.connect() for _ in range(5))):
            each.close()
        assert looked_up == [("somewhere.invalid", 80)]
        (await made.connect()).close()
        assert len(looked_up) == 2


async def test_a_look_up_that_hangs_holds_one_thread_and_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, started = threading.Event(), []

    def getaddrinfo(*_: object, **__: object) -> list[object]:
        started.append(True)
        hanging.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    made = HappyEyeballs("somewhere.invalid", 80)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(made.connect(), 0.02)
    assert len(started) == 1
    made.close()
    hanging.set()


@pytest.mark.parametrize("name", ["a..invalid", "x" * 64 + ".invalid"])
async def test_a_name_that_can_be_none_is_not_found(name: str) -> None:
    with pytest.raises(socket.gaierror):
        await HappyEyeballs(name, 80).connect()


async def test_families_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    four, six = socket.AF_INET, socket.AF_INET6
    found = [
        (family, socket.SOCK_STREAM, 6, "", number) for number, family in enumerate([six, six, six, four])
    ]
    tried: list[Address] = []

    async def first(addresses: list[Address]) -> None:
        tried.extend(addresses)

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(sockets, "first_to_connect", first)
    await HappyEyeballs("somewhere.invalid", 80).connect()
    assert tried == [(six, 0), (four, 3), (six, 1), (six, 2)]
