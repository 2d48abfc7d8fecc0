"""A record that holds several elements is settled with the last of them, and its memory is free then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import Struct

from tests.support.builders import record
from tests.support.elements import element
from worker.core.model.boundary import Before, Through
from worker.core.model.partition import Partition
from worker.core.model.records import FanOut, Interaction, element_bytes, held_bytes
from worker.core.offsets.elements import Elements
from worker.core.offsets.memory_budget import MemoryBudget
from worker.core.offsets.tracker import OffsetTracker
from worker.pipeline.unsettled_records import UnsettledRecords

if TYPE_CHECKING:
    from worker.core.model.records import Record
    from worker.core.offsets.assignment import Assignment

PARTITION = Partition("t", 0)


def unsettled() -> UnsettledRecords:
    return UnsettledRecords(OffsetTracker(), MemoryBudget(1 << 40, 1 << 40))


def events_of(held: Record, of: int) -> list[Interaction]:
    return [Interaction(element(held, index, of), "s", None, b"e" * index) for index in range(of)]


def receive(into: UnsettledRecords, under: Assignment, offset: int, of: int) -> list[Interaction]:
    held = record(offset, under=under)
    into.add(held)
    events = events_of(held, of)
    into.divide(FanOut(held, tuple(events)))
    return events


def test_the_offset_moves_with_the_last_element() -> None:
    held = unsettled()
    under = held.tracker.open(PARTITION)
    first, second, third = receive(held, under, 5, 3)
    for each in (third, first):
        held.settle_all([each])
        assert under.settled_up_to() == Before(5)
        assert (under.unsettled(), held.memory.records) == (1, 1)
    held.settle_all([second])
    assert under.settled_up_to() == Through(5)
    assert (under.unsettled(), held.memory.records, held.memory.bytes) == (0, 0, 0)
    assert len(held.tracker.elements) == 0


def test_an_element_is_settled_once() -> None:
    held = unsettled()
    first, *_ = receive(held, held.tracker.open(PARTITION), 5, 3)
    held.settle_all([first])
    with pytest.raises(ValueError, match="element 0 of position 5 is not held"):
        held.settle_all([first])


@pytest.mark.parametrize("index", [-1, 3, 10_000])
def test_an_element_that_its_record_does_not_have_is_an_error(index: int) -> None:
    elements, held = Elements(), record(5)
    elements.add(held, 3)
    with pytest.raises(ValueError, match="is not held"):
        elements.leave(element(held, index, 3))


def test_after_its_record_is_settled_no_element_is_held() -> None:
    held = unsettled()
    events = receive(held, held.tracker.open(PARTITION), 5, 2)
    held.settle_all(events)
    with pytest.raises(ValueError, match="is not held"):
        held.settle_all(events[:1])


def test_what_is_dropped_and_what_is_settled_too_late_free_the_memory_together() -> None:
    held = unsettled()
    under = held.tracker.open(PARTITION)
    events = receive(held, under, 5, 4)
    held.settle_all(events[:1])
    held.tracker.end(PARTITION)
    held.drop(events[1:3])
    assert held.memory.records == 1
    held.settle_all(events[3:])
    assert (held.memory.records, held.memory.elements, held.memory.bytes) == (0, 0, 0)
    assert under.settled_up_to() == Before(5)


def test_the_record_counts_until_its_last_element_leaves() -> None:
    """However many have left: one that is stuck keeps all of the record's bytes in memory."""
    held = unsettled()
    large = record(5, value=b"x" * 1_000_000, under=held.tracker.open(PARTITION))
    held.add(large)
    events = events_of(large, 1000)
    held.divide(FanOut(large, tuple(events)))
    held.settle_all(events[:-1])
    assert held.memory.bytes == held_bytes(large) + element_bytes(events[-1].event)


class Held(Struct):
    """What the model knows of a record: under what it came, where it stands, and what of it has not left."""

    under: Assignment
    offset: int
    left: list[Interaction]
    counted: int
    stands: bool = True


class AnyElements(RuleBasedStateMachine):
    """Whatever is received, settled, cut and ended in whatever order, against a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.unsettled = unsettled()
        self.current = self.unsettled.tracker.open(PARTITION)
        self.held: list[Held] = []
        self.next_offset = 0
        self.committable: int | None = None

    @rule(gap=st.integers(0, 2), sizes=st.lists(st.integers(1, 5), min_size=1, max_size=40))
    def receive(self, gap: int, sizes: list[int]) -> None:
        self.next_offset += gap
        for of in sizes:
            self.receive_one(of)
        self.committable = self.next_offset

    def receive_one(self, of: int) -> None:
        came = record(self.next_offset, under=self.current)
        if of > 1:
            events = receive(self.unsettled, self.current, self.next_offset, of)
        else:
            events = [Interaction(came, "s", None, b"single")]
            self.unsettled.add(came, b"single")
        self.held.append(Held(self.current, self.next_offset, events, held_bytes(came)))
        self.next_offset += 1

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(self.held))
        event = held.left.pop(data.draw(st.integers(0, len(held.left) - 1)))
        self.unsettled.settle_all([event])
        self.forget_what_has_left()

    @precondition(lambda self: self.held)
    @rule(keep=st.integers(1, 7))
    def settle_most(self, keep: int) -> None:
        """So many that what is settled behind the first is taken out."""
        for place, held in enumerate(self.held):
            if place % keep:
                self.unsettled.settle_all(held.left)
                held.left.clear()
        self.forget_what_has_left()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        self.next_offset = data.draw(st.integers(0, self.next_offset))
        self.current = self.unsettled.tracker.cut(PARTITION, self.next_offset)
        self.committable = None if self.committable is None else min(self.committable, self.next_offset)
        for each in self.held:
            each.stands = each.stands and each.offset < self.next_offset

    @rule(settled_late=st.booleans(), commits=st.booleans())
    def end_and_begin_anew(self, *, settled_late: bool, commits: bool) -> None:
        if commits:
            self.unsettled.tracker.advanced()
        self.unsettled.tracker.end(PARTITION)
        for each in self.held:
            leave = self.unsettled.settle_all if settled_late else self.unsettled.drop
            leave(each.left)
        self.held.clear()
        self.current, self.committable = self.unsettled.tracker.open(PARTITION), None

    @rule()
    def commit(self) -> None:
        self.unsettled.tracker.note_committed(self.unsettled.tracker.advanced())

    def forget_what_has_left(self) -> None:
        self.held = [each for each in self.held if each.left]

    @invariant()
    def never_commits_past_an_element_that_is_not_settled(self) -> None:
        standing = [each.offset for each in self.held if each.stands]
        boundary = self.current.settled_up_to()
        next_offset = None if boundary is None else boundary.position + isinstance(boundary, Through)
        assert next_offset == (standing[0] if standing else self.committable)

    @invariant()
    def counts_records_and_elements_and_what_they_take(self) -> None:
        memory = self.unsettled.memory
        assert self.current.unsettled() == memory.records == len(self.held)
        assert memory.elements == sum(len(each.left) for each in self.held)
        assert memory.bytes == sum(map(_bytes, self.held))
        assert len(self.unsettled.tracker.elements) == sum(_is_divided(each) for each in self.held)


def _is_divided(held: Held) -> bool:
    return held.left[0].event != b"single"


def _bytes(held: Held) -> int:
    if not _is_divided(held):
        return held.counted + len(b"single")
    return held.counted + sum(element_bytes(each.event) for each in held.left)


TestAnyElements = AnyElements.TestCase
