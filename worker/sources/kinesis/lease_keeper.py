"""Keeps leases: a background task that renews, takes and hands them over beside whoever reads the shards.

The keeper never waits for records, and the source never waits for the table except where it writes now.
Between them stand three things: what changed (asked by the source as often as it likes), whether a lease is
valid at this moment, and the checkpoint that the next renewal carries.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct

from worker.core.leases.handover import is_asked_of
from worker.core.leases.lease import Checkpoint, is_ahead
from worker.core.leases.writes import finished, released, renewed
from worker.sources.kinesis.lease_writer import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.core.leases.shards import Shard
    from worker.sources.kinesis.held_leases import Changes, HeldLease
    from worker.sources.kinesis.lease_parts import LeaseParts

log = structlog.get_logger(__name__)

# The KCL renews three times within its failover time, 10 s by default. Others judge this worker by theirs,
# which may be that, however long this worker's is.
_RENEWALS: Final = 3
_SLOWEST_RENEWAL_SECONDS: Final = 10 / _RENEWALS
_TAKE_FAILOVERS: Final = 2  # as the KCL
# Who finishes a shard looks for what it became at once. This is for what else may happen to the table.
_SYNC_FAILOVERS: Final = 6


class Figures(Struct, frozen=True):
    """What to show of the leases."""

    owned: int
    taken_total: int
    lost_total: int
    handed_over_total: int


class LeaseKeeper:
    """Keeps the leases of one worker.

    A call to the table should end within a third of ``failover_seconds``, whether answered or not.

    Args:
        parts: what it is made of; see ``lease_parts``.
    """

    def __init__(self, parts: LeaseParts) -> None:
        self._worker_id = parts.worker_id
        self._clock = parts.clock
        self._sleep = parts.sleep
        self._table = parts.table
        self._renewal_seconds = min(parts.failover_seconds / _RENEWALS, _SLOWEST_RENEWAL_SECONDS)
        self._take_seconds = _TAKE_FAILOVERS * parts.failover_seconds
        self._sync_seconds = _SYNC_FAILOVERS * parts.failover_seconds
        self._trouble = parts.trouble
        self._held = parts.held
        self._writer = parts.writer
        self._survey = parts.survey
        self._taker = parts.taker
        self._surveying = asyncio.Lock()
        self._take_due = self._sync_due = parts.clock()
        self._is_leaving = False
        self._handed_over_total = 0

    async def run(self) -> None:
        """Renew, take and survey, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_renewing(tasks))
            tasks.create_task(self._keep_surveying())

    def take_changes(self) -> Changes:
        """Return what happened since this was last asked: lost first, then gained, then wanted."""
        return self._held.take_changes()

    def owns(self, key: str) -> bool:
        """Whether the lease is valid at this moment, by this worker's own clock.

        False from the call on that hands it over or releases it: nothing more may be sealed.
        """
        held = self._held.get(key)
        return held is not None and not held.is_given_away

    def note_checkpoint(self, key: str, checkpoint: Checkpoint) -> None:
        """Have the next renewal carry this; ignored if it is no further, or the lease is lost."""
        held = self._held.get(key)
        if held is not None:
            held.note(checkpoint)

    async def write_checkpoints(self, keys: Iterable[str]) -> Mapping[str, Checkpoint]:
        """Write what was noted, now, and return what the table is known to have of these."""
        await asyncio.gather(*(self._write_noted(key) for key in keys))
        return self.checkpointed()

    async def _write_noted(self, key: str) -> None:
        held = self._held.get(key)
        if held is not None and is_ahead(held.noted, held.known.checkpoint):
            await self._writer.write(held, lambda row: renewed(row, held.noted))

    def checkpointed(self) -> Mapping[str, Checkpoint]:
        """Return the checkpoints that the table is known to have, of the leases that this worker has."""
        return {held.key: held.known.checkpoint for held in self._held.told()}

    async def hand_over(self, key: str) -> None:
        """Give the lease to the worker that asks for it, with the checkpoint that was noted."""
        held = self._held.get(key)
        if held is None or not is_asked_of(held.known, self._worker_id):
            return
        if await self._give_away(held):
            self._handed_over_total += 1

    async def release(self, keys: Iterable[str]) -> None:
        """Give these leases up, with the checkpoints that were noted, and take none from now on.

        Returns when the table has it, or the leases expired. ``run`` has to go on meanwhile.
        """
        self.take_no_more()
        await self._give_all_away(keys)
        # A take may be under way, and what another worker was asked for may come: nobody would renew it.
        async with self._surveying:
            if self._taker.is_waiting and await self._survey.look():
                await self._taker.collect()
            await self._give_all_away(held.key for held in self._held.all())

    def take_no_more(self) -> None:
        """Keep what there is, and take no lease from now on."""
        self._is_leaving = self._taker.is_leaving = True

    async def _give_all_away(self, keys: Iterable[str]) -> None:
        held = [self._held.get(key) for key in keys]
        await asyncio.gather(*(self._give_away(lease) for lease in held if lease is not None))

    async def _give_away(self, held: HeldLease) -> bool:
        held.is_given_away = True
        outcome = await self._writer.write_until_known(held, lambda row: released(row, held.noted))
        self._held.drop(held)
        log.info("lease.given_up", shard=held.key)
        return outcome is Outcome.WRITTEN

    async def finish(self, key: str) -> bool:
        """Tell the table that all of the shard is done, after it has leases of what the shard became.

        False if that is not known yet, or the table does not answer: the lease is kept, to be asked again.
        """
        async with self._surveying:
            held = self._held.get(key)
            if held is None or self._survey.replaced.has(key):
                return False
            children = self._survey.children(key)
            if children is None and await self._survey.synchronize():
                children = self._survey.children(key, is_just_listed=True)
            if children is None:
                return False
            outcome = await self._writer.write(held, lambda row: finished(row, children))
            if outcome is not Outcome.WRITTEN:
                return False
            self._held.drop(held)
            self._survey.note(held.known)
            log.info("lease.finished", shard=key)
            self._tell_readable()
            return True

    @property
    def shards(self) -> Mapping[str, Shard]:
        """The shards of all streams, by key, as they were last listed."""
        return self._survey.shards

    @property
    def replaced_streams(self) -> Mapping[str, float]:
        """The streams whose leases are of others that had their names, and since when that is known."""
        return self._survey.replaced.since

    def is_gone(self, key: str) -> bool:
        """Whether the stream has the shard no more, because all its records are too old to be kept."""
        return self._survey.is_gone(key)

    def may_be_read(self, key: str, doubted_at: float | None) -> bool:
        """Whether the shard is of the stream that its lease is of, as far as is known.

        Args:
            key: the shard's.
            doubted_at: when Kinesis said that it is not there, or that its checkpoint is not of it, on the
                clock. The shards must have been listed since then.
        """
        if self._survey.replaced.has(key):
            return False
        if doubted_at is None or self._survey.listed_at >= doubted_at:
            return True
        self._sync_due = self._clock()
        return False

    def unfinished_shards(self) -> int:
        """Count the shards of which not all is done, whoever has them; 0 while that is not known."""
        return len(self._survey.unfinished)

    @property
    def trouble(self) -> str | None:
        """What is wrong; None: all is well."""
        return self._trouble.text or self._survey.trouble_of_streams.text

    @property
    def trouble_since(self) -> float | None:
        """Since when something is wrong, on the clock; None: all is well."""
        ours = self._trouble.since
        return self._survey.trouble_of_streams.since if ours is None else ours

    @property
    def figures(self) -> Figures:
        """Count what happened."""
        return Figures(
            owned=len(self._held.keys()),
            taken_total=self._taker.taken_total,
            lost_total=self._held.lost_total,
            handed_over_total=self._handed_over_total,
        )

    async def _keep_renewing(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            for held in self._held.all():
                if held.asked_until is not None and not held.is_told:
                    # It waits for what it was made of, so the source does not know of it.
                    if not held.is_given_away:
                        tasks.create_task(self._give_away(held))
                # A write that is under way is as good as a renewal.
                elif not held.lock.locked():
                    tasks.create_task(self._renew(held))
            while self._held.given_up:
                tasks.create_task(self._let_go(self._held.given_up.pop()))
            await self._sleep(self._renewal_seconds)

    async def _renew(self, held: HeldLease) -> None:
        await self._writer.write_until_known(held, lambda row: renewed(row, held.noted))

    async def _let_go(self, held: HeldLease) -> None:
        """Tell the worker that asked, which waits longer than this one could: it need not wait any more."""
        async with held.lock:
            await self._table.replace(held.known, released(held.known, held.noted))

    async def _keep_surveying(self) -> None:
        while True:
            async with self._surveying:
                await self._look_around()
            await self._sleep(self._renewal_seconds)

    async def _look_around(self) -> None:
        self._note_rows_that_are_gone()
        if await self._see():
            if not self._is_leaving:
                await self._take()
            self._tell_readable()

    async def _see(self) -> bool:
        """Read what has to be read now; False if there is nothing new."""
        now = self._clock()
        is_listed = not any(self._survey.has_to_be_listed(held.key) for held in self._held.all())
        if (now >= self._sync_due or not is_listed) and await self._survey.synchronize():
            self._sync_due = now if self._survey.is_waiting else now + self._sync_seconds
            return True
        # Where the shards can't be listed, leases of those that are known go on to be taken.
        is_due = now >= self._take_due or self._is_watching()
        return is_due and bool(self._survey.shards) and await self._survey.look()

    def _note_rows_that_are_gone(self) -> None:
        while self._held.without_row:
            held = self._held.without_row.pop()
            self._survey.note_deleted(held.key, held.noted, stream_created_at=held.known.stream_created_at)
            self._sync_due = self._take_due = self._clock()

    def _is_watching(self) -> bool:
        """Whether something is about to change: a hand-over, or the end of what a shard was made of."""
        return self._taker.is_waiting or any(not held.is_told for held in self._held.all())

    async def _take(self) -> None:
        if await self._taker.collect():
            # Where one was handed over, more may follow, one at a time.
            self._take_due = self._clock()
            return
        if self._clock() >= self._take_due and await self._taker.take_share():
            self._take_due = self._clock() + self._take_seconds

    def _tell_readable(self) -> None:
        for held in self._held.all():
            is_asked = held.asked_until is not None
            if not (held.is_told or is_asked) and self._survey.is_readable(held.known):
                self._held.tell(held)
