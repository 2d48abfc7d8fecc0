"""Receives records from Kinesis and checkpoints them in the KCL's lease table.

The source keeps four rules:

- A shard is ours from the lease keeper's word that it was gained until its word that it is lost, and every
  record carries the assignment under which it came.
- A checkpoint names the last settled record. It is written with the lease's counter as its condition, so a
  worker that lost the lease meanwhile writes nothing.
- A shard is finished once its end was read and everything of it is settled. Only then are its children read.
- Leases are renewed by a task of their own: an outage of Personalize, or a pause of hours, costs none. And
  nothing that is received waits for the table, however slow it is.

Kinesis or DynamoDB away, throttled or forbidden is reported and waited for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from worker.core.leases.lease import At
from worker.core.leases.positions import at, position_of
from worker.core.model.boundary import Through
from worker.core.model.partition import Partition
from worker.core.model.records import Record
from worker.sources.kinesis.monitor import KinesisMonitor, shown
from worker.sources.kinesis.owned_shard import OwnedShard
from worker.sources.kinesis.shard_ends import ShardEnds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from worker.core.leases.lease import Lease
    from worker.core.model.boundary import Boundary
    from worker.core.model.snapshot import PartitionGauges, SourceStatus
    from worker.ports import RebalanceListener
    from worker.sources.kinesis.lease_keeper import LeaseKeeper
    from worker.sources.kinesis.readers import Readers

log = structlog.get_logger(__name__)

# How long an idle receive waits. Leases and flow are looked after between two.
_POLL_SECONDS: Final = 0.1
# So that one shard's backlog does not make the others wait.
_RECORDS_A_TURN: Final = 250


class KinesisSource:
    """A worker among those that share a lease table; implements ``ports.Source``.

    Args:
        keeper: takes, renews and gives up leases.
        readers: makes the readers of shards that were gained.
        clock: the loop's.
    """

    def __init__(self, keeper: LeaseKeeper, readers: Readers, *, clock: Callable[[], float]) -> None:
        self._keeper = keeper
        self._readers = readers
        self._clock = clock
        self._shards: dict[str, OwnedShard] = {}
        self._by_partition: dict[Partition, OwnedShard] = {}
        self._turns: deque[str] = deque()
        self._has_come = asyncio.Event()
        self._paused = self._is_leaving = False
        self._gained: dict[str, Lease] = {}
        self._wanted: dict[str, None] = {}
        self._ends = ShardEnds(keeper)
        self._handing_over: set[asyncio.Task[None]] = set()
        self._monitor = KinesisMonitor(keeper, self._shards, clock)

    async def open(self, listener: RebalanceListener) -> None:
        """Begin to take leases; shards come with the first calls of ``receive``."""
        self._listener = listener
        self._keeping = [asyncio.create_task(each) for each in (self._keeper.run(), self._ends.run())]

    async def receive(self, max_records: int) -> Sequence[Record]:
        """Return up to ``max_records`` that are there, or the first to come within a tenth of a second."""
        for task in self._keeping:
            if task.done():
                # They run until they are cancelled, so this raises what went wrong.
                task.result()
        self._note_changes()
        self._begin_gained()
        await self._hand_over_wanted()
        await self._end_shards()
        self._tell_committed()
        if not (records := self._take(max_records)):
            self._has_come.clear()
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with records.
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._has_come.wait()
            records = self._take(max_records)
        return records

    async def store(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note how far shards are settled; the next renewal of the lease carries it."""
        for partition, boundary in boundaries.items():
            if (shard := self._by_partition.get(partition)) is not None and boundary.last is not None:
                shard.noted = boundary.last
                self._keeper.note_checkpoint(shard.key, at(boundary.last))

    async def commit(self) -> None:
        """Write all checkpoints that are noted, and wait for it; before the end, the release does it."""
        if self._is_leaving:
            return  # A slow table leaves no time for both, and a lease that is not released costs a failover.
        await self._keeper.write_checkpoints(list(self._shards))
        self._tell_committed()

    async def pause(self, *, for_good: bool = False) -> None:
        """Read no more, but keep the shards: their leases are renewed all the same."""
        self._paused = True
        if for_good:
            self._is_leaving = True
            self._keeper.take_no_more()
        for shard in self._shards.values():
            shard.reader.pause()

    async def resume(self) -> None:
        """Read again."""
        self._paused = False
        for shard in self._shards.values():
            shard.reader.resume()

    async def partitions_total(self) -> int | None:
        """Count the shards that are not finished, whoever owns them; None while that is unknown."""
        return self._keeper.unfinished_shards() or None

    async def close(self) -> None:
        """Release the leases, so that others may take them at once; this may be cancelled."""
        tasks = [*self._keeping, *(each.reading for each in self._shards.values()), *self._handing_over]
        for task in tasks[1:]:
            task.cancel()
        keys = {*self._shards, *self._ends.keys, *self._keeper.shards}
        try:
            # What is left must not be sent beside the next owner, who begins before this process has ended.
            if ours := list(self._shards):
                await self._flush(ours)
                for key in self._still_ours(ours):
                    self._drop(key)
            await self._keeper.release(sorted(keys))
        finally:
            self._keeping[0].cancel()
        await asyncio.wait(tasks)

    def status(self) -> SourceStatus:
        """Return what is wrong with Kinesis or DynamoDB, one by one."""
        return self._monitor.status()

    def partitions(self) -> tuple[PartitionGauges, ...]:
        """Return figures for the shards that are ours."""
        return self._monitor.gauges()

    def shown(self, position: int) -> str:
        """Return a record's sequence number, with its place within an aggregate."""
        return shown(position)

    def trouble(self) -> str | None:
        """Describe what is wrong; None while all is well."""
        return "; ".join(map(str, self.status().troubles)) or None

    def _note_changes(self) -> None:
        """Drop the leases that are lost, and note which ones came and which ones are asked for."""
        changes = self._keeper.take_changes()
        if changes.lost:
            self._lose(changes.lost)
        self._gained.update((lease.key, lease) for lease in changes.gained)
        self._wanted.update(dict.fromkeys(changes.wanted))

    def _begin_gained(self) -> None:
        leases, self._gained = list(self._gained.values()), {}
        if not leases:
            return
        readers = [self._readers.of(lease, self._keeper, self._has_come.set) for lease in leases]
        partitions = [Partition(reader.shard.stream, reader.shard.number) for reader in readers]
        assignments = self._listener.assigned(partitions)
        for lease, reader, assignment in zip(leases, readers, assignments, strict=True):
            if self._paused:
                reader.pause()
            shard = OwnedShard(lease, reader, assignment, asyncio.create_task(reader.run()))
            self._shards[lease.key] = self._by_partition[assignment.partition] = shard
            self._turns.append(lease.key)
            begins = "after its checkpoint" if isinstance(lease.checkpoint, At) else str(lease.checkpoint)
            log.info(
                "kinesis.shard_begun", stream=reader.shard.stream, shard=reader.shard.number, begins=begins
            )

    async def _hand_over_wanted(self) -> None:
        """Flush the shards that another worker asks for, and let it begin."""
        wanted, self._wanted = [key for key in self._wanted if key in self._shards], {}
        if not wanted:
            return
        await self._flush(wanted)
        for key in self._still_ours(wanted):
            self._drop(key)
            # The write that hands it over carries the checkpoint.
            task = asyncio.create_task(self._keeper.hand_over(key))
            self._handing_over.add(task)
            task.add_done_callback(self._handing_over.discard)

    async def _flush(self, keys: Sequence[str]) -> None:
        """Flush shards, and note how far they are settled. A lease that is lost meanwhile is lost at once."""
        flushing = asyncio.create_task(self._revoked(keys))
        try:
            while not flushing.done():
                await asyncio.wait({flushing}, timeout=_POLL_SECONDS)
                self._note_changes()
        finally:
            flushing.cancel()
        await self.store(flushing.result())

    async def _revoked(self, keys: Sequence[str]) -> Mapping[Partition, Boundary]:
        return await self._listener.revoked([self._shards[key].partition for key in keys])

    def _still_ours(self, keys: Iterable[str]) -> list[str]:
        return [key for key in keys if key in self._shards]

    def _lose(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._gained.pop(key, None)
            self._wanted.pop(key, None)
            self._ends.discard(key)
        if ours := self._still_ours(keys):
            self._listener.lost([self._shards[key].partition for key in ours])
            for key in ours:
                self._drop(key)

    def _drop(self, key: str) -> None:
        shard = self._shards.pop(key)
        self._by_partition.pop(shard.partition, None)
        self._turns.remove(key)
        shard.reading.cancel()
        shard.reader.throw_away()
        self._monitor.reads_throttled += shard.reader.throttled

    async def _end_shards(self) -> None:
        """Have shards finished that are read to their end and settled, so that their children can begin."""
        ended = [
            key
            for key, shard in self._shards.items()
            if shard.reader.is_exhausted and not shard.assignment.unsettled()
        ]
        if not ended:
            return
        await self._flush(ended)
        for key in self._still_ours(ended):
            self._drop(key)
            self._ends.add(key)

    def _take(self, max_records: int) -> list[Record]:
        """Take records of all shards in turn, as far as they have come; none while paused.

        What a paused source returned would be dropped in a drain, and its shard taken for settled.
        """
        # A lease may be lost, and even be gained anew, while nothing came.
        self._note_changes()
        if self._paused:
            return []
        records: list[Record] = []
        now = self._clock()
        for _ in range(len(self._turns)):
            if len(records) >= max_records:
                break
            key = self._turns[0]
            self._turns.rotate(-1)
            shard = self._shards[key]
            if not shard.reader.has_records or not self._keeper.owns(key):
                continue
            assignment = shard.assignment
            most = min(_RECORDS_A_TURN, max_records - len(records))
            records += [
                Record(assignment, each.position, each.timestamp_ms, each.key, each.value, (), now)
                for each in shard.reader.take(most)
            ]
        return records

    def _tell_committed(self) -> None:
        """Tell the pipeline which checkpoints the table is known to have."""
        committed: dict[Partition, Boundary] = {}
        for key, checkpoint in self._keeper.checkpointed().items():
            shard = self._shards.get(key)
            if shard is None or not isinstance(checkpoint, At):
                continue
            position = position_of(checkpoint.sequence, checkpoint.subsequence)
            if position != shard.committed and shard.noted is not None:
                shard.committed = position
                committed[shard.partition] = Through(position)
        if committed:
            self._listener.committed(committed)
