"""TCP connections to one name: looked up anew for each, its addresses tried side by side.

Names are looked up in threads that nobody waits for, one look-up at a time; so a name server that hangs
neither fills a pool of threads nor keeps the process from ending. The addresses are raced as RFC 8305 ("happy
eyeballs") says, which uvloop does not do by itself: one that swallows packets costs a quarter of a second.
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
"""A family and what ``connect`` takes in it."""


class HappyEyeballs:
    """Opens connections to one host and port."""

    def __init__(self, host: str, port: int) -> None:
        """Look nothing up yet."""
        self._host = host
        self._port = port
        self._lookup: asyncio.Task[list[Address]] | None = None

    async def connect(self, on_resolved: Callable[[], None] = lambda: None) -> socket.socket:
        """Give a connected socket, not blocking, without Nagle's delay.

        Args:
            on_resolved: called once there are addresses.

        Raises:
            OSError: none of the addresses could be reached; ``socket.gaierror`` if there is none.
        """
        addresses = await self._addresses()
        on_resolved()
        return await first_to_connect(addresses)

    def close(self) -> None:
        """Leave a look-up under way to itself."""
        if self._lookup is not None:
            self._lookup.cancel()

    async def _addresses(self) -> list[Address]:
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.create_task(run_blocking(self._look_up))
            self._lookup.add_done_callback(_mark_retrieved)
        # Cancelling or timing out ends the wait, not the look-up that others wait for.
        return await asyncio.shield(self._lookup)

    def _look_up(self) -> list[Address]:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            # A label that is empty or too long.
            raise socket.gaierror(socket.EAI_NONAME, "no name of a host") from error
        return _interleaved([(family, address) for family, _, _, _, address in found])


async def first_to_connect(
    addresses: Sequence[Address], stagger_seconds: float = STAGGER_SECONDS
) -> socket.socket:
    """Try the addresses one by one, waiting little for a slow one; raise the last error if all fail."""
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


async def _connected(family: int, address: Any) -> socket.socket:  # noqa: ANN401  of the family's own kind
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
    """Alternate the families, beginning with that of the first."""
    first = [each for each in addresses if each[0] == addresses[0][0]]
    other = [each for each in addresses if each[0] != addresses[0][0]]
    return [each for each in chain.from_iterable(zip_longest(first, other)) if each is not None]


def _close_unused(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _mark_retrieved(lookup: asyncio.Task[list[Address]]) -> None:
    """Have asyncio not complain of its error, though everybody may have stopped waiting."""
    if not lookup.cancelled():
        lookup.exception()
