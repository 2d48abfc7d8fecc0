"""A worker on twins, in virtual time: what a scenario plays on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from tests.support.twins import DeadLettersTwin, MeterTwin, PutEventsTwin, SourceTwin, TopicTwin, map_plainly
from worker.assembly import Adapters, assemble
from worker.settings import (
    BatchingSettings,
    DeadLetterSettings,
    KafkaSettings,
    LimitSettings,
    PersonalizeSettings,
    Settings,
    ShutdownSettings,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from worker.formats.schemas import Schemas
    from worker.ports import Map, SchemaRegistry

A_LONG_TIME = 10_000.0
EPOCH_SECONDS = 1_780_000_000.0


def settings(  # noqa: PLR0913  each is one knob that some scenario turns
    *,
    requests_per_second: float = 1000,
    max_in_flight: int = 64,
    linger_seconds: float = 1.0,
    hold_after_refusals: int = 20,
    hold_after_unmappable: int | None = 100,
    max_unsettled_records: int = 100_000,
    drain_seconds: float = 20,
    revoke_seconds: float = 10,
    max_age_seconds: float | None = None,
    when_too_old: Literal["dead_letter", "skip"] = "dead_letter",
    order: Literal["oldest_first", "freshest_first"] = "oldest_first",
) -> Settings:
    """A whole configuration, with what matters to the scenario."""
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers="127.0.0.1:9092", topics=("interactions",), revoke_seconds=revoke_seconds
        ),
        personalize=PersonalizeSettings(
            tracking_id="t", requests_per_second=requests_per_second, max_in_flight=max_in_flight
        ),
        batching=BatchingSettings(linger_seconds=linger_seconds, order=order),
        dead_letters=DeadLetterSettings(
            topic="dead",
            hold_after_refusals=hold_after_refusals,
            hold_after_unmappable=hold_after_unmappable,
        ),
        limits=LimitSettings(
            max_unsettled_records=max_unsettled_records,
            max_age_seconds=max_age_seconds,
            when_too_old=when_too_old,
        ),
        shutdown=ShutdownSettings(drain_seconds=drain_seconds),
    )


class Stage:
    """One worker with its twins."""

    def __init__(
        self,
        conf: Settings | None = None,
        topic: TopicTwin | None = None,
        map_record: Map = map_plainly,
        registry: SchemaRegistry | None = None,
        schemas: Schemas | None = None,
    ) -> None:
        self.topic = topic or TopicTwin()
        self.source = SourceTwin(self.topic)
        self.api = PutEventsTwin()
        self.dead_letters = DeadLettersTwin()
        self.metrics = MeterTwin()
        self.loop = asyncio.get_running_loop()
        adapters = Adapters(
            self.source,
            map_record,
            self.api,
            self.dead_letters,
            self.metrics,
            self.epoch_seconds,
            registry=registry,
            schemas=schemas,
        )
        self.worker = assemble(conf or settings(), adapters, self.loop.time)
        self.limiter, self.breaker = self.worker.permits.limiter, self.worker.permits.breaker

    def epoch_seconds(self) -> float:
        """The wall clock; it shows a time in 2026 at the loop's 0."""
        return EPOCH_SECONDS + self.loop.time()

    async def until(self, condition: Callable[[], object], seconds: float = A_LONG_TIME) -> None:
        """Wait, in virtual time, until the condition holds."""
        end = self.loop.time() + seconds
        while not condition():
            assert self.loop.time() < end, "the condition never came true"
            await asyncio.sleep(0.01)

    async def settled(self) -> None:
        """Wait until everything in the topic is committed."""
        await self.until(self.topic.at_end)


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[Stage]:
    """Run its worker meanwhile, and stop it in good order after."""
    task = asyncio.create_task(stage.worker.pipeline.run())
    try:
        yield stage
    finally:
        stage.worker.pipeline.stop()
        await task


async def crash(task: asyncio.Task[None]) -> None:
    """End a worker as kill -9 does: nothing is flushed, nothing is committed."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
