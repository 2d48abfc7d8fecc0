"""Reads records of Kinesis streams for ``try``: no lease is taken, nothing is written.

A shard can only be read forwards. So for its newest records it is read from a minute ago, and if that is not
enough from ever longer ago.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from worker.aws.endpoint import UnusableSettings
from worker.commands.check.newest import spread
from worker.commands.try_.sampled import CannotRead, Sampled
from worker.commands.try_arguments import AtOffset, AtTime
from worker.core.leases.positions import sequence_of
from worker.core.model.partition import Partition
from worker.core.model.places import shown_place
from worker.core.model.records import Record
from worker.core.offsets.assignment import Assignment
from worker.runtime.kinesis_clients import KinesisClients
from worker.runtime.wiring import aws_access
from worker.sources.kinesis import calls as begin
from worker.sources.kinesis.errors import StreamFault
from worker.sources.kinesis.shard_listing import as_shards
from worker.sources.kinesis.shard_scan import ShardScan, StreamUnreadable, read_next

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.commands.try_arguments import Start
    from worker.core.leases.shards import Shard
    from worker.settings import Settings
    from worker.sources.kinesis.shard_scan import Scanned

_BACK_SECONDS: Final = (60.0, 600.0, 3600.0, 6 * 3600.0, 24 * 3600.0, 7 * 24 * 3600.0, None)


class StreamSample:
    """Some records of some streams; they are read when it is made.

    Args:
        settings: as configured.
        start: where to begin in each shard.
        records: how many of each stream, spread over its shards.
        letters: of the dead letters' stream, and not of ``kinesis.streams``.

    Raises:
        CannotRead: Kinesis does not answer, or there is no such stream or position.
    """

    def __init__(self, settings: Settings, start: Start, records: int, *, letters: bool = False) -> None:
        self._start = start
        self._wanted = records
        self.cut_before: frozenset[Partition] = frozenset()
        """The shards that have, or may have, older records than these."""
        self.cut_after: frozenset[Partition] = frozenset()
        """The shards that have younger records than these."""
        self.topics: list[str] = []
        with asyncio.Runner() as runner:
            self._records = runner.run(self._read(settings, letters=letters))

    def read(self) -> Iterator[Sampled]:
        """Yield the records, each shard's in order."""
        for record in self._records:
            yield Sampled(f"{record.assignment.partition}@{shown_place(record.offset)}", record)

    async def _read(self, settings: Settings, *, letters: bool) -> list[Record]:
        clients = KinesisClients(settings, aws_access(settings))
        try:
            await clients.open()
            streams = {clients.letters_name: clients.letter_calls} if letters else clients.streams
            self.topics = list(streams)
            return [
                record
                for name, calls in streams.items()
                for record in await _StreamReader(self, name, calls).read(self._start, self._wanted)
            ]
        except UnusableSettings as error:
            at, why = "kinesis", str(error)
            raise CannotRead(at, why) from None
        except StreamUnreadable as error:
            at = f"stream {error.stream}"
            raise CannotRead(at, error.why) from None
        finally:
            await clients.close()


