"""Defects, planted one at a time in the real code: each has to be found, or the oracle is blind to it.

They are the mistakes that a worker of this kind is made with. Each is a small change of one method. Here are
those in what is settled and committed; ``defects_of_calls``, ``defects_of_elements``, ``defects_of_reading``,
``defects_of_renewing`` and ``defects_of_schemas`` have the others.
"""
# ruff: noqa: SLF001  they are planted where the real code is private, whatever its types

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from tests.simulation import (  # noqa: F401  they register their own
    defects_of_calls,
    defects_of_elements,
    defects_of_reading,
    defects_of_renewing,
    defects_of_schemas,
)
from tests.simulation.planting import DEFECTS, defect, planted
from worker.core.batching.age_limit import AgeLimit
from worker.core.flow_control.holds import HoldKind
from worker.core.flow_control.refusal_streak import RefusalStreak
from worker.core.flow_control.unmappable_streak import UnmappableStreak
from worker.core.model.boundary import Through
from worker.core.model.outcomes import Accepted, Refused, Throttled, TransientFault
from worker.core.model.records import Reason
from worker.core.offsets.assignment import Assignment
from worker.core.offsets.tracker import OffsetTracker
from worker.pipeline.age_filter import AgeFilter
from worker.pipeline.dead_letter_queue import DeadLetterQueue
from worker.pipeline.dispatcher import Dispatcher
from worker.pipeline.pipeline import Pipeline
from worker.pipeline.quarantine import Quarantine
from worker.pipeline.rebalance import RebalanceHandler
from worker.pipeline.retry import RetryingSender
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.pipeline.in_flight import InFlight


__all__ = ["DEFECTS", "WITHIN_SCHEDULES", "planted"]

WITHIN_SCHEDULES: Final = 500
"""Each is found among the first so many."""

# Offsets


@defect(Assignment, "settled_up_to")
def commits_one_too_far(right: Callable[..., Any]) -> Any:
    def wrong(assignment: Assignment) -> Any:
        boundary, first = right(assignment), assignment.first_unsettled()
        return boundary if first is None else Through(first)

    return wrong


@defect(Assignment, "settled_up_to")
def commits_the_highest_offset_seen(_: Callable[..., Any]) -> Any:
    return lambda assignment: assignment.received_up_to()


@defect(RebalanceHandler, "revoked")
def commits_positions_on_a_revoke(right: Callable[..., Any]) -> Any:
    async def wrong(assignments: RebalanceHandler, partitions: Any) -> Any:
        ours = assignments._unsettled.tracker.assignments(partitions)
        await right(assignments, partitions)
        received = {each.partition: each.received_up_to() for each in ours}
        return {key: each for key, each in received.items() if each is not None}

    return wrong


@defect(OffsetTracker, "settle")
def forgets_the_assignment(_: Callable[..., Any]) -> Any:
    def wrong(tracker: OffsetTracker, record: Any) -> bool:
        for assignment in tracker.assignments([record.assignment.partition]):
            assignment.settle(record.offset)
        return True

    return wrong


@defect(RebalanceHandler, "lost")
def ignores_a_loss(_: Callable[..., Any]) -> Any:
    return lambda *_: None


@defect(RebalanceHandler, "flush")
def does_not_wait_for_the_drain(_: Callable[..., Any]) -> Any:
    async def wrong(*_: object) -> None:
        return

    return wrong


# Settling


@defect(Dispatcher, "_advance")
def settles_before_the_answer(_: Callable[..., Any]) -> Any:
    async def wrong(dispatcher: Dispatcher, flight: InFlight) -> bool:
        outcome, _calls = await dispatcher._sender.send(flight)
        dispatcher._unsettled.settle_all(flight.left[0].interactions)
        del flight.left[0]
        return isinstance(outcome, Accepted)

    return wrong


