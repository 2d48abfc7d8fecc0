"""Nothing is committed past a record that is not settled."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from worker.core.model.boundary import Before, Boundary, Through
from worker.core.model.partition import Partition
from worker.core.offsets.assignment import Assignment


def assignment_with(*offsets: int) -> Assignment:
    assignment = Assignment(Partition("t", 0), 1)
    for offset in offsets:
        assignment.track(offset)
    return assignment


def test_commit_stops_before_the_first_unsettled_record() -> None:
    assignment = assignment_with(5, 6, 7)
    assignment.settle(5)
    assignment.settle(7)
    assert assignment.settled_up_to() == Before(6, last=5)


def test_commit_includes_the_last_when_all_is_settled() -> None:
    assignment = assignment_with(5, 6)
    assignment.settle(6)
    assignment.settle(5)
    assert assignment.settled_up_to() == Through(6)


def test_gaps_cost_nothing() -> None:
    assignment = assignment_with(5, 900)
    assignment.settle(5)
    assert assignment.settled_up_to() == Before(900, last=5)


def test_without_records_there_is_nothing_to_commit() -> None:
    assert Assignment(Partition("t", 0), 1).settled_up_to() is None


def test_positions_may_have_any_size_and_any_gaps() -> None:
    """Those of Kinesis have 56 digits."""
    first, second, third = (49_590 * 10**51 + each * 10**40 for each in (1, 7, 9))
    assignment = assignment_with(first, second, third)
    assignment.settle(second)
    assert assignment.settled_up_to() == Before(first)
    assignment.settle(first)
    assert assignment.settled_up_to() == Before(third, last=second)
    assert assignment.take_committable() == Before(third, last=second)
    # An inclusive checkpoint names the last record done with.
    assignment.note_committed(Through(second))
    assert assignment.uncommitted() == 0


def test_what_was_taken_does_not_pile_up_while_commits_fail() -> None:
    assignment = Assignment(Partition("t", 0), 1)
    for offset in range(36_000):
        assignment.track(offset)
        assignment.settle(offset)
        assignment.take_committable()
    assert len(assignment._pending_commits) <= 1000  # noqa: SLF001  memory is the promise
    assert assignment.uncommitted() == 36_000
    assignment.note_committed(Before(36_000))
    assert assignment.uncommitted() == 0


def test_settling_twice_is_an_error() -> None:
    assignment = assignment_with(1, 2)
    assignment.settle(2)
    with pytest.raises(ValueError, match="not pending"):
        assignment.settle(2)
    assignment.settle(1)
    with pytest.raises(ValueError, match="not pending"):
        assignment.settle(1)


def test_a_record_that_was_never_received_cannot_be_settled() -> None:
    with pytest.raises(ValueError, match="not pending"):
        assignment_with(1).settle(2)


def test_going_back_within_an_assignment_is_an_error() -> None:
    with pytest.raises(ValueError, match="received position 4 after 5"):
        assignment_with(5).track(4)


def test_the_oldest_unsettled_record_tells_since_when_it_waits() -> None:
    assignment = Assignment(Partition("t", 0), 1)
    for offset, received_at in ((1, 10.0), (2, 10.0), (3, 11.0), (9, 12.0)):
        assignment.track(offset, received_at)
    assignment.settle(1)
    assignment.settle(3)
    assert assignment.oldest_received_at() == 10.0
    assignment.settle(2)
    assert assignment.oldest_received_at() == 12.0
    assignment.settle(9)
    assert assignment.oldest_received_at() is None


def test_the_first_unsettled_records_own_timestamp_is_known_to_a_second() -> None:
    """Also of records that came together: a slow topic's may be days apart."""
    assignment = Assignment(Partition("t", 0), 1)
    for offset, timestamp_ms in ((1, 5_000), (2, 5_900), (3, 90_000), (4, None), (5, 100_000)):
        assignment.track(offset, 10.0, timestamp_ms)
    told = [assignment.oldest_timestamp_ms()]
    for offset in (1, 2, 3, 4, 5):
        assignment.settle(offset)
        told.append(assignment.oldest_timestamp_ms())
    assert told == [5_000, 5_000, 90_000, None, 100_000, None]


