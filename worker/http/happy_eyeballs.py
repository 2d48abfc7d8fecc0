"""TCP connections to one host name, which is looked up for each; its addresses are tried in parallel.

Names are looked up in threads that nobody waits for, one look-up at a time. So a name server that hangs
neither fills a pool of threads nor keeps the process from ending. The addresses are raced as in RFC 8305
("happy eyeballs"), which uvloop does not do by itself: an address that swallows packets costs a quarter of a
second.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

from worker.blocking import run_blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STAGGER_SECONDS = 0.25

Address: TypeAlias = tuple[int, Any]
"""An address family, and the argument that ``connect`` takes in it."""


class HappyEyeballs:
    """Opens connections to one host and port.

    Args:
        host: a name or an address.
        port: the port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._lookup: asyncio.Task[list[Address]] | None = None

    async def connect(self, on_resolved: Callable[[], None] = lambda: None) -> socket.socket:
        """Return a connected, non-blocking socket without Nagle's delay.

        Args:
            on_resolved: called once there are addresses.

        Raises:
            OSError: no address could be reached; ``socket.gaierror`` if there is none.
        """
        addresses = await self._addresses()
        on_resolved()
        return await first_to_connect(addresses)

    def close(self) -> None:
        """Abandon a look-up in progress."""
        if self._lookup is not None:
            self._lookup.cancel()

    async def _addresses(self) -> list[Address]:
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.create_task(run_blocking(self._look_up))
            self._lookup.add_done_callback(_mark_retrieved)
        # Cancellation or a timeout ends the wait, not the look-up that others wait for.
        return await asyncio.shield(self._lookup)

    def _look_up(self) -> list[Address]:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            # A label of the host name is empty or too long.
            raise socket.gaierror(socket.EAI_NONAME, "not a valid host name") from error
        return _interleaved([(family, address) for family, _, _, _, address in found])


async def first_to_connect(
    addresses: Sequence[Address], stagger_seconds: float = STAGGER_SECONDS
) -> socket.socket:
    """Start one address after another, with a short delay; raise the last error if all fail."""
    todo = list(reversed(addresses))
    tried: set[asyncio.Task[socket.socket]] = set()
    running: set[asyncio.Task[socket.socket]] = set()
    error: BaseException | None = None
    try:
        while todo or running:
            if todo:
                running.add(asyncio.create_task(_connected(*todo.pop())))
                tried |= running
            done, running = await asyncio.wait(
                running,
                timeout=stagger_seconds if todo else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                error = attempt.exception()
                if error is None:
                    tried.discard(attempt)
                    return attempt.result()
    finally:
        for attempt in tried:
            attempt.cancel()
            attempt.add_done_callback(_close_unused)
    raise error or socket.gaierror(socket.EAI_NONAME, "no address")


async def _connected(family: int, address: Any) -> socket.socket:  # noqa: ANN401  its type depends on the family
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)  # noqa: FBT003  its only argument
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(made, address)
    except BaseException:
        made.close()
        raise
    return made


def _interleaved(addresses: list[Address]) -> list[Address]:
    """Alternate between the families, starting with that of the first address."""
    first = [each for each in addresses if each[0] == addresses[0][0]]
    other = [each for each in addresses if each[0] != addresses[0][0]]
    return [each for each in chain.from_iterable(zip_longest(first, other)) if each is not None]


def _close_unused(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _mark_retrieved(lookup: asyncio.Task[list[Address]]) -> None:
    """Mark its exception as retrieved, because everybody may have stopped waiting."""
    if not lookup.cancelled():
        lookup.exception()