@defect(DeadLetterQueue, "_finish")
def settles_before_the_dead_letter_is_acknowledged(_: Callable[..., Any]) -> Any:
    async def wrong(
        dead_letter_queue: DeadLetterQueue, record: Any, reason: Reason, tries: int, event: Any
    ) -> None:
        dead_letter_queue._unsettled.settle(record, event)
        while True:
            try:
                return await dead_letter_queue._write(record, reason, tries)
            except DeadLettersUnwritable:
                await asyncio.sleep(1)

    return wrong


@defect(DeadLetterQueue, "_write")
def takes_a_failed_dead_letter_for_written(right: Callable[..., Any]) -> Any:
    async def wrong(dead_letter_queue: DeadLetterQueue, *letter: Any) -> None:
        try:
            await right(dead_letter_queue, *letter)
        except DeadLettersUnwritable:
            dead_letter_queue._permits.resume(HoldKind.DEAD_LETTERS)

    return wrong


@defect(Pipeline, "_wait_for_room")
def drops_at_the_limit(_: Callable[..., Any]) -> Any:
    async def wrong(pipeline: Pipeline) -> None:
        while pipeline._unsettled.memory.is_full() and (batch := pipeline._queues.seal(pipeline._clock())):
            pipeline._unsettled.settle_all(batch.interactions)
            pipeline._queues.release(batch.session_id, pipeline._clock())

    return wrong


@defect(RetryingSender, "_call")
def takes_a_throttled_call_for_accepted(right: Callable[..., Any]) -> Any:
    async def wrong(sender: RetryingSender, flight: InFlight) -> Any:
        answer = await right(sender, flight)
        return Accepted() if isinstance(answer, Throttled) else answer

    return wrong


@defect(RetryingSender, "_call")
def takes_a_timeout_for_accepted(right: Callable[..., Any]) -> Any:
    async def wrong(sender: RetryingSender, flight: InFlight) -> Any:
        answer = await right(sender, flight)
        return Accepted() if answer == TransientFault("AnswerTimeout") else answer

    return wrong


@defect(Dispatcher, "_advance")
def dead_letters_a_whole_call(right: Callable[..., Any]) -> Any:
    async def wrong(dispatcher: Dispatcher, flight: InFlight) -> bool:
        outcome, tries = await dispatcher._sender.send(flight)
        if not isinstance(outcome, Refused):
            return await right(_answering(dispatcher, outcome, tries), flight)
        for each in flight.left[0].interactions:
            await dispatcher._dead_letter_queue.write(
                each.record, Reason("refused", ""), tries=tries, event=each.event
            )
        del flight.left[0]
        return True

    return wrong


def _answering(dispatcher: Dispatcher, outcome: Any, tries: int) -> Dispatcher:
    """The same dispatcher, with an outcome in hand."""

    class Answered:
        async def send(self, _: InFlight) -> tuple[Any, int]:
            return outcome, tries

    same = object.__new__(Dispatcher)
    same.__dict__ = {**dispatcher.__dict__, "_sender": Answered()}
    return same


@defect(RefusalStreak, "refuse")
def empties_the_topic_into_the_dead_letters(_: Callable[..., Any]) -> Any:
    return lambda *_: True


@defect(UnmappableStreak, "add")
def dead_letters_all_that_cannot_be_mapped(_: Callable[..., Any]) -> Any:
    return lambda *_: True


@defect(Quarantine, "end_streak")
def never_lets_go_what_it_kept(_: Callable[..., Any]) -> Any:
    return lambda *_: None


@defect(AgeFilter, "put_aside")
def forgets_the_dead_letter_of_what_is_too_old(_: Callable[..., Any]) -> Any:
    return lambda age_filter, interaction: age_filter._unsettled.settle(interaction.record, interaction.event)


@defect(AgeFilter, "_calls_come_through")
def judges_by_age_while_held(_: Callable[..., Any]) -> Any:
    return lambda _: True


@defect(AgeLimit, "is_exceeded_by")
def puts_aside_what_is_not_too_old_yet(right: Callable[..., Any]) -> Any:
    return lambda limit, record, epoch_seconds: right(limit, record, epoch_seconds + 1)