class _StreamReader:
    """Reads one stream."""

    def __init__(self, sample: StreamSample, name: str, calls: begin.StreamCalls) -> None:
        self._sample = sample
        self._name = name
        self._calls = calls
        self._clock = asyncio.get_running_loop().time

    async def read(self, start: Start, wanted: int) -> list[Record]:
        """Read so many, from there on."""
        listed = await self._calls.list_shards()
        shards = listed if isinstance(listed, StreamFault) else as_shards(listed, self._name)
        if isinstance(shards, StreamFault):
            raise StreamUnreadable.of(self._name, shards)
        ordered = sorted(shards, key=lambda shard: shard.number)
        if isinstance(start, AtOffset):
            found = await self._from_position(ordered, start, wanted)
        elif start == "newest":
            found = await self._newest(ordered, wanted)
        elif isinstance(start, AtTime) and start.epoch_ms / 1000 > time.time():
            # Kinesis refuses a time that is yet to come.
            found = {}
        else:
            where = (
                begin.AtTime(start.epoch_ms / 1000) if isinstance(start, AtTime) else begin.FromTrimHorizon()
            )
            found = await self._first([self._scan(shard, where) for shard in ordered], wanted)
            if isinstance(start, AtTime):
                self._cut(before=[shard.number for shard in ordered])
        return [
            _record(Assignment(Partition(self._name, number), 0), each)
            for number, records in found.items()
            for each in records
        ]

    async def _from_position(
        self, shards: Sequence[Shard], start: AtOffset, wanted: int
    ) -> Mapping[int, Sequence[Scanned]]:
        shard = next((each for each in shards if each.number == start.partition), None)
        if shard is None:
            at = f"stream {self._name}"
            numbers = ", ".join(str(each.number) for each in shards[:20])
            raise CannotRead(at, f"has no shard {start.partition}: it has {numbers}")
        scan = self._scan(shard, begin.AtSequence(sequence_of(start.offset)))
        found = await self._first([scan], wanted)
        records = found[shard.number]
        if not records or sequence_of(records[0].position) != sequence_of(start.offset):
            at = str(Partition(self._name, shard.number))
            raise CannotRead(at, f"has no record {shown_place(start.offset)}, or none any more")
        self._cut(before=[shard.number])
        return found

    async def _first(self, scans: Sequence[ShardScan], wanted: int) -> Mapping[int, Sequence[Scanned]]:
        """Read on until so many are there, or nothing more is."""
        found: dict[int, list[Scanned]] = {scan.shard.number: [] for scan in scans}
        share = -(-wanted // max(1, len(scans)))
        while sum(map(len, found.values())) < wanted:
            going = [scan for scan in scans if not scan.is_over]
            reading = [scan for scan in going if len(found[scan.shard.number]) < share]
            if not going:
                break
            if not reading:
                share *= 2
                continue
            for scan, records in await read_next(reading):
                found[scan.shard.number] += records
        shares = spread(wanted, [len(each) for each in found.values()])
        kept = {number: records[:most] for (number, records), most in zip(found.items(), shares, strict=True)}
        over = {scan.shard.number for scan in scans if scan.is_over}
        self._cut(after=[each for each in found if each not in over or len(kept[each]) < len(found[each])])
        return kept

    async def _newest(self, shards: Sequence[Shard], wanted: int) -> Mapping[int, Sequence[Scanned]]:
        """Read the newest, of the closed shards only what the open ones lack."""
        found: dict[int, Sequence[Scanned]] = {}
        for group in (
            [each for each in shards if not each.is_closed],
            [each for each in shards if each.is_closed],
        ):
            lacking = wanted - sum(map(len, found.values()))
            if lacking > 0 and group:
                found |= await self._newest_of(group, lacking)
        return found

    async def _newest_of(self, shards: Sequence[Shard], wanted: int) -> dict[int, Sequence[Scanned]]:
        last: dict[int, deque[Scanned]] = {}
        for back in _BACK_SECONDS:
            where = begin.FromTrimHorizon() if back is None else begin.AtTime(time.time() - back)
            last = {shard.number: deque(maxlen=wanted) for shard in shards}
            scans = [self._scan(shard, where) for shard in shards]
            while not all(scan.is_over for scan in scans):
                for scan, records in await read_next(scans):
                    last[scan.shard.number].extend(records)
            if sum(map(len, last.values())) >= wanted:
                self._cut(before=list(last))
                break
        shares = spread(wanted, [len(each) for each in last.values()])
        return {
            number: list(records)[len(records) - most :]
            for (number, records), most in zip(last.items(), shares, strict=True)
        }

    def _cut(self, *, before: Sequence[int] = (), after: Sequence[int] = ()) -> None:
        self._sample.cut_before |= {Partition(self._name, number) for number in before}
        self._sample.cut_after |= {Partition(self._name, number) for number in after}

    def _scan(self, shard: Shard, where: begin.Start) -> ShardScan:
        return ShardScan(shard, self._calls, where, clock=self._clock, draw=random.random)


def _record(under: Assignment, each: Scanned) -> Record:
    return Record(under, each.position, round(each.arrived_at * 1000), each.key, each.value, ())
