"""Defects in what is believed of librdkafka: where it reads, and what it keeps. See ``defects``."""
# ruff: noqa: SLF001  they are planted where the real code is private, whatever its types

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.planting import defect
from worker.core.offsets.assignment import Assignment
from worker.sources.kafka.offsets import Offsets
from worker.sources.kafka.pausing import PauseControl
from worker.sources.kafka.positions import ReadPosition, Step
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.partition import Partition


# Logs that are cut, or others


@defect(KafkaSource, "_cut")
def drops_what_stands_below_a_cut(_: Callable[..., Any]) -> Any:
    def wrong(source: KafkaSource, key: Partition, offset: int) -> Assignment:
        source._listener.lost([key])
        (assignment,) = source._listener.assigned([key])
        source._offsets.go_back(key, offset)
        return assignment

    return wrong


@defect(Assignment, "cut")
def forgets_what_stands_below_a_cut(right: Callable[..., Any]) -> Any:
    def wrong(assignment: Assignment, offset: int, epoch: int) -> Assignment:
        on_top: Assignment = right(assignment, offset, epoch)
        on_top._below = None
        return on_top

    return wrong


@defect(Assignment, "cut_away")
def takes_a_new_log_for_the_old_one(_: Callable[..., Any]) -> Any:
    return lambda *_: None


@defect(ReadPosition, "step")
def takes_what_was_thrown_away_for_a_gap(right: Callable[..., Any]) -> Any:
    def wrong(position: ReadPosition, *record: Any) -> Step:
        step: Step = right(position, *record)
        return Step.ON if step is Step.ASIDE else step

    return wrong


@defect(Offsets, "to_commit")
def commits_nothing_below_what_was_committed(right: Callable[..., Any]) -> Any:
    """What librdkafka does with what its ``store_offsets`` was told."""

    def wrong(offsets: Offsets) -> Any:
        highest = offsets.__dict__.setdefault("highest", {})
        higher = [each for each in right(offsets) if each.offset > highest.get(each.partition, -1)]
        highest |= {each.partition: each.offset for each in higher}
        return higher

    return wrong


@defect(KafkaSource, "receive")
def hears_of_a_new_log_too_late(_: Callable[..., Any]) -> Any:
    async def wrong(source: KafkaSource, most: int) -> Any:
        await source._keep_pace()
        await source._reading.seek(source._consumer, source._clock())
        first = await source._consumer.poll(0.1)
        if first is None:
            return ()
        return source._records((first, *await source._consumer.consume(most - 1, 0)))

    return wrong


# Pauses


@defect(PauseControl, "_tell")
def forgets_a_pause_that_librdkafka_keeps(right: Callable[..., Any]) -> Any:
    async def wrong(pausing: PauseControl, consumer: Any) -> None:
        ours, known = set(pausing._ours()), pausing.__dict__.setdefault("paused", set())
        known &= ours
        told = ours if pausing.is_on else set(known)
        known.clear()
        known |= ours if pausing.is_on else set()
        everything, pausing._ours = pausing._ours, lambda: told
        await right(pausing, consumer)
        pausing._ours = everything

    return wrong


@defect(PauseControl, "assigned")
def does_not_pause_what_is_assigned_in_a_pause(_: Callable[..., Any]) -> Any:
    return lambda _: None
