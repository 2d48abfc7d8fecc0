"""Assembles one worker: the pure parts are made here, the outer ones (the adapters) are given.

Real adapters come from ``runtime.wiring``. Tests pass twins in memory, and get the same worker.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.batching.age_limit import AgeLimit
from worker.core.batching.scheduling import FreshestFirst, OldestFirst
from worker.core.batching.session_queues import SessionQueues
from worker.core.flow_control.admission import Admission
from worker.core.flow_control.circuit_breaker import CircuitBreaker
from worker.core.flow_control.rate_limiter import RateLimiter
from worker.core.flow_control.refusal_streak import RefusalStreak
from worker.core.offsets.memory_budget import MemoryBudget
from worker.core.offsets.tracker import OffsetTracker
from worker.core.sampling import OneIn
from worker.formats.schemas import Schemas
from worker.pipeline.age_filter import AgeFilter
from worker.pipeline.dead_letter_queue import DeadLetterQueue
from worker.pipeline.dispatcher import Dispatcher
from worker.pipeline.intake import Intake
from worker.pipeline.parking import Parking
from worker.pipeline.permits import Permits
from worker.pipeline.pipeline import Pipeline
from worker.pipeline.quarantine import Quarantine
from worker.pipeline.rebalance import RebalanceHandler
from worker.pipeline.retry import RetryingSender
from worker.pipeline.state import PipelineState
from worker.pipeline.unsettled_records import UnsettledRecords
from worker.pipeline.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.batching.scheduling import SchedulingPolicy
    from worker.core.model.snapshot import HoldStatus
    from worker.ports import DeadLetters, Map, PipelineMetrics, PutEvents, SchemaRegistry, Source
    from worker.settings import BatchingSettings, LimitSettings, RetrySettings, Settings

# Batches that wait to be tried again don't count as calls in flight, so that a few failing sessions stop no
# others. But in an outage every session would wait so, each with a task of its own; this bounds them.
_BATCHES_PER_CALL: Final = 4
_LEAST_BATCHES: Final = 256


class Adapters(Struct, frozen=True):
    """The worker's connections to the outside world."""

    source: Source
    map_record: Map
    put_events: PutEvents
    dead_letters: DeadLetters
    metrics: PipelineMetrics
    epoch_seconds: Callable[[], float]
    """The wall clock, with which a record's timestamp is compared."""
    registry: SchemaRegistry | None = None
    """None for a mapping that needs no schemas."""
    schemas: Schemas | None = None
    """Where the decoders of ``map_record`` find the registry's answers."""


class Worker(Struct, frozen=True):
    """One worker: ``pipeline`` runs it; the other parts are there for inspection."""

    pipeline: Pipeline
    unsettled: UnsettledRecords
    permits: Permits
    queues: SessionQueues
    dead_letter_queue: DeadLetterQueue
    quarantine: Quarantine
    parking: Parking
    intake: Intake
    settings: Settings
    epoch_seconds: Callable[[], float]
    """The wall clock."""
    rebalance: RebalanceHandler

    def holds(self) -> tuple[HoldStatus, ...]:
        """Return all holds: those that stop sending, those of unmappable records, and the registry's."""
        return (*self.permits.holds(), *self.quarantine.holds(), *self.parking.holds())


