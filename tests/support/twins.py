"""Twins in memory of what the worker touches: a topic, PutEvents, the dead letters, the counts."""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_left
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from worker.core.model.boundary import Before
from worker.core.model.outcomes import Accepted
from worker.core.model.partition import Partition
from worker.core.model.records import Interaction, Reason, Record, Skipped, Undecodable
from worker.ports import DeadLettersUnwritable
from worker.sources.kafka.offsets import offset_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.boundary import Boundary
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Mapped
    from worker.core.offsets.assignment import Assignment
    from worker.ports import RebalanceListener

TOPIC = "interactions"
FIRST_MS = 1
"""The timestamp of records for which none matters."""
# Calls of receive() without a record: after two minutes.
_IDLE_FOR_LONG = 1200


def map_plainly(record: Record) -> Mapped:
    """``session/user/event``; ``-`` is no user, ``skip`` is skipped, anything else undecodable."""
    text = (record.value or b"").decode()
    if text == "skip":
        return Skipped(record, "skip")
    if text.count("/") != 2:
        return Undecodable(record, Reason("not_json", "not of the form"))
    session_id, user_id, event = text.split("/")
    return Interaction(record, session_id, None if user_id == "-" else user_id, json.dumps(event).encode())


class TopicTwin:
    """A topic of several partitions in one consumer group; what happens to the group is done by the test."""

    def __init__(self, partitions: int = 1) -> None:
        self.logs: dict[Partition, list[tuple[int, bytes]]] = {
            Partition(TOPIC, each): [] for each in range(partitions)
        }
        self.committed: dict[Partition, int] = {}
        self.timestamps_ms: dict[tuple[Partition, int], int | None] = {}
        """Of records that were not produced just after the epoch."""
        self.keys: dict[tuple[Partition, int], bytes] = {}
        """Of records that have one."""

    def produce(
        self,
        *values: str,
        partition: int = 0,
        gap: int = 0,
        timestamp_ms: int | None = FIRST_MS,
        key: str | None = None,
        topic: str = TOPIC,
    ) -> None:
        """Append records, the first ``gap`` offsets later than the next would be."""
        place = Partition(topic, partition)
        log = self.logs.setdefault(place, [])
        for value in values:
            log.append((log[-1][0] + 1 + gap if log else gap, value.encode()))
            if timestamp_ms != FIRST_MS:
                self.timestamps_ms[place, log[-1][0]] = timestamp_ms
            if key is not None:
                self.keys[place, log[-1][0]] = key.encode()
            gap = 0

    def cut(self, offset: int, partition: int = 0) -> None:
        """Lose the records from this offset on; what is committed stays, as it does in Kafka."""
        log = self.logs[Partition(TOPIC, partition)]
        del log[bisect_left(log, (offset,)) :]

    def at_end(self) -> bool:
        """Whether every record of the topic is behind its partition's committed offset."""
        return all(not log or self.committed.get(key, 0) == log[-1][0] + 1 for key, log in self.logs.items())


