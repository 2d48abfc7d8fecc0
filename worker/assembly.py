"""Joins the parts of one worker: the pure ones are made here, the outer ones (the edges) are given.

Real edges come from ``wiring``; tests give twins in memory, and get the same worker.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.batching.age_limit import AgeLimit
from worker.core.batching.scheduling import FreshestFirst, OldestFirst
from worker.core.batching.session_queues import SessionQueues
from worker.core.flow_control.gate import Gate
from worker.core.flow_control.refusal_streak import RefusalStreak
from worker.core.offsets.memory_budget import Backlog
from worker.core.offsets.tracker import Ledger
from worker.pipeline.age_filter import Sieve
from worker.pipeline.dead_letter_queue import Burials
from worker.pipeline.dispatcher import Courier
from worker.pipeline.permits import Turnstile
from worker.pipeline.pipeline import Flow
from worker.pipeline.quarantine import Quarantine
from worker.pipeline.rebalance import Leases
from worker.pipeline.retry import Delivery
from worker.pipeline.state import Shared
from worker.pipeline.unsettled_records import Books
from worker.pipeline.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.batching.scheduling import Turns
    from worker.core.model.snapshot import HoldStatus
    from worker.ports import DeadLetters, Map, Meter, PutEvents, Source
    from worker.settings import BatchingSettings, LimitSettings, RetrySettings, Settings

# Batches that wait to be tried again take no place among the calls in flight, so that a few sessions which
# fail stop no others; but in an outage every session would wait so, each with a task of its own.
_BATCHES_PER_CALL: Final = 4
_LEAST_BATCHES: Final = 256


class Edges(Struct, frozen=True):
    """What a worker touches of the world."""

    source: Source
    map_record: Map
    put_events: PutEvents
    dead_letters: DeadLetters
    meter: Meter
    epoch_seconds: Callable[[], float]
    """The wall clock, which a record's timestamp is held against."""


class Worker(Struct, frozen=True):
    """One worker: ``flow`` runs it; the others are there to be looked at."""

    flow: Flow
    books: Books
    turnstile: Turnstile
    queues: SessionQueues
    courier: Courier
    delivery: Delivery
    burials: Burials
    quarantine: Quarantine
    settings: Settings
    epoch_seconds: Callable[[], float]
    """The wall clock."""
    leases: Leases

    def holds(self) -> tuple[HoldStatus, ...]:
        """All that is held: the gate, and what cannot be mapped."""
        return (*self.turnstile.holds(), *self.quarantine.holds())


def assemble(settings: Settings, edges: Edges, clock: Callable[[], float]) -> Worker:
    """A worker, ready to ``flow.run()`` on the loop whose time is ``clock``."""
    shared = _shared(settings, edges.meter, clock)
    burials = Burials(shared, edges.dead_letters)
    quarantine = Quarantine(shared, burials, settings.dead_letters.hold_after_unmappable)
    streak = RefusalStreak(settings.dead_letters.hold_after_refusals)
    delivery = _delivery(settings.retry, shared, edges.put_events)
    courier = Courier(shared, delivery=delivery, burials=burials, streak=streak)
    leases = Leases(shared, quarantine, revoke_seconds=settings.kafka.revoke_seconds)
    flow = Flow(
        shared,
        source=edges.source,
        map_record=edges.map_record,
        leases=leases,
        courier=courier,
        burials=burials,
        quarantine=quarantine,
        sieve=Sieve(shared, burials, _age_limit(settings.limits), edges.epoch_seconds),
        max_batches=max(settings.personalize.max_in_flight * _BATCHES_PER_CALL, _LEAST_BATCHES),
        drain_seconds=settings.shutdown.drain_seconds,
    )
    return Worker(
        flow=flow,
        books=shared.books,
        turnstile=shared.turnstile,
        queues=shared.queues,
        courier=courier,
        delivery=delivery,
        burials=burials,
        quarantine=quarantine,
        settings=settings,
        epoch_seconds=edges.epoch_seconds,
        leases=leases,
    )


def _shared(settings: Settings, meter: Meter, clock: Callable[[], float]) -> Shared:
    limits, personalize, batching = settings.limits, settings.personalize, settings.batching
    queues = SessionQueues(batching.linger_seconds, batching.max_events, _turns(batching))
    backlog = Backlog(limits.max_unsettled_records, limits.max_unsettled_bytes, queues)
    return Shared(
        books=Books(Ledger(), backlog),
        queues=queues,
        turnstile=Turnstile(
            Gate(personalize.requests_per_second, personalize.max_in_flight), clock, lambda: len(queues) > 0
        ),
        meter=meter,
        work=Wakeup(),
        leases_ended=Wakeup(),
        clock=clock,
    )


def _turns(batching: BatchingSettings) -> Turns:
    if batching.order == "freshest_first":
        return FreshestFirst(batching.linger_seconds, batching.max_events)
    return OldestFirst()


def _age_limit(limits: LimitSettings) -> AgeLimit:
    max_age_seconds = inf if limits.max_age_seconds is None else limits.max_age_seconds
    return AgeLimit(max_age_seconds, limits.when_too_old)


def _delivery(retry: RetrySettings, shared: Shared, put_events: PutEvents) -> Delivery:
    return Delivery(
        put_events,
        shared.turnstile,
        shared.meter,
        clock=shared.clock,
        sleep_until=shared.leases_ended.wait,
        first_wait_seconds=retry.first_wait_seconds,
        max_wait_seconds=retry.max_wait_seconds,
        trying=shared.queues.trying,
    )