def assemble(settings: Settings, adapters: Adapters, clock: Callable[[], float]) -> Worker:
    """Return a worker, ready to ``pipeline.run()`` on the loop whose time is ``clock``."""
    state = _state(settings, adapters.metrics, clock)
    dead_letter_queue = DeadLetterQueue(state, adapters.dead_letters)
    age_filter = AgeFilter(state, dead_letter_queue, _age_limit(settings.limits), adapters.epoch_seconds)
    quarantine, parking, intake = _taking_in(settings, adapters, state, dead_letter_queue, age_filter)
    rebalance = RebalanceHandler(state, quarantine, intake, parking, revoke_seconds=settings.revoke_seconds)
    pipeline = Pipeline(
        state,
        source=adapters.source,
        intake=intake,
        rebalance=rebalance,
        dispatcher=_dispatcher(settings, adapters, state, dead_letter_queue),
        dead_letter_queue=dead_letter_queue,
        quarantine=quarantine,
        parking=parking,
        age_filter=age_filter,
        max_batches=max(settings.personalize.max_in_flight * _BATCHES_PER_CALL, _LEAST_BATCHES),
        drain_seconds=settings.shutdown.drain_seconds,
    )
    return Worker(
        pipeline=pipeline,
        unsettled=state.unsettled,
        permits=state.permits,
        queues=state.queues,
        dead_letter_queue=dead_letter_queue,
        quarantine=quarantine,
        parking=parking,
        intake=intake,
        settings=settings,
        epoch_seconds=adapters.epoch_seconds,
        rebalance=rebalance,
    )


def _taking_in(
    settings: Settings,
    adapters: Adapters,
    state: PipelineState,
    dead_letter_queue: DeadLetterQueue,
    age_filter: AgeFilter,
) -> tuple[Quarantine, Parking, Intake]:
    """Return what maps records, and the two places where those are kept that can't be mapped now."""
    quarantine = Quarantine(state, dead_letter_queue, settings.dead_letters.hold_after_unmappable)
    parking = Parking(state, adapters.registry, Schemas() if adapters.schemas is None else adapters.schemas)
    intake = Intake(
        state,
        map_record=adapters.map_record,
        dead_letter_queue=dead_letter_queue,
        quarantine=quarantine,
        age_filter=age_filter,
        parking=parking,
        sample=OneIn(settings.log.sample_every),
    )
    return quarantine, parking, intake


def _dispatcher(
    settings: Settings, adapters: Adapters, state: PipelineState, dead_letter_queue: DeadLetterQueue
) -> Dispatcher:
    """Return what sends batches, and sees each to its end."""
    streak = RefusalStreak(settings.dead_letters.hold_after_refusals)
    sender = _sender(settings.retry, state, adapters.put_events, OneIn(settings.log.sample_every))
    return Dispatcher(state, sender=sender, dead_letter_queue=dead_letter_queue, streak=streak)


def _state(settings: Settings, metrics: PipelineMetrics, clock: Callable[[], float]) -> PipelineState:
    limits, personalize, batching = settings.limits, settings.personalize, settings.batching
    queues = SessionQueues(batching.linger_seconds, batching.max_events, _turns(batching))
    memory = MemoryBudget(limits.max_unsettled_records, limits.max_unsettled_bytes, queues)
    return PipelineState(
        unsettled=UnsettledRecords(OffsetTracker(), memory),
        queues=queues,
        permits=Permits(
            Admission(
                RateLimiter(personalize.requests_per_second, personalize.max_in_flight), CircuitBreaker()
            ),
            clock,
            lambda: len(queues) > 0,
        ),
        metrics=metrics,
        work=Wakeup(),
        assignments_ended=Wakeup(),
        clock=clock,
    )


def _turns(batching: BatchingSettings) -> SchedulingPolicy:
    if batching.order == "freshest_first":
        return FreshestFirst(batching.linger_seconds, batching.max_events)
    return OldestFirst()


def _age_limit(limits: LimitSettings) -> AgeLimit:
    max_age_seconds = inf if limits.max_age_seconds is None else limits.max_age_seconds
    return AgeLimit(max_age_seconds, limits.when_too_old)


def _sender(
    retry: RetrySettings, state: PipelineState, put_events: PutEvents, sample: OneIn
) -> RetryingSender:
    return RetryingSender(
        put_events,
        state.permits,
        state.metrics,
        clock=state.clock,
        sleep_until=state.assignments_ended.wait,
        first_wait_seconds=retry.first_wait_seconds,
        max_wait_seconds=retry.max_wait_seconds,
        sample=sample,
    )
