"""What may be committed of a log that was cut, or made anew, while its records were on their way."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from worker.core.offsets.assignment import Lease


def lease_with(*offsets: int) -> Lease:
    lease = Lease("t", 0, 1)
    for offset in offsets:
        lease.track(offset)
    return lease


def test_what_stands_below_the_cut_holds_the_offset_back() -> None:
    lease = lease_with(*range(100))
    lease.settle(0)
    on_top = lease.cut(60, 2)
    on_top.track(60)
    on_top.settle(60)
    assert on_top.committable() == 1
    for offset in range(1, 60):
        lease.settle(offset)
    assert on_top.committable() == 61


def test_what_was_cut_away_moves_no_offset() -> None:
    lease = lease_with(*range(100))
    on_top = lease.cut(60, 2)
    for offset in range(60, 100):
        lease.settle(offset)
    assert (on_top.committable(), on_top.unsettled()) == (0, 60)


def test_a_record_behind_the_cut_is_not_settled_by_the_one_that_stood_there_before() -> None:
    lease = lease_with(0, 1)
    on_top = lease.cut(1, 2)
    on_top.track(1)
    lease.settle(0)
    lease.settle(1)
    assert on_top.committable() == 1


def test_of_a_log_that_is_another_nothing_holds_the_offset_back() -> None:
    lease = lease_with(7, 8)
    on_top = lease.cut(0, 2)
    assert (on_top.committable(), on_top.unsettled()) == (0, 2)


def test_the_offset_of_a_cut_is_given_out_though_a_higher_one_was() -> None:
    lease = lease_with(*range(10))
    for offset in range(10):
        lease.settle(offset)
    assert lease.give_out() == 10
    assert lease.cut(4, 2).give_out() == 4


def test_all_leases_of_an_assignment_end_and_hasten_together() -> None:
    lease = lease_with(0)
    on_top = lease.cut(1, 2).cut(1, 3)
    on_top.hasten()
    on_top.end()
    assert (lease.ending, lease.open, on_top.ending, on_top.open) == (True, False, True, False)


def test_what_is_done_with_below_a_cut_takes_no_memory() -> None:
    lease = lease_with(0, 1)
    on_top = lease.cut(2, 2)
    lease.settle(0)
    lease.settle(1)
    on_top.give_out()
    assert on_top._below is None  # noqa: SLF001  nothing else shows it


class AnyCuts(RuleBasedStateMachine):
    """Whatever is received, settled and cut in whatever order, against a plain model of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.lease = Lease("t", 0, 1)
        self.next_offset: int | None = None
        self.committable: int | None = None
        # Of each that is not settled: the lease it came under, its offset, whether it stands in the log.
        self.unsettled: list[list[object]] = []

    @rule(gap=st.integers(0, 3), count=st.integers(1, 90))
    def receive(self, gap: int, count: int) -> None:
        begin = (self.next_offset or 0) + gap
        for offset in range(begin, begin + count):
            self.lease.track(offset)
            self.unsettled.append([self.lease, offset, True])
        self.next_offset = self.committable = begin + count

    @precondition(lambda self: self.next_offset is not None)
    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        assert self.next_offset is not None
        self.cut_at(data.draw(st.integers(0, self.next_offset)))

    @rule(count=st.integers(1, 20), data=st.data())
    def cut_with_records_that_are_not_tracked_yet(self, count: int, data: st.DataObject) -> None:
        """They came in the same reception as the first record from behind the cut."""
        begin, before = self.next_offset or 0, self.lease
        offset = data.draw(st.integers(0, begin + count - 1))
        self.cut_at(offset)
        self.never_commits_past_an_unsettled_record_that_stands()
        for each in range(begin, begin + count):
            before.track(each)
            self.unsettled.append([before, each, each < offset])

    def cut_at(self, offset: int) -> None:
        self.lease = self.lease.cut(offset, self.lease.epoch + 1)
        self.committable = None if self.committable is None else min(offset, self.committable)
        self.next_offset = offset
        for each in self.unsettled:
            each[2] = each[2] and each[1] < offset  # type: ignore[operator]  # an int

    @precondition(lambda self: self.unsettled)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        lease, offset, _ = self.unsettled.pop(data.draw(st.integers(0, len(self.unsettled) - 1)))
        assert isinstance(lease, Lease)
        assert isinstance(offset, int)
        lease.settle(offset)

    @precondition(lambda self: self.unsettled)
    @rule()
    def settle_all_but_the_oldest(self) -> None:
        for lease, offset, _ in self.unsettled[1:]:
            lease.settle(offset)  # type: ignore[attr-defined]  # a lease
        del self.unsettled[1:]

    @rule()
    def commit(self) -> None:
        if (offset := self.lease.give_out()) is not None:
            self.lease.note_committed(offset)

    @invariant()
    def never_commits_past_an_unsettled_record_that_stands(self) -> None:
        standing = [offset for _, offset, stands in self.unsettled if stands]
        assert self.lease.committable() == (standing[0] if standing else self.committable)
        assert self.lease.unsettled() == len(self.unsettled)
        assert self.lease.uncommitted() >= 0


TestAnyCuts = AnyCuts.TestCase
