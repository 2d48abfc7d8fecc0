"""What may be committed of a log that was cut, or made anew, while its records were on their way."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from worker.core.model.boundary import Before, Through
from worker.core.model.partition import Partition
from worker.core.offsets.assignment import Assignment


def assignment_with(*offsets: int) -> Assignment:
    assignment = Assignment(Partition("t", 0), 1)
    for offset in offsets:
        assignment.track(offset)
    return assignment


def test_what_stands_below_the_cut_holds_the_offset_back() -> None:
    assignment = assignment_with(*range(100))
    assignment.settle(0)
    on_top = assignment.cut(60, 2)
    on_top.track(60)
    on_top.settle(60)
    assert on_top.settled_up_to() == Before(1, last=0)
    for offset in range(1, 60):
        assignment.settle(offset)
    assert on_top.settled_up_to() == Through(60)


def test_what_was_cut_away_moves_no_offset() -> None:
    assignment = assignment_with(*range(100))
    on_top = assignment.cut(60, 2)
    for offset in range(60, 100):
        assignment.settle(offset)
    assert (on_top.settled_up_to(), on_top.unsettled()) == (Before(0), 60)


def test_a_record_behind_the_cut_is_not_settled_by_the_one_that_stood_there_before() -> None:
    assignment = assignment_with(0, 1)
    on_top = assignment.cut(1, 2)
    on_top.track(1)
    assignment.settle(0)
    assignment.settle(1)
    assert on_top.settled_up_to() == Before(1, last=0)


def test_of_a_log_that_is_another_nothing_holds_the_offset_back() -> None:
    assignment = assignment_with(7, 8)
    on_top = assignment.cut(0, 2)
    assert (on_top.settled_up_to(), on_top.unsettled()) == (Before(0), 2)


def test_the_offset_of_a_cut_is_committable_though_a_higher_one_was() -> None:
    assignment = assignment_with(*range(10))
    for offset in range(10):
        assignment.settle(offset)
    assert assignment.take_committable() == Through(9)
    assert assignment.cut(4, 2).take_committable() == Before(4)


def test_a_cut_beyond_what_is_tracked_goes_no_further_than_that() -> None:
    """The records between came together with the first one behind the cut, and are tracked after it."""
    assignment = assignment_with(*range(10))
    for offset in range(10):
        assignment.settle(offset)
    on_top = assignment.cut(15, 2)
    assert on_top.settled_up_to() == Through(9)
    assignment.track(10)
    assert on_top.settled_up_to() == Before(10, last=9)


def test_nothing_from_below_a_cut_is_received_behind_it() -> None:
    with pytest.raises(ValueError, match="received position 3 after a cut at 4"):
        assignment_with(*range(10)).cut(4, 2).track(3)


def test_all_assignments_of_an_assignment_end_and_hasten_together() -> None:
    assignment = assignment_with(0)
    on_top = assignment.cut(1, 2).cut(1, 3)
    on_top.hasten()
    on_top.end()
    assert (assignment.ending, assignment.open, on_top.ending, on_top.open) == (True, False, True, False)


def test_what_is_done_with_below_a_cut_takes_no_memory() -> None:
    assignment = assignment_with(0, 1)
    on_top = assignment.cut(2, 2)
    assignment.settle(0)
    assignment.settle(1)
    on_top.take_committable()
    assert on_top._below is None  # noqa: SLF001  nothing else shows it


class AnyCuts(RuleBasedStateMachine):
    """Whatever is received, settled and cut in whatever order, against a plain model of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.assignment = Assignment(Partition("t", 0), 1)
        self.next_offset: int | None = None
        self.committable: int | None = None
        # Of each that is not settled: the assignment it came under, its offset, whether it stands in the log.
        self.unsettled: list[list[object]] = []

    @rule(gap=st.integers(0, 3), count=st.integers(1, 90))
    def receive(self, gap: int, count: int) -> None:
        begin = (self.next_offset or 0) + gap
        for offset in range(begin, begin + count):
            self.assignment.track(offset)
            self.unsettled.append([self.assignment, offset, True])
        self.next_offset = self.committable = begin + count

    @precondition(lambda self: self.next_offset is not None)
    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        assert self.next_offset is not None
        self.cut_at(data.draw(st.integers(0, self.next_offset)))

    @rule(count=st.integers(1, 20), data=st.data())
    def cut_with_records_that_are_not_tracked_yet(self, count: int, data: st.DataObject) -> None:
        """They came in the same reception as the first record from behind the cut."""
        begin, before = self.next_offset or 0, self.assignment
        offset = data.draw(st.integers(0, begin + count - 1))
        self.cut_at(offset)
        self.never_commits_past_an_unsettled_record_that_stands()
        for each in range(begin, begin + count):
            before.track(each)
            self.unsettled.append([before, each, each < offset])

    def cut_at(self, offset: int) -> None:
        self.assignment = self.assignment.cut(offset, self.assignment.epoch + 1)
        self.committable = None if self.committable is None else min(offset, self.committable)
        self.next_offset = offset
        for each in self.unsettled:
            each[2] = each[2] and each[1] < offset  # type: ignore[operator]  # an int

    @precondition(lambda self: self.unsettled)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        assignment, offset, _ = self.unsettled.pop(data.draw(st.integers(0, len(self.unsettled) - 1)))
        assert isinstance(assignment, Assignment)
        assert isinstance(offset, int)
        assignment.settle(offset)

    @precondition(lambda self: self.unsettled)
    @rule()
    def settle_all_but_the_oldest(self) -> None:
        for assignment, offset, _ in self.unsettled[1:]:
            assignment.settle(offset)  # type: ignore[attr-defined]  # an assignment
        del self.unsettled[1:]

    @rule()
    def commit(self) -> None:
        if (boundary := self.assignment.take_committable()) is not None:
            self.assignment.note_committed(boundary)

    @invariant()
    def never_commits_past_an_unsettled_record_that_stands(self) -> None:
        standing = [offset for _, offset, stands in self.unsettled if stands]
        settled = self.assignment.settled_up_to()
        # As Kafka commits it.
        next_offset = None if settled is None else settled.position + isinstance(settled, Through)
        assert next_offset == (standing[0] if standing else self.committable)
        assert settled is None or settled.last is None or settled.last < (next_offset or 0)
        assert self.assignment.unsettled() == len(self.unsettled)
        assert self.assignment.uncommitted() >= 0


TestAnyCuts = AnyCuts.TestCase
