"""Nothing is committed past a record that is not settled."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from worker.core.offsets.assignment import Lease


def lease_with(*offsets: int) -> Lease:
    lease = Lease("t", 0, 1)
    for offset in offsets:
        lease.track(offset)
    return lease


def test_commit_stops_before_the_first_unsettled_record() -> None:
    lease = lease_with(5, 6, 7)
    lease.settle(5)
    lease.settle(7)
    assert lease.committable() == 6


def test_commit_is_one_past_the_last_when_all_is_settled() -> None:
    lease = lease_with(5, 6)
    lease.settle(6)
    lease.settle(5)
    assert lease.committable() == 7


def test_gaps_cost_nothing() -> None:
    lease = lease_with(5, 900)
    lease.settle(5)
    assert lease.committable() == 900


def test_without_records_there_is_nothing_to_commit() -> None:
    assert Lease("t", 0, 1).committable() is None


def test_what_was_given_out_does_not_pile_up_while_commits_fail() -> None:
    lease = Lease("t", 0, 1)
    for offset in range(36_000):
        lease.track(offset)
        lease.settle(offset)
        lease.give_out()
    assert len(lease._given) <= 1000  # noqa: SLF001  memory is the promise
    assert lease.uncommitted() == 36_000
    lease.note_committed(36_000)
    assert lease.uncommitted() == 0


def test_settling_twice_is_an_error() -> None:
    lease = lease_with(1, 2)
    lease.settle(2)
    with pytest.raises(ValueError, match="not pending"):
        lease.settle(2)
    lease.settle(1)
    with pytest.raises(ValueError, match="not pending"):
        lease.settle(1)


def test_a_record_that_was_never_received_cannot_be_settled() -> None:
    with pytest.raises(ValueError, match="not pending"):
        lease_with(1).settle(2)


def test_going_back_within_a_lease_is_an_error() -> None:
    with pytest.raises(ValueError, match="received offset 4 after 5"):
        lease_with(5).track(4)


def test_the_oldest_unsettled_record_tells_since_when_it_waits() -> None:
    lease = Lease("t", 0, 1)
    for offset, received_at in ((1, 10.0), (2, 10.0), (3, 11.0), (9, 12.0)):
        lease.track(offset, received_at)
    lease.settle(1)
    lease.settle(3)
    assert lease.oldest_received_at() == 10.0
    lease.settle(2)
    assert lease.oldest_received_at() == 12.0
    lease.settle(9)
    assert lease.oldest_received_at() is None


def test_the_first_unsettled_records_own_timestamp_is_known_to_a_second() -> None:
    """Also of records that came together: a slow topic's may be days apart."""
    lease = Lease("t", 0, 1)
    for offset, timestamp_ms in ((1, 5_000), (2, 5_900), (3, 90_000), (4, None), (5, 100_000)):
        lease.track(offset, 10.0, timestamp_ms)
    told = [lease.oldest_timestamp_ms()]
    for offset in (1, 2, 3, 4, 5):
        lease.settle(offset)
        told.append(lease.oldest_timestamp_ms())
    assert told == [5_000, 5_000, 90_000, None, 100_000, None]


def test_what_is_settled_behind_a_record_that_is_stuck_takes_no_memory() -> None:
    lease = lease_with(0)
    tracemalloc.start()
    for offset in range(1, 20_000):
        lease.track(offset, float(offset))
        lease.settle(offset)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 50_000
    assert (lease.committable(), lease.unsettled(), lease.uncommitted()) == (0, 1, 19_999)
    assert lease.oldest_received_at() == 0.0
    lease.settle(0)
    assert (lease.committable(), lease.unsettled(), lease.uncommitted()) == (20_000, 0, 20_000)


def test_settling_twice_is_an_error_later_too_when_the_first_time_is_forgotten() -> None:
    lease = lease_with(*range(500))

    def settle(*offsets: int) -> None:
        for offset in offsets:
            lease.settle(offset)

    settle(*range(1, 300))
    with pytest.raises(ValueError, match="twice"):
        settle(1, *range(300, 500))


class AnyLease(RuleBasedStateMachine):
    """Whatever is received and settled in whatever order, against a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self.lease = Lease("t", 0, 1)
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
        self.lease.track(offset, self.now, timestamp_ms)
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
            self.lease.settle(offset)
            self.settled.add(offset)

    @rule()
    def commit(self) -> None:
        offset = self.lease.give_out()
        if offset is not None:
            self.lease.note_committed(offset)
            self.committed = sum(each < offset for each in self.received)

    def unsettled(self) -> list[int]:
        return [offset for offset in self.received if offset not in self.settled]

    @precondition(lambda self: set(self.received) - self.settled)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from(sorted(set(self.received) - self.settled)))
        self.lease.settle(offset)
        self.settled.add(offset)

    @invariant()
    def never_commits_past_an_unsettled_record(self) -> None:
        unsettled = self.unsettled()
        expected = unsettled[0] if unsettled else (self.received[-1] + 1 if self.received else None)
        assert self.lease.committable() == expected
        assert self.lease.unsettled() == len(unsettled)
        assert self.lease.uncommitted() == len(self.settled) - self.committed
        assert self.lease.oldest_received_at() == (self.arrivals[unsettled[0]] if unsettled else None)
        told, true = self.lease.oldest_timestamp_ms(), self.stamps[unsettled[0]] if unsettled else None
        assert (told is None) == (true is None)
        assert told is None or true is None or abs(told - true) <= 1000


TestAnyLease = AnyLease.TestCase


@given(st.permutations(range(30)))
def test_any_order_of_settling_ends_at_the_end(order: list[int]) -> None:
    lease = lease_with(*range(30))
    for offset in order:
        lease.settle(offset)
    assert lease.committable() == 30
    assert lease.unsettled() == 0


def test_what_the_broker_has_is_known_once_it_was_committed() -> None:
    lease = Lease("t", 0, 1)
    assert lease.committed_offset is None
    lease.track(5)
    lease.settle(5)
    lease.note_committed(lease.give_out() or 0)
    assert lease.committed_offset == 6
