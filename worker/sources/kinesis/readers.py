"""Makes the reader of a shard whose lease was gained."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.leases.lease import Sentinel
from worker.sources.kinesis.shard_reader import ShardReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.leases.lease import Lease
    from worker.sources.kinesis.fetch_budget import FetchBudget
    from worker.sources.kinesis.shard_list import ShardList
    from worker.sources.kinesis.stream_view import StreamView

# The counter of a lease that was made and then taken, and never renewed.
_FIRST_TAKEN: Final = 1


class Times(Struct, frozen=True):
    """The clocks that a reader needs."""

    clock: Callable[[], float]
    """The loop's."""
    epoch_seconds: Callable[[], float] = time.time
    """The wall clock."""


class Readers:
    """Makes the readers of all shards.

    Args:
        shards: the streams' shards, and their calls.
        budget: of all readers together.
        start_at: epoch seconds, for shards that begin at a time.
        times: the clocks.
        draw: see ``ShardReader``.
    """

    def __init__(
        self,
        shards: ShardList,
        budget: FetchBudget,
        *,
        start_at: float | None,
        times: Times,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._shards = shards
        self._budget = budget
        self._start_at = start_at
        self._times = times
        self._draw = draw

    def of(self, lease: Lease, view: StreamView, on_records: Callable[[], None]) -> ShardReader:
        """Return a reader that begins after the lease's checkpoint; nothing is read before it runs.

        Args:
            lease: the shard's.
            view: what is known of the streams.
            on_records: see ``ShardReader``.
        """
        shard = view.shards.get(lease.key) or self._shards.of_key(lease.key)
        return ShardReader(
            shard,
            lease.checkpoint,
            start_at=self._start_of(lease),
            calls=self._shards.calls(shard.stream),
            budget=self._budget,
            clock=self._times.clock,
            epoch_seconds=self._times.epoch_seconds,
            draw=self._draw,
            view=view,
            on_records=on_records,
        )

    def _start_of(self, lease: Lease) -> float | None:
        """Return the time at which a lease without a record begins; None: now, or it has one."""
        if lease.checkpoint is not Sentinel.LATEST:
            return self._start_at
        # Once it was held, LATEST is when that began: what came since then was read by nobody.
        return lease.latest_at if lease.counter > _FIRST_TAKEN else None
