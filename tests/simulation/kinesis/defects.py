"""Defects, planted one at a time in the real code: each has to be found, or the oracle is blind to it."""
# ruff: noqa: SLF001  they are planted where the real code is private, whatever its types

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tests.simulation import planting
from worker.core.leases.positions import at
from worker.core.leases.writes import Asked, Lost
from worker.core.offsets.assignment import Assignment
from worker.sources.kinesis import lease_survey, lease_writer, read_position, shard_reader, source
from worker.sources.kinesis.calls import AfterSequence, AtSequence, FromLatest
from worker.sources.kinesis.shard_reader import ShardReader
from worker.sources.kinesis.source import KinesisSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.planting import Defect
    from worker.core.leases.lease import Lease

DEFECTS: dict[str, Defect] = {}
WITHIN_SCHEDULES: Final = 300
"""Each is found among the first so many."""

defect = partial(planting.defect, among=DEFECTS)
planted = partial(planting.planted, among=DEFECTS)


# Checkpoints


@defect(source, "at")
def checkpoints_the_next_record(right: Callable[..., Any]) -> Any:
    """As Kafka commits; the next owner begins behind it."""
    return lambda position: right(position + 1)


@defect(KinesisSource, "store")
def checkpoints_what_was_received(right: Callable[..., Any]) -> Any:
    async def wrong(self: KinesisSource, boundaries: Any) -> None:
        received = {
            each.assignment.partition: each.assignment.received_up_to() for each in self._shards.values()
        }
        await right(self, {key: received.get(key) or each for key, each in boundaries.items()})

    return wrong


@defect(KinesisSource, "_hand_over_wanted")
def hands_over_before_the_flush(_: Callable[..., Any]) -> Any:
    """What it received goes to the next owner as done."""

    async def wrong(self: KinesisSource) -> None:
        wanted, self._wanted = self._still_ours(self._wanted), {}
        for key in wanted:
            shard = self._shards[key]
            if (received := shard.assignment.received_up_to()) is not None and received.last is not None:
                self._keeper.note_checkpoint(key, at(received.last))
            await self._keeper.hand_over(key)
        await self._flush(wanted)
        for key in self._still_ours(wanted):
            self._drop(key)

    return wrong


@defect(lease_writer, "meaning_of_refusal")
def writes_though_it_is_late(right: Callable[..., Any]) -> Any:
    def wrong(worker_id: str, before: Lease, attempts: Any, found: Lease | None) -> Any:
        meaning = right(worker_id, before, attempts, found)
        return Asked(found) if isinstance(meaning, Lost) and found is not None else meaning

    return wrong


# The ends of shards


@defect(Assignment, "unsettled")
def finishes_a_shard_while_records_are_unsettled(right: Callable[..., Any]) -> Any:
    def wrong(self: Assignment) -> int:
        import sys  # noqa: PLC0415  to know who asks

        asker = sys._getframe(1).f_globals["__name__"]
        return 0 if asker == source.__name__ else int(right(self))

    return wrong


@defect(ShardReader, "is_exhausted")
def finishes_a_shard_whose_records_were_fetched_and_not_taken(_: Callable[..., Any]) -> Any:
    return property(lambda self: self.is_closed)


@defect(KinesisSource, "_take")
def hands_out_records_in_a_drain(right: Callable[..., Any]) -> Any:
    def wrong(self: KinesisSource, most: int) -> Any:
        paused, self._paused = self._paused, False
        try:
            return right(self, most)
        finally:
            self._paused = paused

    return wrong


@defect(lease_survey, "is_readable")
def reads_children_too_early(_: Callable[..., Any]) -> Any:
    return lambda *_: True


@defect(ShardReader, "_brought")
def takes_an_empty_answer_for_the_end(right: Callable[..., Any]) -> Any:
    def wrong(self: ShardReader, answer: Any, bytes_read: int) -> None:
        right(self, answer, bytes_read)
        self.is_closed = self.is_closed or not answer.records

    return wrong


# Iterators and where reading begins


@defect(ShardReader, "_renew_iterator")
def goes_on_one_record_too_far_after_an_expired_iterator(right: Callable[..., Any]) -> Any:
    async def wrong(self: ShardReader) -> None:
        begins = self._at.start
        await right(self)
        is_begun = isinstance(begins, AtSequence) and self._at._is_fetched
        if is_begun and self._iterator is not None:
            # The last one that was fetched, and the one after it.
            answer = await self._calls.get_records(self.shard, self._iterator, 2)
            self._iterator = getattr(answer, "next_iterator", None) or self._iterator

    return wrong


@defect(ShardReader, "_renew_iterator")
def begins_with_latest_anew(right: Callable[..., Any]) -> Any:
    async def wrong(self: ShardReader) -> None:
        begins = self._at.start
        await right(self)
        if isinstance(begins, FromLatest):
            self._at.start = begins

    return wrong


@defect(shard_reader, "_position")
def reads_the_whole_aggregate_again(right: Callable[..., Any]) -> Any:
    """The sub-sequence is ignored."""
    return lambda checkpoint: (right(checkpoint) >> 32 << 32) - 1 if right(checkpoint) > 0 else -1


@defect(shard_reader, "_position")
def takes_the_whole_aggregate_for_done(right: Callable[..., Any]) -> Any:
    return lambda checkpoint: right(checkpoint) | 0xFFFF_FFFF if right(checkpoint) > 0 else -1


@defect(read_position, "_start")
def begins_behind_the_aggregate_of_the_checkpoint(right: Callable[..., Any]) -> Any:
    def wrong(*parts: Any) -> Any:
        begins = right(*parts)
        return AfterSequence(begins.sequence) if isinstance(begins, AtSequence) else begins

    return wrong


# Leases that are lost


@defect(KinesisSource, "_lose")
def goes_on_sending_what_it_lost(_: Callable[..., Any]) -> Any:
    def wrong(self: KinesisSource, keys: Any) -> None:
        for key in self._still_ours(keys):
            self._drop(key)

    return wrong
