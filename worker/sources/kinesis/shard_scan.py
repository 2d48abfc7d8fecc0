"""Reads shards once, from somewhere to where they end now, without a lease and without writing anything.

For commands that look into a stream. Each scan keeps the pace of the service's limits, and leaves a read a
second to others. A read that fails is repeated for a minute; what only a person can change is told at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.leases.positions import position_of
from worker.sources.kinesis.aggregated import user_records
from worker.sources.kinesis.calls import AfterSequence, AtSequence, FromTrimHorizon
from worker.sources.kinesis.errors import NO_ITERATOR, FaultKind, StreamFault
from worker.sources.kinesis.read_pace import ReadPace
from worker.sources.kinesis.shard_list import NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from worker.core.leases.shards import Shard
    from worker.sources.kinesis.calls import Start, StreamCalls
    from worker.sources.kinesis.shapes import StreamRecord

MOST_AT_ONCE: Final = 1_000
_PATIENCE_SECONDS: Final = 60.0
# Of all shards together; each may bring 10 MiB.
_SCANS_AT_ONCE: Final = 8
# An answer may be empty though there is something, and what came just now counts as 0 ms behind.
_LOOKS_AT_TIP: Final = 2
_WAIT: Final = {FaultKind.THROTTLED, FaultKind.PASSING}


class StreamUnreadable(Exception):  # noqa: N818  it names the state
    """A stream can't be read; ``str()`` says why, and what to do.

    Args:
        stream: its name.
        why: a code, and the advice on it.
    """

    def __init__(self, stream: str, why: str) -> None:
        super().__init__(f"{stream}: {why}")
        self.stream = stream
        self.why = why

    @classmethod
    def of(cls, stream: str, fault: StreamFault) -> StreamUnreadable:
        """Word a fault."""
        return cls(stream, fault.code + (f": {fault.advice}" if fault.advice else ""))


class Scanned(Struct, frozen=True, gc=False):
    """A record as its producer wrote it."""

    position: int
    arrived_at: float
    """When the stream took it, in epoch seconds."""
    key: bytes
    value: bytes


class ShardScan:
    """One shard.

    Args:
        shard: which one.
        calls: of its stream.
        start: where to begin. A record that is not there any more counts as before the oldest that is.
        clock: the loop's.
        draw: see ``ReadPace``.
    """

    def __init__(
        self,
        shard: Shard,
        calls: StreamCalls,
        start: Start,
        *,
        clock: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        self.shard = shard
        self._calls = calls
        self._start = start
        self._clock = clock
        self._pace = ReadPace(clock, draw)
        self._iterator: str | None = None
        self._failing_since: float | None = None
        self._at_tip = 0
        self.is_over = False
        """Whether there was nothing more when it was last read: it is closed, or read to its tip."""

    @property
    def due_at(self) -> float:
        """When it may be read next, on the clock."""
        return self._pace.due_at

    def now(self) -> float:
        """The clock's time."""
        return self._clock()

    async def read(self, most: int = MOST_AT_ONCE) -> Sequence[Scanned]:
        """Read once, up to ``most`` records of the stream; none says nothing of what is there.

        Raises:
            StreamUnreadable: a person has to act, or nothing was answered for a minute.
        """
        if self._iterator is None:
            found = await self._calls.shard_iterator(self.shard, self._start)
            if isinstance(found, StreamFault):
                self._without_iterator(found)
                return ()
            self._iterator = found
        answer = await self._calls.get_records(self.shard, self._iterator, most)
        if isinstance(answer, StreamFault):
            self._failed(answer)
            return ()
        self._failing_since = None
        self._iterator = answer.next_iterator
        # Of a busy shard something comes with each read, at its tip too.
        is_at_tip = not answer.millis_behind_latest and len(answer.records) < most
        self._at_tip = self._at_tip + 1 if is_at_tip else 0
        self.is_over = answer.next_iterator is None or self._at_tip >= _LOOKS_AT_TIP
        if answer.records:
            self._start = AfterSequence(answer.records[-1].sequence_number)
        self._pace.brought(sum(len(each.data) for each in answer.records), is_behind=True)
        return [each for record in answer.records for each in _user_records(record)]

    def _without_iterator(self, fault: StreamFault) -> None:
        is_gone = fault.kind is FaultKind.MALFORMED or fault.code == NOT_FOUND
        if is_gone and isinstance(self._start, AtSequence | AfterSequence):
            # What was named is too old to be kept. Whoever named it leaves out what comes before it.
            self._start = FromTrimHorizon()
        elif fault.code == NOT_FOUND or (fault == NO_ITERATOR and self.shard.is_closed):
            # All of a closed shard is too old to be kept, or there is nothing behind what was read.
            self.is_over = True
        else:
            self._failed(fault)

    def _failed(self, fault: StreamFault) -> None:
        if fault.kind is FaultKind.EXPIRED_ITERATOR:
            self._iterator = None
            return
        if self._failing_since is None:
            self._failing_since = self._clock()
        waited = self._clock() - self._failing_since
        if fault.kind not in _WAIT or waited > _PATIENCE_SECONDS:
            raise StreamUnreadable.of(self.shard.stream, fault)
        self._pace.failed(fault.retry_after_seconds)


async def read_next(
    scans: Iterable[ShardScan], most: int = MOST_AT_ONCE
) -> list[tuple[ShardScan, Sequence[Scanned]]]:
    """Wait until some of these scans are due, and read each of them once, a few side by side.

    Returns:
        The scans that were read, each with what it brought.

    Raises:
        StreamUnreadable: see ``ShardScan.read``.
    """
    unread = sorted((scan for scan in scans if not scan.is_over), key=lambda scan: scan.due_at)
    if not unread:
        return []
    first = unread[0]
    if (seconds := first.due_at - first.now()) > 0:
        await asyncio.sleep(seconds)
    now = first.now()
    due = [scan for scan in unread if scan.due_at <= now][:_SCANS_AT_ONCE] or [first]
    brought = await asyncio.gather(*(scan.read(most) for scan in due))
    return list(zip(due, brought, strict=True))


def _user_records(record: StreamRecord) -> Iterator[Scanned]:
    for each in user_records(record.data, record.partition_key):
        position = position_of(record.sequence_number, each.subsequence)
        yield Scanned(position, record.arrived_at, each.partition_key, each.data)
