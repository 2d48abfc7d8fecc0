"""Defects in what is sent when: order, calls, memory, wake-ups. See ``defects``."""
# ruff: noqa: SLF001  they are planted where the real code is private, whatever its types

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from tests.simulation.planting import defect
from worker.core.batching.session import Session
from worker.core.batching.session_queues import SessionQueues
from worker.core.flow_control.admission import Admission
from worker.core.model.records import Batch
from worker.core.offsets.memory_budget import MemoryBudget
from worker.pipeline.dead_letter_queue import DeadLetterQueue
from worker.pipeline.dispatcher import Dispatcher
from worker.pipeline.in_flight import InFlight
from worker.pipeline.permits import Permits
from worker.pipeline.pipeline import Pipeline
from worker.pipeline.unsettled_records import UnsettledRecords
from worker.pipeline.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable


# Order and calls


@defect(SessionQueues, "seal")
def has_two_calls_in_flight_for_a_session(right: Callable[..., Any]) -> Any:
    def wrong(queues: SessionQueues, now: float, limit: int | None = None) -> Batch | None:
        batch = right(queues, now, limit)
        if batch is not None and queues._sessions[batch.session_id].events:
            queues.release(batch.session_id, now)
        return batch

    return wrong


@defect(SessionQueues, "release")
def puts_back_in_the_wrong_order(right: Callable[..., Any]) -> Any:
    return lambda queues, session_id, now, put_back=(), retry=None: right(
        queues, session_id, now, put_back[::-1], retry
    )


@defect(SessionQueues, "release")
def puts_back_behind_what_waits(right: Callable[..., Any]) -> Any:
    def wrong(
        queues: SessionQueues, session_id: str, now: float, put_back: Any = (), retry: Any = None
    ) -> None:
        events = queues._sessions[session_id].events
        behind, events[:] = [*events, *put_back], []
        right(queues, session_id, now, behind, retry)

    return wrong


@defect(Batch, "halves")
def sends_the_later_half_first(right: Callable[..., Any]) -> Any:
    return lambda batch: right(batch)[::-1]


@defect(Session, "first_run")
def forgets_that_a_user_splits_a_call(_: Callable[..., Any]) -> Any:
    return lambda session, limit: min(limit, len(session.events))


@defect(Session, "first_run")
def seals_one_event_too_many(right: Callable[..., Any]) -> Any:
    return lambda session, limit: right(session, limit + 1)


@defect(Dispatcher, "_give_back")
def puts_back_what_is_no_longer_its_own(_: Callable[..., Any]) -> Any:
    def wrong(dispatcher: Dispatcher, flight: InFlight) -> None:
        events = list(flight.interactions())
        flight.left.clear()
        dispatcher._queues.release(flight.session_id, dispatcher._clock(), put_back=events)

    return wrong


@defect(Batch, "is_ours")
def sends_what_is_no_longer_its_own(_: Callable[..., Any]) -> Any:
    return lambda _: True


@defect(Admission, "opens_at")
def sends_on_while_held(right: Callable[..., Any]) -> Any:
    def wrong(admission: Admission, now: float) -> float:
        breaker = admission.breaker
        holds, breaker._holds = breaker._holds, {}
        opens_at = right(admission, now)
        breaker._holds = holds
        return opens_at

    return wrong


# Memory


@defect(MemoryBudget, "is_full")
def knows_no_limit_of_records(_: Callable[..., Any]) -> Any:
    # That of bytes stays: what waits unmapped for it would be looked at for ever, without a pause.
    return lambda memory: memory.bytes >= memory._max_bytes


@defect(UnsettledRecords, "drop")
def keeps_counting_what_was_dropped(_: Callable[..., Any]) -> Any:
    return lambda unsettled, _: unsettled.changed.wake()


# Wake-ups and places


@defect(Pipeline, "_dispatched")
def loses_the_wake_up_after_a_call(_: Callable[..., Any]) -> Any:
    return lambda pipeline, task: pipeline._in_flight.pop(task, None)


@defect(Permits, "released")
def loses_the_wake_up_of_a_permit(right: Callable[..., Any]) -> Any:
    def wrong(permits: Permits, *answer: Any) -> None:
        permits._let_through = lambda: None
        right(permits, *answer)
        del permits._let_through

    return wrong


@defect(DeadLetterQueue, "enqueue")
def loses_the_wake_up_for_a_dead_letter(right: Callable[..., Any]) -> Any:
    def wrong(dead_letter_queue: DeadLetterQueue, *letter: Any) -> None:
        work, dead_letter_queue._work = dead_letter_queue._work, Wakeup()
        right(dead_letter_queue, *letter)
        dead_letter_queue._work = work

    return wrong


@defect(InFlight, "release")
def keeps_the_permit_of_a_call_that_was_not_made(right: Callable[..., Any]) -> Any:
    return lambda flight, answer=None, sent_at=inf: right(flight, answer, sent_at) if answer else None


@defect(Permits, "resume")
def holds_for_ever(_: Callable[..., Any]) -> Any:
    return lambda *_: None
