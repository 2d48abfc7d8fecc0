"""Reads one shard: a task of its own fetches ahead, and the source takes what is there.

An iterator is only a handle, which the service forgets after five minutes. What counts is the last record
that was fetched: from behind it a new iterator is requested whenever one has expired, also after a pause of
hours. A read that fails is repeated, for as long as it takes; nothing is skipped because of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

import structlog
from msgspec import Struct

from worker.core.leases.lease import At, Checkpoint
from worker.core.leases.positions import position_of
from worker.core.log_throttle import LogThrottle
from worker.sources.kinesis.aggregated import user_records
from worker.sources.kinesis.errors import NO_ITERATOR, FaultKind, StreamFault
from worker.sources.kinesis.read_pace import ReadPace
from worker.sources.kinesis.read_position import ReadPosition
from worker.sources.kinesis.read_size import MAX_RECORDS, ReadSize
from worker.sources.kinesis.shard_list import NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.core.leases.shards import Shard
    from worker.sources.kinesis.calls import StreamCalls
    from worker.sources.kinesis.fetch_budget import FetchBudget
    from worker.sources.kinesis.shapes import RecordsAnswer, StreamRecord
    from worker.sources.kinesis.stream_view import StreamView

log = structlog.get_logger(__name__)

# What a record takes beside its data.
_OBJECT_BYTES: Final = 200
_MAY_BE_LOST: Final = (
    "the last record that was read is too old to be kept: what came after it and is as old is lost, if there "
    "was any"
)
# As often no iterator has to be given, in a row, before it is believed that there is nothing more.
_ENOUGH: Final = 3
# Too many reads or bytes of the shard, as opposed to all that else is throttled.
_OF_SHARD: Final = "ProvisionedThroughputExceededException"


class UserRecord(NamedTuple):
    """A record as its producer wrote it, taken out of the KPL's aggregate if it was in one."""

    position: int
    timestamp_ms: int | None
    key: bytes
    value: bytes


class ReadTrouble(Struct, frozen=True):
    """Why nothing comes from a shard."""

    fault: StreamFault
    since: float
    """By the loop's clock."""