def test_what_is_settled_behind_a_record_that_is_stuck_takes_no_memory() -> None:
    assignment = assignment_with(0)
    tracemalloc.start()
    for offset in range(1, 20_000):
        assignment.track(offset, float(offset))
        assignment.settle(offset)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 50_000
    assert (assignment.first_unsettled(), assignment.unsettled(), assignment.uncommitted()) == (0, 1, 19_999)
    assert assignment.oldest_received_at() == 0.0
    assignment.settle(0)
    assert assignment.settled_up_to() == Through(19_999)
    assert (assignment.unsettled(), assignment.uncommitted()) == (0, 20_000)


def test_what_was_taken_out_counts_for_the_last_record_settled() -> None:
    assignment = assignment_with(*range(500), 700)
    for offset in range(1, 500):
        assignment.settle(offset)
    assert assignment.settled_up_to() == Before(0)
    assignment.settle(0)
    assert assignment.settled_up_to() == Before(700, last=499)


def test_settling_twice_is_an_error_later_too_when_the_first_time_is_forgotten() -> None:
    assignment = assignment_with(*range(500))

    def settle(*offsets: int) -> None:
        for offset in offsets:
            assignment.settle(offset)

    settle(*range(1, 300))
    with pytest.raises(ValueError, match="twice"):
        settle(1, *range(300, 500))


class AnyLease(RuleBasedStateMachine):
    """Whatever is received and settled in whatever order, against a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.assignment = Assignment(Partition("t", 0), 1)
        self.received: list[int] = []
        self.arrivals: dict[int, float] = {}
        self.stamps: dict[int, int | None] = {}
        self.settled: set[int] = set()
        self.committed = 0
        self.now = 0.0

    @rule(
        gap=st.integers(1, 5),
        seconds=st.sampled_from([0, 1]),
        timestamp_ms=st.none() | st.sampled_from([-1, 0, 500, 7_000]) | st.integers(0, 5_000),
    )
    def receive(self, gap: int, seconds: int, timestamp_ms: int | None = None) -> None:
        offset = (self.received[-1] if self.received else -1) + gap
        self.now += seconds
        self.assignment.track(offset, self.now, timestamp_ms)
        self.stamps[offset] = timestamp_ms
        self.received.append(offset)
        self.arrivals[offset] = self.now

    @rule(count=st.integers(60, 200))
    def receive_many(self, count: int) -> None:
        for _ in range(count):
            self.receive(1, 1)

    @rule()
    def settle_all_but_the_oldest(self) -> None:
        for offset in self.unsettled()[1:]:
            self.assignment.settle(offset)
            self.settled.add(offset)

    @rule()
    def commit(self) -> None:
        boundary = self.assignment.take_committable()
        if boundary is not None:
            self.assignment.note_committed(boundary)
            self.committed = sum(boundary.covers(Through(each)) for each in self.received)

    def unsettled(self) -> list[int]:
        return [offset for offset in self.received if offset not in self.settled]

    def expected(self, unsettled: list[int]) -> Boundary | None:
        if not unsettled:
            return Through(self.received[-1]) if self.received else None
        before = [each for each in self.received if each < unsettled[0]]
        return Before(unsettled[0], before[-1] if before else None)

    @precondition(lambda self: set(self.received) - self.settled)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from(sorted(set(self.received) - self.settled)))
        self.assignment.settle(offset)
        self.settled.add(offset)

    @invariant()
    def never_commits_past_an_unsettled_record(self) -> None:
        unsettled = self.unsettled()
        assert self.assignment.settled_up_to() == self.expected(unsettled)
        assert self.assignment.unsettled() == len(unsettled)
        assert self.assignment.uncommitted() == len(self.settled) - self.committed
        assert self.assignment.oldest_received_at() == (self.arrivals[unsettled[0]] if unsettled else None)
        told, true = self.assignment.oldest_timestamp_ms(), self.stamps[unsettled[0]] if unsettled else None
        assert (told is None) == (true is None)
        assert told is None or true is None or abs(told - true) <= 1000


TestAnyLease = AnyLease.TestCase


@given(st.permutations(range(30)))
def test_any_order_of_settling_ends_at_the_end(order: list[int]) -> None:
    assignment = assignment_with(*range(30))
    for offset in order:
        assignment.settle(offset)
    assert assignment.settled_up_to() == Through(29)
    assert assignment.unsettled() == 0
