"""Defects in records that hold several events. See ``defects``."""
# ruff: noqa: SLF001  they are planted where the real code is private, whatever its types

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.planting import defect
from worker.core.model.records import Element, element_bytes, element_index, held_bytes
from worker.core.offsets.tracker import OffsetTracker
from worker.dead_letters import letter
from worker.pipeline.intake import Intake
from worker.pipeline.unsettled_records import UnsettledRecords

if TYPE_CHECKING:
    from collections.abc import Callable


@defect(OffsetTracker, "settle")
def moves_the_offset_with_the_first_element(right: Callable[..., Any]) -> Any:
    def wrong(tracker: OffsetTracker, record: Any) -> bool:
        if not isinstance(record, Element):
            return bool(right(tracker, record))
        is_first = tracker.elements._held[record.assignment, record.offset].count == record.of
        tracker.elements.leave(record)
        if is_first and record.assignment.open:
            record.assignment.settle(record.offset)
        return record.assignment.open

    return wrong


@defect(UnsettledRecords, "settle_all")
def settles_an_element_twice(right: Callable[..., Any]) -> Any:
    def wrong(unsettled: UnsettledRecords, interactions: Any) -> None:
        right(unsettled, [*interactions, *(each for each in interactions if element_index(each.record))])

    return wrong


@defect(UnsettledRecords, "_release")
def frees_a_records_memory_with_each_element(_: Callable[..., Any]) -> Any:
    def wrong(unsettled: UnsettledRecords, record: Any, event: bytes | None) -> None:
        if isinstance(record, Element):
            unsettled.memory.remove(held_bytes(record) + element_bytes(event))
        else:
            unsettled.memory.remove(held_bytes(record, event))

    return wrong


@defect(letter, "element_of")
def leaves_the_element_out_of_its_letter(_: Callable[..., Any]) -> Any:
    return lambda _: None


@defect(Intake, "drop_ended")
def keeps_what_waits_unmapped_of_an_assignment_that_ended(_: Callable[..., Any]) -> Any:
    return lambda _: None
