"""Defects in what is sent when: order, calls, memory, wake-ups. See ``defects``."""
# ruff: noqa: SLF001  they are planted where the real code is private, whatever its types

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.planting import defect
from worker.core.batching.session import Session
from worker.core.batching.session_queues import SessionQueues
from worker.core.flow_control.gate import Gate
from worker.core.model.outcomes import Requeued
from worker.core.model.records import Batch
from worker.core.offsets.memory_budget import MemoryBudget
from worker.pipeline.dead_letter_queue import DeadLetterQueue
from worker.pipeline.dispatcher import Dispatcher
from worker.pipeline.permits import Permits
from worker.pipeline.pipeline import Pipeline
from worker.pipeline.retry import RetryingSender
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
    return lambda queues, session_id, now, put_back=(): right(queues, session_id, now, put_back[::-1])


@defect(SessionQueues, "release")
def puts_back_behind_what_waits(right: Callable[..., Any]) -> Any:
    def wrong(queues: SessionQueues, session_id: str, now: float, put_back: Any = ()) -> None:
        events = queues._sessions[session_id].events
        behind, events[:] = [*events, *put_back], []
        right(queues, session_id, now, behind)

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
    def wrong(dispatcher: Dispatcher, session_id: str, left: list[Batch]) -> None:
        events = [event for batch in left for event in batch.interactions]
        dispatcher._queues.release(session_id, dispatcher._clock(), put_back=events)

    return wrong


@defect(Batch, "is_ours")
def sends_what_is_no_longer_its_own(_: Callable[..., Any]) -> Any:
    return lambda _: True


@defect(Gate, "opens_at")
def sends_on_while_held(right: Callable[..., Any]) -> Any:
    def wrong(gate: Gate, now: float) -> float:
        holds, gate._holds = gate._holds, {}
        opens_at = right(gate, now)
        gate._holds = holds
        return opens_at

    return wrong


# Memory


@defect(MemoryBudget, "is_full")
def knows_no_limit(_: Callable[..., Any]) -> Any:
    return lambda _: False


@defect(UnsettledRecords, "drop")
def keeps_counting_what_was_dropped(_: Callable[..., Any]) -> Any:
    return lambda unsettled, _: unsettled.changed.wake()


# Wake-ups and places


@defect(Pipeline, "_carried")
def loses_the_wake_up_after_a_call(_: Callable[..., Any]) -> Any:
    return lambda pipeline, task: pipeline._batches.pop(task, None)


@defect(Permits, "leave")
def loses_the_wake_up_at_the_gate(right: Callable[..., Any]) -> Any:
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


@defect(RetryingSender, "send")
def keeps_the_place_of_a_call_that_was_not_made(right: Callable[..., Any]) -> Any:
    async def wrong(delivery: RetryingSender, batch: Batch) -> Any:
        return await right(delivery, batch) if batch.is_ours() else (Requeued(), 0)

    return wrong


@defect(Permits, "resume")
def holds_for_ever(_: Callable[..., Any]) -> Any:
    return lambda *_: None
