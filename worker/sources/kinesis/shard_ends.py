"""Has the shards finished of which everything is settled: the table is told, and their children begin.

It takes as long as the table and the list of shards take, and is repeated until it is done. The shards that
are still read do not wait for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.sources.kinesis.lease_keeper import LeaseKeeper

# A shard ends a little before the list of shards shows what it became.
_AGAIN_SECONDS: Final = 1.0


class ShardEnds:
    """The shards to be finished.

    Args:
        keeper: has their leases until they are finished.
    """

    def __init__(self, keeper: LeaseKeeper) -> None:
        self._keeper = keeper
        self._keys: set[str] = set()
        self._has_some = asyncio.Event()

    @property
    def keys(self) -> Collection[str]:
        """Those that are not finished yet."""
        return self._keys

    def add(self, key: str) -> None:
        """Finish this one: it was read to its end, and everything of it is settled."""
        self._keys.add(key)
        self._has_some.set()

    def discard(self, key: str) -> None:
        """Leave this one to its next owner, because the lease is lost."""
        self._keys.discard(key)

    async def run(self) -> None:
        """Finish one after the other, until cancelled."""
        while True:
            await self._has_some.wait()
            for key in sorted(self._keys):
                if key in self._keys and await self._keeper.finish(key):
                    self._keys.discard(key)
            if self._keys:
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                self._has_some.clear()
