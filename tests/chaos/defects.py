"""Workers with a planted defect, each of which a run has to find.

``python -m tests.chaos.defects NAME run --config FILE`` is the worker with that defect.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from worker.__main__ import main
from worker.core.batching.session_queues import SessionQueues
from worker.core.model.boundary import Through
from worker.core.model.outcomes import Accepted, TransientFault
from worker.core.model.records import Batch
from worker.core.offsets.assignment import Assignment
from worker.dead_letters.writer import KafkaDeadLetters
from worker.delivery.put_events import PutEventsClient
from worker.pipeline.rebalance import RebalanceHandler
from worker.sources.kafka.pausing import PauseControl
from worker.sources.kafka.positions import ReadPosition, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.boundary import Boundary
    from worker.core.model.outcomes import Answer
    from worker.core.model.partition import Partition
    from worker.core.model.records import Reason, Record


def commit_one_too_far() -> None:
    """The first unsettled record is passed."""
    right = Assignment.settled_up_to

    def settled_up_to(assignment: Assignment) -> Boundary | None:
        first = assignment.first_unsettled()
        return right(assignment) if first is None else Through(first)

    Assignment.settled_up_to = settled_up_to


def commit_all_on_a_revoke() -> None:
    """What was received counts as settled when partitions are taken away."""
    right = RebalanceHandler.revoked

    async def revoked(
        assignments: RebalanceHandler, partitions: Sequence[Partition]
    ) -> Mapping[Partition, Boundary]:
        ours = assignments._unsettled.tracker.assignments(partitions)  # noqa: SLF001  a defect sits inside
        ends = {each.partition: each.received_up_to() for each in ours}
        settled = await right(assignments, partitions)
        return {**settled, **{key: end for key, end in ends.items() if end is not None}}

    RebalanceHandler.revoked = revoked


def take_a_fault_for_an_acceptance() -> None:
    """A 500 is as good as a 200."""
    right = PutEventsClient.put

    async def put(client: PutEventsClient, batch: Batch) -> Answer:
        answer = await right(client, batch)
        return Accepted() if isinstance(answer, TransientFault) else answer

    PutEventsClient.put = put


def fill_a_call_backwards() -> None:
    """The events of a call stand in it the wrong way round."""
    right = SessionQueues.seal

    def seal(queues: SessionQueues, now: float, limit: int | None = None) -> Batch | None:
        batch = right(queues, now, limit)
        return batch and Batch(batch.session_id, batch.user_id, batch.interactions[::-1])

    SessionQueues.seal = seal


def forget_a_dead_letter() -> None:
    """A letter counts as written before it is."""

    async def write(_: KafkaDeadLetters, record: Record, reason: Reason, tries: int) -> None:
        del record, reason, tries

    KafkaDeadLetters.write = write


def drop_what_is_held_at_a_cut() -> None:
    """What was received before the log was cut counts for nothing any more: the cut may be committed."""
    right = Assignment.cut

    def cut(assignment: Assignment, offset: int, epoch: int) -> Assignment:
        on_top = right(assignment, offset, epoch)
        on_top._below = None  # noqa: SLF001  a defect sits inside
        return on_top

    Assignment.cut = cut


def believe_every_gap() -> None:
    """What librdkafka had fetched ahead from below a cut, and threw away, is not read again."""
    right = ReadPosition.step

    def step(position: ReadPosition, offset: int, leader_epoch: int | None) -> Step:
        found = right(position, offset, leader_epoch)
        return Step.ON if found is Step.ASIDE else found

    ReadPosition.step = step
    ReadPosition.moved = lambda _, __: Step.ON


def forget_a_pause() -> None:
    """Of partitions that were assigned nothing is told: librdkafka knows what is paused."""
    PauseControl.assigned = lambda _: None


DEFECTS: Final[dict[str, Callable[[], None]]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        commit_one_too_far,
        commit_all_on_a_revoke,
        take_a_fault_for_an_acceptance,
        fill_a_call_backwards,
        forget_a_dead_letter,
        drop_what_is_held_at_a_cut,
        believe_every_gap,
        forget_a_pause,
    )
}


def program_with(defect: str) -> tuple[str, ...]:
    """The words that run a worker with the defect of this name."""
    return ("tests.chaos.defects", defect)


if __name__ == "__main__":
    DEFECTS[sys.argv.pop(1)]()
    sys.exit(main())
