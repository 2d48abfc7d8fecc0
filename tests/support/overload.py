"""More than the quota carries, for hours of virtual time: the input, and what is seen of the delivery."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from msgspec import Struct

from tests.support.stage import Stage
from tests.support.twins import TopicTwin, events
from worker.core.model.outcomes import Accepted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Record
    from worker.settings import Settings


class Delivered(Struct, frozen=True):
    """One accepted event."""

    at: float
    partition: int
    session_id: str
    age_seconds: float
    """By the record's timestamp."""


class OverloadedStage(Stage):
    """A worker whose polls, backlog and deliveries are watched."""

    def __init__(self, conf: Settings, partitions: int = 4) -> None:
        super().__init__(conf, TopicTwin(partitions))
        self.source.idle_seconds = 1.0
        self.source.assign(*range(partitions))
        self._receive, self.source.receive = self.source.receive, self._watched_receive
        self.api.answer = self._watched_answer
        self.delivered: list[Delivered] = []
        self.calls_of: list[int] = []
        """How many events each call had."""
        self.polled_at = 0.0
        self.longest_without_poll = 0.0
        self.most_unsettled = 0
        self.produced = 0
        self._chance = random.Random(1)  # noqa: S311  an input, not a secret

    async def feed(self, sessions: Sequence[str], per_second: int, seconds: int) -> None:
        """Produce so many events a second, of sessions at random, each session in a partition of its own."""
        for _ in range(seconds * per_second):
            place = self._chance.randrange(len(sessions))
            self.produce(sessions[place], place % len(self.topic.logs))
            await asyncio.sleep(1 / per_second)

    def produce(self, session: str, partition: int = 0) -> None:
        """Produce the session's next event, now."""
        now_ms = int(self.epoch_seconds() * 1000)
        self.topic.produce(f"{session}/u/{self.produced}", partition=partition, timestamp_ms=now_ms)
        self.produced += 1

    async def at_rest(self, seconds: float) -> None:
        """Wait until everything is committed; a look each ten seconds, for these are hours."""
        end = self.loop.time() + seconds
        while not self.topic.at_end():
            assert self.loop.time() < end, "it never came to rest"
            await asyncio.sleep(10)

    async def _watched_receive(self, max_records: int) -> Sequence[Record]:
        now = self.loop.time()
        self.longest_without_poll = max(self.longest_without_poll, now - self.polled_at)
        self.polled_at = now
        self.most_unsettled = max(self.most_unsettled, self.worker.unsettled.memory.records)
        return await self._receive(max_records)

    def _watched_answer(self, batch: Batch) -> Answer:
        now, epoch_ms = self.loop.time(), self.epoch_seconds() * 1000
        self.calls_of.append(len(events(batch)))
        self.delivered += (
            Delivered(
                now,
                each.record.assignment.partition.number,
                batch.session_id,
                (epoch_ms - (each.record.timestamp_ms or 0)) / 1000,
            )
            for each in batch.interactions
        )
        return Accepted()