class ShardReader:
    """The records of one shard, from a checkpoint on. It runs once.

    Args:
        shard: which one.
        checkpoint: of its lease; the record that it names is not read again.
        start_at: epoch seconds, for a checkpoint of AT_TIMESTAMP; of LATEST, when that was, or None: now.
        calls: of the stream.
        budget: of all shards together.
        clock: the loop's.
        epoch_seconds: the wall clock.
        draw: see ``ReadPace``.
        view: what is known of the stream.
        on_records: called when there is something to take, and when the shard has ended.
    """

    def __init__(  # noqa: PLR0913  where to read, whom to ask, and the times
        self,
        shard: Shard,
        checkpoint: Checkpoint,
        *,
        start_at: float | None,
        calls: StreamCalls,
        budget: FetchBudget,
        clock: Callable[[], float],
        epoch_seconds: Callable[[], float],
        draw: Callable[[], float],
        view: StreamView,
        on_records: Callable[[], None],
    ) -> None:
        self.shard = shard
        self._done_up_to = _position(checkpoint)
        self._at = ReadPosition(checkpoint, start_at, clock)
        self._calls = calls
        self._budget = budget
        self._clock = clock
        self._epoch_seconds = epoch_seconds
        self._pace = ReadPace(clock, draw)
        self._view = view
        self._on_records = on_records
        self._iterator: str | None = None
        self._without_iterator = 0
        self._doubted_at: float | None = None
        """When it was said last that the shard is not there, or that the checkpoint is not of it."""
        self._fetched: deque[StreamRecord] = deque()
        self._taken_apart: deque[UserRecord] = deque()
        self._size = ReadSize()
        self._running = asyncio.Event()
        self._running.set()
        self._log_throttle = LogThrottle()
        self.is_closed = False
        """Whether the shard takes no more records, and its last one was fetched."""
        self.behind_ms: int | None = None
        """How far the last read was behind the newest record of the shard; None before the first read."""
        self.trouble: ReadTrouble | None = None
        self.throttled = 0
        """How many reads were refused as too many or too much."""

    @property
    def is_exhausted(self) -> bool:
        """Whether the shard has ended, and all that it held was taken."""
        return self.is_closed and not self._fetched and not self._taken_apart

    @property
    def has_records(self) -> bool:
        """Whether there is something to take."""
        return bool(self._fetched or self._taken_apart)

    def pause(self) -> None:
        """Fetch no more; what was fetched stays."""
        self._running.clear()

    def resume(self) -> None:
        """Fetch again."""
        self._running.set()

    async def run(self) -> None:
        """Fetch until the shard's end."""
        while not self.is_closed:
            await self._running.wait()
            if (seconds := self._pace.due_at - self._clock()) > 0:
                await asyncio.sleep(seconds)
                continue
            if not self._view.may_be_read(self.shard.key, self._doubted_at):
                self._iterator = None
                self._pace.brought(0, is_behind=False)
                continue
            self._doubted_at = None
            if self._iterator is None:
                await self._renew_iterator()
            else:
                await self._fetch(self._iterator)

    def take(self, max_records: int) -> list[UserRecord]:
        """Take up to ``max_records``, in the shard's order; those that were done before are left out."""
        taken: list[UserRecord] = []
        while len(taken) < max_records:
            if self._taken_apart:
                taken.append(self._taken_apart.popleft())
            elif self._fetched:
                record = self._fetched.popleft()
                self._budget.give_back(_bytes_of(record))
                self._taken_apart.extend(self._not_done(record))
            else:
                break
        return taken

    def throw_away(self) -> None:
        """Throw away what was fetched, because the shard is not ours any more."""
        self._budget.give_back(sum(map(_bytes_of, self._fetched)))
        self._fetched.clear()
        self._taken_apart.clear()

    async def _renew_iterator(self) -> None:
        asked_at = self._epoch_seconds()
        found = await self._calls.shard_iterator(self.shard, self._at.start)
        self._at.asked(asked_at)
        if not isinstance(found, StreamFault):
            self._iterator, self._without_iterator = found, 0
        elif found.code == NOT_FOUND and self._view.is_gone(self.shard.key):
            self._end_without_records()
        elif found == NO_ITERATOR and self._has_ended():
            self.is_closed = True
            self._on_records()
        else:
            self._failed(found)

    def _has_ended(self) -> bool:
        """Whether a shard without an iterator has nothing more: it is closed, and repeatedly none came."""
        self._without_iterator += 1
        shard = self._view.shards.get(self.shard.key)
        return self._without_iterator >= _ENOUGH and shard is not None and shard.is_closed

    def _end_without_records(self) -> None:
        """End a closed shard of which the stream keeps nothing any more: retention took what was not read."""
        log.warning("kinesis.shard_gone", **self._names, effect="what was not read of it is lost")
        self.is_closed = True
        self._on_records()

    async def _fetch(self, iterator: str) -> None:
        limit, reserved = self._size.limit, self._size.reserved
        await self._budget.reserve(reserved)
        kept = 0
        try:
            answer = await self._calls.get_records(self.shard, iterator, limit)
            if isinstance(answer, StreamFault):
                self._failed(answer, limit)
                return
            records, is_gone = self._at.brought(answer.records)
            kept = sum(map(_bytes_of, records))
            self._fetched.extend(records)
        finally:
            self._budget.correct(reserved, kept)
        if is_gone:
            log.warning("kinesis.checkpoint_too_old", **self._names, effect=_MAY_BE_LOST)
        self._brought(answer, sum(map(_bytes_of, answer.records)))

    def _brought(self, answer: RecordsAnswer, bytes_read: int) -> None:
        if self.trouble is not None:
            log.info(
                "kinesis.read_again", **self._names, seconds=round(self._clock() - self.trouble.since, 1)
            )
            self.trouble = None
            self._log_throttle = LogThrottle()
        is_behind = bool(answer.millis_behind_latest)
        self._size.brought(len(answer.records), bytes_read, is_behind=is_behind)
        self.behind_ms = answer.millis_behind_latest
        self._iterator, self.is_closed = answer.next_iterator, answer.next_iterator is None
        self._pace.brought(bytes_read, is_behind=is_behind)
        if not (answer.records or self.is_closed) and self._at.stands(answer.millis_behind_latest):
            self._iterator = None
        if answer.records or self.is_closed:
            self._on_records()

    def _failed(self, fault: StreamFault, limit: int = MAX_RECORDS) -> None:
        match fault.kind:
            case FaultKind.EXPIRED_ITERATOR:
                # Nothing is wrong: too long a pause. The next one is from behind the last record.
                self._iterator = None
                self._pace.brought(0, is_behind=True)
                return
            case FaultKind.TOO_LONG:
                self._size.was_too_long(limit)
            case FaultKind.THROTTLED:
                self.throttled += 1
            case FaultKind.PASSING:
                # The same iterator brings the same records, though an answer with them was lost.
                pass
            case FaultKind.HOLD | FaultKind.MALFORMED:
                # It may be the iterator's fault: the next one is from behind the last record too.
                self._iterator = None
                if fault.kind is FaultKind.MALFORMED or fault.code == NOT_FOUND:
                    # Or the stream's, which another one may have replaced.
                    self._doubted_at = self._clock()
            case _:
                assert_never(fault.kind)
        self._pace.failed(fault.retry_after_seconds, is_shared=fault.code == _OF_SHARD)
        since = self._clock() if self.trouble is None else self.trouble.since
        self.trouble = ReadTrouble(fault, since)
        if times := self._log_throttle.note(fault.code, self._clock()):
            said = {"code": fault.code, "advice": fault.advice, "times": times}
            log.warning("kinesis.read_failed", **self._names, **said)

    def _not_done(self, record: StreamRecord) -> Iterator[UserRecord]:
        """Take a record apart, and leave out what is done according to the checkpoint."""
        sequence = record.sequence_number
        timestamp_ms = round(record.arrived_at * 1000)
        for each in user_records(record.data, record.partition_key):
            position = position_of(sequence, each.subsequence)
            if position > self._done_up_to:
                yield UserRecord(position, timestamp_ms, each.partition_key, each.data)

    @property
    def _names(self) -> dict[str, object]:
        return {"stream": self.shard.stream, "shard": self.shard.number}


def _position(checkpoint: Checkpoint) -> int:
    """Return the last position that is done; -1 if none is."""
    return position_of(checkpoint.sequence, checkpoint.subsequence) if isinstance(checkpoint, At) else -1


def _bytes_of(record: StreamRecord) -> int:
    return len(record.data) + _OBJECT_BYTES
