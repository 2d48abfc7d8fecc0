"""Surveys shards and leases: keeps what was last read of both, makes what is missing, and tidies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from worker.core.leases.expiry import Observations
from worker.core.leases.lease import Checkpoint, Lease, Sentinel, is_ahead
from worker.core.leases.shard_tree import (
    children_of,
    is_covered,
    is_newer_than_all,
    is_readable,
    leases_to_make,
    stream_of,
)
from worker.core.leases.tidying import rows_to_delete
from worker.sources.kinesis.ports import Conflict, TableFault, Written
from worker.sources.kinesis.replaced_streams import ReplacedStreams
from worker.sources.kinesis.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from worker.core.leases.shards import Shard
    from worker.sources.kinesis.ports import LeaseTable

log = structlog.get_logger(__name__)


class LeaseSurvey:
    """What is known of the streams' shards and their leases.

    Args:
        table: where the leases are.
        list_shards: lists all shards of the streams.
        start: where to begin with shards of which nothing was ever read.
        failover_seconds: for so long a counter may stand still.
        clock: seconds, monotonic.
        trouble: told whether the table answers.
        epoch_seconds: the wall clock, for leases that are made with LATEST; None: they bear no time.
    """

    def __init__(  # noqa: PLR0913  what it is made of
        self,
        table: LeaseTable,
        list_shards: Callable[[], Awaitable[tuple[Shard, ...] | TableFault]],
        *,
        start: Sentinel,
        failover_seconds: float,
        clock: Callable[[], float],
        trouble: Trouble,
        epoch_seconds: Callable[[], float] | None = None,
    ) -> None:
        self._table = table
        self._epoch_seconds = epoch_seconds
        self._list_shards = list_shards
        self._start = start
        self._failover_seconds = failover_seconds
        self._clock = clock
        self._trouble = trouble
        self.trouble_of_streams = Trouble("the list of shards", clock)
        self.observations = Observations(failover_seconds)
        self.shards: Mapping[str, Shard] = {}
        self._leases: dict[str, Lease] = {}
        self._remembered: dict[str, Checkpoint] = {}
        self._missing_since: dict[str, float] = {}
        self._own: set[str] = set()
        """Rows that were deleted under this worker, which knows best how far they were."""
        self.replaced = ReplacedStreams(failover_seconds, clock)
        self.listed_at = float("-inf")
        """When the shards that are known were asked for."""

    @property
    def unfinished(self) -> tuple[Lease, ...]:
        """The leases of which not all is done, as they were last read; none of a stream that was replaced."""
        return tuple(
            lease
            for lease in self._leases.values()
            if not (lease.is_finished or self.replaced.has(lease.key))
        )

    async def look(self) -> bool:
        """Read all leases; False if the table does not answer."""
        return await self._look(self.shards)

    async def _look(self, shards: Mapping[str, Shard]) -> bool:
        """Read all leases, and know these shards from then on."""
        sent = self._clock()
        answer = await self._table.scan()
        self._trouble.note(answer, "scan")
        if isinstance(answer, TableFault):
            return False
        # The table may hold leases of streams that this worker does not read.
        streams = {stream_of(key) for key in shards}
        rows = [lease for lease in answer if stream_of(lease.key) in streams]
        self.shards = shards
        self.replaced.note_rows(shards, answer)
        self.observations.note(rows, sent, self._clock())
        self._leases = {lease.key: lease for lease in rows}
        self._own -= self._leases.keys()
        self._remembered.update((lease.key, lease.checkpoint) for lease in rows)
        self._forget_streams_that_were_replaced()
        return True

    async def synchronize(self) -> bool:
        """List the shards, make the leases that are missing, and delete those that nobody needs.

        False if something did not answer: it has to be done again.
        """
        began = self._clock()
        answer = await self._list_shards()
        self.trouble_of_streams.note(answer)
        if isinstance(answer, TableFault):
            return False
        # A stream that is being made has none yet.
        if not answer:
            return False
        shards = {shard.key: shard for shard in answer}
        self.replaced.note_listing(shards, self._leases.values())
        if not await self._look(shards):
            return False
        self.listed_at = began
        self._forget_shards_that_are_gone()
        missing = self._to_be_made(leases_to_make(self.shards, self._leases, self._start, self._remembered))
        # Of what was read before this process stood still, shards may be finished and tidied away by now.
        if self._clock() - began > self._failover_seconds:
            return False
        return await self._make(missing) and await self._tidy()

    @property
    def is_waiting(self) -> bool:
        """Whether a row is missing that another worker may know more of: it is given time to make it."""
        return bool(self._missing_since) or self.replaced.is_in_doubt

    def _to_be_made(self, missing: tuple[Lease, ...]) -> tuple[Lease, ...]:
        now = self._clock()
        missing = tuple(lease for lease in missing if not self.replaced.has(lease.key))
        others = [lease.key for lease in missing if self._is_known_better_by_others(lease)]
        self._missing_since = {key: self._missing_since.get(key, now) for key in others}
        overdue = {key for key, since in self._missing_since.items() if now - since >= self._failover_seconds}
        self._missing_since = {key: since for key, since in self._missing_since.items() if key not in overdue}
        return tuple(lease for lease in missing if lease.key not in self._missing_since)

    def _is_known_better_by_others(self, lease: Lease) -> bool:
        """Whether its row was probably deleted under another worker: no new shard, in a table in use."""
        is_first_fill = not self._leases and not self._remembered
        is_child = lease.key not in self._remembered and bool(lease.parents & self._leases.keys())
        return not (is_first_fill or is_child or lease.key in self._own)

    async def _make(self, missing: tuple[Lease, ...]) -> bool:
        for lease in missing:
            answer = await self._table.create(self._completed(lease))
            self._trouble.note(answer, "create")
            match answer:
                case Written(row):
                    self._leases[row.key] = row
                    log.info("lease.created", shard=row.key, checkpoint=str(row.checkpoint))
                case Conflict(found):
                    # Another was quicker.
                    if found is not None:
                        self._leases[found.key] = found
                case TableFault():
                    # Parents come first: a child without them would be read too early.
                    return False
        return True

    def _completed(self, lease: Lease) -> Lease:
        """Add what neither the shards nor the configuration tell."""
        lease = self.with_its_stream(lease)
        if lease.checkpoint is not Sentinel.LATEST:
            return lease
        if self.replaced.was(lease.key):
            # All that it holds came after this worker began with the stream that it replaced.
            return replace(lease, checkpoint=Sentinel.TRIM_HORIZON)
        return lease if self._epoch_seconds is None else replace(lease, latest_at=self._epoch_seconds())

    def with_its_stream(self, lease: Lease) -> Lease:
        """Note in a lease when its stream was made, where that is known and not noted yet."""
        shard = self.shards.get(lease.key)
        if lease.stream_created_at is not None or shard is None:
            return lease
        return replace(lease, stream_created_at=shard.created_at)

    async def _tidy(self) -> bool:
        for lease in rows_to_delete(self._leases, self.shards.keys()):
            if self.replaced.has(lease.key):
                continue
            answer = await self._table.delete(lease)
            self._trouble.note(answer, "delete")
            if isinstance(answer, TableFault):
                return False
            if isinstance(answer, Written) or answer.found is None:
                self._leases.pop(lease.key, None)
                log.info("lease.deleted", shard=lease.key)
        return True

    def _forget_streams_that_were_replaced(self) -> None:
        """Forget how far they were: once their rows are deleted, others begin anew."""
        self._own = {key for key in self._own if not self.replaced.has(key)}
        self._remembered = {
            key: checkpoint for key, checkpoint in self._remembered.items() if not self.replaced.has(key)
        }

    def _forget_shards_that_are_gone(self) -> None:
        known = self.shards.keys() | self._leases.keys()
        self._own &= known
        self._remembered = {key: checkpoint for key, checkpoint in self._remembered.items() if key in known}

    def note(self, row: Lease) -> None:
        """Note a row as this worker wrote it."""
        self._leases[row.key] = row
        self._remembered[row.key] = row.checkpoint

    def note_deleted(self, key: str, done: Checkpoint, *, stream_created_at: int | None = None) -> None:
        """Note that a row was deleted, and how far the shard is done: the row is made anew from there.

        Unless it was of a stream that was replaced since: then somebody deleted it so that others begin anew.
        """
        self._leases.pop(key, None)
        if self._is_of_another_stream(key, stream_created_at):
            return
        self._own.add(key)
        if is_ahead(done, self._remembered.get(key, done)):
            self._remembered[key] = done

    def _is_of_another_stream(self, key: str, stream_created_at: int | None) -> bool:
        shard = self.shards.get(key)
        if stream_created_at is None or shard is None or shard.created_at is None:
            return self.replaced.has(key) or self.replaced.was(key)
        return stream_created_at != shard.created_at

    def has_to_be_listed(self, key: str) -> bool:
        """Whether the shard was made after the shards were listed: what is known does not tell of it."""
        return is_newer_than_all(key, self.shards) and not self.replaced.has(key)

    def is_readable(self, lease: Lease) -> bool:
        """Whether all that the shard was made of is done, and what is known tells of it."""
        if is_newer_than_all(lease.key, self.shards) or self.replaced.has(lease.key):
            return False
        return is_readable(lease, self._leases, self.shards, self._remembered)

    def is_gone(self, key: str) -> bool:
        """Whether the stream has a shard no more, because all its records are too old to be kept."""
        is_newer = is_newer_than_all(key, self.shards)
        return not (key in self.shards or is_newer or self.replaced.has(key))

    def children(self, key: str, *, is_just_listed: bool = False) -> frozenset[str] | None:
        """Return what a shard that ended became; None if that is not known yet, or has no leases yet.

        Args:
            key: the shard's.
            is_just_listed: whether the shards were listed after it ended. If it is not listed then, it is
                gone, and so may be what it became. Before that, it may also be too new.
        """
        shard = self.shards.get(key)
        children = children_of(key, self.shards.values())
        keys = frozenset(child.key for child in children)
        # What is newer than all that is listed is not gone: it is not of this stream.
        is_gone = is_just_listed and self.is_gone(key)
        is_known = is_gone if shard is None else is_covered(shard, children)
        return keys if is_known and keys <= self._leases.keys() else None