class SourceTwin:
    """One member of the group; implements ``ports.Source``."""

    def __init__(self, topic: TopicTwin) -> None:
        self._topic = topic
        self._positions: dict[Partition, int] = {}
        self._received: dict[Partition, int] = {}
        self._assignments: dict[Partition, Assignment] = {}
        self._stored: dict[Partition, int] = {}
        self._rebalances: list[Callable[[], object]] = []
        self.is_paused = False
        self.pauses = 0
        self.idle_seconds = 0.1
        self._idle_calls = 0
        self.closed = False
        self.commits: list[tuple[Partition, int]] = []

    def assign(self, *partitions: int, topic: str = TOPIC) -> None:
        """Have these partitions assigned with the next call of ``receive``."""
        self._rebalances.append(lambda: self._do_assign([Partition(topic, each) for each in partitions]))

    def revoke(self, *partitions: int) -> None:
        self._rebalances.append(lambda: self._do_revoke([Partition(TOPIC, each) for each in partitions]))

    def lose(self, *partitions: int) -> None:
        self._rebalances.append(lambda: self._do_lose([Partition(TOPIC, each) for each in partitions]))

    def goes_on_at(self, offset: int, partition: int = 0) -> None:
        """Read on from there, as librdkafka does by itself where the log was cut."""
        self._positions[Partition(TOPIC, partition)] = offset

    async def open(self, listener: RebalanceListener) -> None:
        self._listener = listener

    async def receive(self, max_records: int) -> Sequence[Record]:
        while self._rebalances:
            if (doing := self._rebalances.pop(0)()) is not None:
                await doing
        records = [] if self.is_paused else self._take(max_records)
        self._idle_calls = 0 if records else self._idle_calls + 1
        # Hours in which nothing comes have few turns, for nothing is to be seen in them.
        seconds = self.idle_seconds if self._idle_calls < _IDLE_FOR_LONG else max(1.0, self.idle_seconds)
        await asyncio.sleep(0 if records else seconds)
        return [each for each in records if each.assignment.open]

    async def store(self, boundaries: Mapping[Partition, Boundary]) -> None:
        ours = {key: each for key, each in boundaries.items() if key in self._assignments}
        self._stored |= {key: offset_of(each) for key, each in ours.items()}
        await self.commit()

    async def commit(self) -> None:
        for key, offset in self._stored.items():
            if self._topic.committed.get(key) != offset:
                self.commits.append((key, offset))
        self._topic.committed |= self._stored
        if self._stored:
            self._listener.committed({key: Before(offset) for key, offset in self._stored.items()})
        self._stored = {}

    async def pause(self, *, for_good: bool = False) -> None:
        self.is_leaving = for_good
        self.is_paused, self.pauses = True, self.pauses + 1

    async def resume(self) -> None:
        self.is_paused = False

    async def partitions_total(self) -> int | None:
        return len(self._topic.logs)

    async def close(self) -> None:
        self.closed = True

    def _take(self, max_records: int) -> list[Record]:
        """As many as may come; each partition has its turn to be asked first."""
        now = asyncio.get_running_loop().time()
        records: list[Record] = []
        self._assignments = dict([*list(self._assignments.items())[1:], *list(self._assignments.items())[:1]])
        for key in self._assignments:
            log = self._topic.logs[key]
            begin = bisect_left(log, (self._positions[key],))
            for offset, value in log[begin : begin + max_records - len(records)]:
                timestamp_ms = self._topic.timestamps_ms.get((key, offset), FIRST_MS)
                assignment = self._current(key, offset)
                record_key = self._topic.keys.get((key, offset))
                records.append(Record(assignment, offset, timestamp_ms, record_key, value, (), now))
                self._positions[key] = offset + 1
        return records

    def _current(self, key: Partition, offset: int) -> Assignment:
        """A partition goes back where its log was cut, or is another."""
        if offset < self._received.get(key, 0):
            self._assignments[key] = self._listener.cut(key, offset)
        self._received[key] = offset + 1
        return self._assignments[key]

    def _do_assign(self, keys: list[Partition]) -> None:
        for key, assignment in zip(keys, self._listener.assigned(keys), strict=True):
            self._assignments[key] = assignment
            self._positions[key] = self._received[key] = self._topic.committed.get(key, 0)

    async def _do_revoke(self, keys: list[Partition]) -> None:
        await self.store(await self._listener.revoked(keys))
        for key in keys:
            self._assignments.pop(key, None)

    def _do_lose(self, keys: list[Partition]) -> None:
        self._listener.lost(keys)
        for key in keys:
            self._assignments.pop(key, None)


class PutEventsTwin:
    """The API: answers what the test says, after as long as it says, and keeps books."""

    def __init__(
        self, answer: Callable[[Batch], Answer] = lambda _: Accepted(), seconds: float = 0.05
    ) -> None:
        self.answer = answer
        self.seconds = seconds
        self.calls: list[tuple[float, Batch, Answer]] = []
        self.accepted: dict[str, list[str]] = defaultdict(list)
        self._under_way: Counter[str] = Counter()
        self.overlaps = 0

    async def put(self, batch: Batch) -> Answer:
        self._under_way[batch.session_id] += 1
        self.overlaps += self._under_way[batch.session_id] > 1
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self._under_way[batch.session_id] -= 1
        answer = self.answer(batch)
        self.calls.append((asyncio.get_running_loop().time(), batch, answer))
        if isinstance(answer, Accepted):
            self.accepted[batch.session_id] += events(batch)
        return answer

    def delivered(self) -> list[str]:
        """All accepted events."""
        return [event for of_session in self.accepted.values() for event in of_session]


class DeadLettersTwin:
    """The dead-letter topic; ``broken`` says why it takes nothing."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self.letters: list[tuple[Record, Reason, int]] = []
        self.seconds = 0.01

    async def write(self, record: Record, reason: Reason, tries: int) -> None:
        await asyncio.sleep(self.seconds)
        if self.broken:
            raise DeadLettersUnwritable(self.broken)
        self.letters.append((record, reason, tries))


class MeterTwin:
    """Counts nothing but what tests ask for."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def received(self, records: int) -> None:
        self.counts["received"] += records

    def fanned_out(self, elements: int) -> None:
        self.counts["fanned_out"] += 1
        self.counts["elements"] += elements

    def skipped(self, skipped: Skipped) -> None:
        self.counts["skipped"] += 1
        self.counts[f"skipped {skipped.rule}"] += 1

    def dead_lettered(self, reason: Reason) -> None:
        self.counts["dead_lettered"] += 1
        self.counts[f"dead_lettered {reason.kind}"] += 1

    def answered(self, answer: Answer, _: float) -> None:
        self.counts[type(answer).__name__] += 1

    def accepted(self, batch: Batch) -> None:
        self.counts["accepted"] += len(batch.interactions)

    def rebalanced(self, kind: str) -> None:
        self.counts[kind] += 1

    def committed(self) -> None:
        self.counts["commits"] += 1


def events(batch: Batch) -> list[str]:
    """The events of a batch, as the topic had them."""
    return [json.loads(each.event) for each in batch.interactions]
