"""Joins the parts of one worker: the pure ones are made here, the outer ones (the edges) are given.

Real edges come from ``wiring``; tests give twins in memory, and get the same worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.backlog import Backlog
from worker.core.gate import Gate
from worker.core.ledger import Ledger
from worker.core.queues import SessionQueues
from worker.core.refusals import RefusalStreak
from worker.delivery.retrying import Delivery
from worker.pipeline.assignments import Leases
from worker.pipeline.books import Books
from worker.pipeline.burials import Burials
from worker.pipeline.courier import Courier
from worker.pipeline.flow import Flow
from worker.pipeline.turnstile import Turnstile
from worker.pipeline.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ports import DeadLetters, Map, Meter, PutEvents, Source
    from worker.settings import Settings

# Batches that wait to be tried again take no place among the calls in flight, so that a few sessions which
# fail stop no others; but in an outage every session would wait so. Each takes some five kilobytes.
_BATCHES_PER_CALL: Final = 4
_LEAST_BATCHES: Final = 256


class Edges(Struct, frozen=True):
    """What a worker touches of the world."""

    source: Source
    map_record: Map
    put_events: PutEvents
    dead_letters: DeadLetters
    meter: Meter


class Worker(Struct, frozen=True):
    """One worker: ``flow`` runs it; the others are there to be looked at."""

    flow: Flow
    books: Books
    turnstile: Turnstile


def assemble(settings: Settings, edges: Edges, clock: Callable[[], float]) -> Worker:
    """A worker, ready to ``flow.run()`` on the loop whose time is ``clock``."""
    work, leases_ended = Wakeup(), Wakeup()
    books = Books(
        Ledger(), Backlog(settings.limits.max_unsettled_records, settings.limits.max_unsettled_bytes)
    )
    queues = SessionQueues(settings.batching.linger_seconds, settings.batching.max_events)
    gate = Gate(settings.personalize.requests_per_second, settings.personalize.max_in_flight)
    turnstile = Turnstile(gate, clock)
    burials = Burials(edges.dead_letters, books, turnstile, edges.meter)
    delivery = Delivery(
        edges.put_events,
        turnstile,
        edges.meter,
        clock=clock,
        sleep_until=leases_ended.wait,
        first_wait_seconds=settings.retry.first_wait_seconds,
        max_wait_seconds=settings.retry.max_wait_seconds,
    )
    courier = Courier(
        queues=queues,
        books=books,
        delivery=delivery,
        burials=burials,
        turnstile=turnstile,
        streak=RefusalStreak(settings.dead_letters.hold_after_refusals),
        meter=edges.meter,
        clock=clock,
    )
    leases = Leases(
        books=books,
        queues=queues,
        turnstile=turnstile,
        meter=edges.meter,
        work=work,
        ended=leases_ended,
        clock=clock,
        revoke_seconds=settings.kafka.revoke_seconds,
    )
    flow = Flow(
        source=edges.source,
        map_record=edges.map_record,
        books=books,
        queues=queues,
        leases=leases,
        turnstile=turnstile,
        courier=courier,
        burials=burials,
        meter=edges.meter,
        work=work,
        clock=clock,
        max_batches=max(settings.personalize.max_in_flight * _BATCHES_PER_CALL, _LEAST_BATCHES),
        drain_seconds=settings.shutdown.drain_seconds,
    )
    return Worker(flow, books, turnstile)
