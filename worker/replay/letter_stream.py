"""Reads the stream of dead letters from the beginning to where it ended at the start, and no further.

No lease is taken and nothing is written. A stream does not say where it ends, so what came lately is looked
at first: the last of it is the end of its shard. Where nothing came lately, whatever comes from then on is
behind the end. Shards that are made later hold nothing but that, too.
"""

from __future__ import annotations

import random
import time
from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

from worker.core.leases.positions import after, sequence_of
from worker.core.model.partition import Partition
from worker.core.model.places import MOST_PLACE
from worker.core.model.records import Record
from worker.core.offsets.assignment import Assignment
from worker.dead_letters.envelope import opened
from worker.replay.letter_topic import LettersUnreadable
from worker.sources.kinesis.calls import AtSequence, AtTime, FromTrimHorizon
from worker.sources.kinesis.errors import StreamFault
from worker.sources.kinesis.shard_listing import as_shards
from worker.sources.kinesis.shard_scan import ShardScan, StreamUnreadable, read_next

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.leases.shards import Shard
    from worker.sources.kinesis.calls import Start, StreamCalls
    from worker.sources.kinesis.shard_scan import Scanned

    Spans: TypeAlias = Mapping[int, tuple[int, int]]

# Longer ago than two clocks differ with which calls are taken at all.
_LATELY_SECONDS: Final = 600.0
_BEGINNING: Final = 0
_OPEN_END: Final = MOST_PLACE


class LetterStream:
    """The stream of dead letters; implements ``waves.Letters``. All of it is on one loop.

    Args:
        stream: its name.
        calls: its calls.
        clock: the loop's.
        epoch_seconds: the wall clock.
        draw: see ``ReadPace``.
    """

    def __init__(
        self,
        stream: str,
        calls: StreamCalls,
        *,
        clock: Callable[[], float],
        epoch_seconds: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.topic = stream
        self.unit = "shards "
        self._calls = calls
        self._clock = clock
        self._epoch_seconds = epoch_seconds
        self._draw = draw
        self._shards: dict[int, Shard] = {}
        # Of shards in which nothing came lately: what arrived from then on is behind the end.
        self._ends_at: dict[int, float] = {}
        self._scans: list[ShardScan] = []
        self._spans: Spans = {}
        self._assignments: dict[int, Assignment] = {}
        self._fetched: deque[Record] = deque()
        self.positions: dict[int, int] = {}
        """Where to go on behind what ``read`` returned, by shard."""

    async def spans(self) -> dict[int, tuple[int, int]]:
        """Return of each shard where it begins, and the position behind its end, as of now.

        Raises:
            LettersUnreadable: there is no such stream, or it can't be read.
        """
        listed = await self._calls.list_shards()
        shards = listed if isinstance(listed, StreamFault) else as_shards(listed, self.topic)
        if isinstance(shards, StreamFault):
            raise _unreadable(StreamUnreadable.of(self.topic, shards))
        self._shards = {shard.number: shard for shard in sorted(shards, key=lambda shard: shard.number)}
        lately = self._epoch_seconds() - _LATELY_SECONDS
        is_open = [shard for shard in self._shards.values() if not shard.is_closed]
        ends = await self._ends([self._scan(shard, AtTime(lately)) for shard in is_open])
        self._ends_at = {shard.number: lately for shard in is_open if shard.number not in ends}
        return {number: (_BEGINNING, ends.get(number, _OPEN_END)) for number in self._shards}

    async def _ends(self, scans: Sequence[ShardScan]) -> dict[int, int]:
        """Return the position behind the last record, of shards that have any."""
        ends = {}
        while not all(scan.is_over for scan in scans):
            for scan, records in await self._read_next(scans):
                if records:
                    ends[scan.shard.number] = after(records[-1].position)
        return ends

    def begin(self, spans: Spans) -> None:
        """Start to read these shards, each from its first position to just before its second."""
        self._spans = spans
        self._assignments = {number: Assignment(Partition(self.topic, number), 0) for number in spans}
        self.positions = {number: start for number, (start, _) in spans.items()}
        self._scans = [
            self._scan(self._shards[number], _from(start))
            for number, (start, end) in spans.items()
            if start < end
        ]

    @property
    def at_end(self) -> bool:
        """Whether everything has been read."""
        return not self._scans and not self._fetched

    def left(self) -> int:
        """Return how many shards are not read to their end."""
        return len(self._scans)

    async def fetch(self) -> None:
        """Read some, if nothing is there to be returned.

        Raises:
            LettersUnreadable: the stream can't be read.
        """
        if self._fetched or not self._scans:
            return
        for scan, records in await self._read_next(self._scans):
            number = scan.shard.number
            is_behind = False
            for each in records:
                is_behind = self._is_behind_end(number, each)
                if is_behind:
                    break
                if each.position >= self._spans[number][0]:
                    self._fetched.append(_record(self._assignments[number], each))
            if is_behind or scan.is_over:
                self._scans.remove(scan)

    def read(self, most: int) -> Sequence[Record]:
        """Return up to ``most`` records that were fetched."""
        records = [self._fetched.popleft() for _ in range(min(most, len(self._fetched)))]
        for each in records:
            self.positions[each.assignment.partition.number] = after(each.offset)
        return records

    def _is_behind_end(self, number: int, record: Scanned) -> bool:
        ends_at = self._ends_at.get(number)
        return record.position >= self._spans[number][1] or (
            ends_at is not None and record.arrived_at >= ends_at
        )

    def _scan(self, shard: Shard, start: Start) -> ShardScan:
        return ShardScan(shard, self._calls, start, clock=self._clock, draw=self._draw)

    async def _read_next(self, scans: Sequence[ShardScan]) -> list[tuple[ShardScan, Sequence[Scanned]]]:
        try:
            return await read_next(scans)
        except StreamUnreadable as error:
            raise _unreadable(error) from None


def _from(start: int) -> Start:
    """Return where to begin, so that the record at this position is read if there is one.

    Where to go on is behind a record that may hold others, so that one is read again.
    """
    return AtSequence(sequence_of(start)) if start > _BEGINNING else FromTrimHorizon()


def letter_record(record: Record) -> Record:
    """Return the letter as it would stand in a topic; without headers if its envelope is broken."""
    content = opened(record.value or b"")
    if content is None:
        return record
    return Record(
        record.assignment,
        record.offset,
        record.timestamp_ms,
        content.key,
        content.value,
        content.headers,
    )


def _record(under: Assignment, each: Scanned) -> Record:
    return letter_record(
        Record(under, each.position, round(each.arrived_at * 1000), each.key, each.value, ())
    )


def _unreadable(error: StreamUnreadable) -> LettersUnreadable:
    return LettersUnreadable(error.stream, error.why, place="stream")
