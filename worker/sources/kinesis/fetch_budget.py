"""Bounds the bytes that all shards together have fetched ahead.

A read brings up to 10 MiB, and a worker may read hundreds of shards: without a common bound, what they fetch
ahead would be larger than all that the worker may hold.
"""

from __future__ import annotations

import asyncio


class FetchBudget:
    """Bytes that were fetched and not yet received by the pipeline.

    Args:
        max_bytes: of all shards together. One read is always allowed, whatever its size.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._room = asyncio.Event()
        # Whoever waits first is first: else a large read would wait for ever behind many small ones.
        self._turn = asyncio.Lock()
        self.held_bytes = 0

    async def reserve(self, expected_bytes: int) -> None:
        """Wait until a read of so many bytes has room, and take it."""
        async with self._turn:
            while self.held_bytes and self.held_bytes + expected_bytes > self._max_bytes:
                self._room.clear()
                await self._room.wait()
            self.held_bytes += expected_bytes

    def correct(self, expected_bytes: int, actual_bytes: int) -> None:
        """Note what a read brought, for which ``expected_bytes`` were reserved."""
        self.held_bytes += actual_bytes - expected_bytes
        if actual_bytes < expected_bytes:
            self._room.set()

    def give_back(self, received_bytes: int) -> None:
        """Note that so many bytes were received, or thrown away."""
        self.held_bytes -= received_bytes
        self._room.set()
