"""A bad record is a dead letter; a topic of nothing else is a wrong mapping, and is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from worker.core.flow_control.unmappable_streak import UnmappableStreak
from worker.core.model.partition import Partition
from worker.core.model.records import Reason, Record, Undecodable
from worker.core.offsets.assignment import Assignment

REASON = Reason("missing", "event_type: nothing at `event`; every event has a type")


def unmappable(
    offset: int, key: bytes | None = None, assignment: Assignment | None = None, reason: Reason = REASON
) -> Undecodable:
    return Undecodable(
        Record(assignment or Assignment(Partition("t", 0), 1), offset, 1, key, b"user-4711", ()), reason
    )


def test_so_many_of_different_keys_become_dead_letters_and_the_next_is_kept() -> None:
    streak = UnmappableStreak("t", 100)
    let_go = [streak.add(unmappable(offset, b"%d" % offset), 7.0 + offset) for offset in range(103)]
    assert let_go == [True] * 100 + [False] * 3
    assert (streak.kept, streak.kept_since) == (3, 107.0)
    assert [each.record.offset for each in streak.release()] == [100, 101, 102]
    assert (streak.kept, streak.kept_since) == (0, None)


def test_records_without_a_key_are_different_ones() -> None:
    streak = UnmappableStreak("t", 2)
    assert [streak.add(unmappable(offset), 0.0) for offset in range(4)] == [True, True, False, False]


def test_a_single_key_holds_nobody_up() -> None:
    streak = UnmappableStreak("t", 2)
    assert all(streak.add(unmappable(offset, b"the one"), 0.0) for offset in range(100))
    assert not streak.add(unmappable(100, b"another"), 0.0)


@given(
    keys=st.lists(st.none() | st.sampled_from([b"a", b"b", b"c"]), max_size=60),
    limit=st.integers(1, 10),
)
def test_beyond_the_limit_only_a_single_key_is_ever_let_go(keys: list[bytes | None], limit: int) -> None:
    streak = UnmappableStreak("t", limit)
    for offset, key in enumerate(keys):
        is_let_go = streak.add(unmappable(offset, key), 0.0)
        if offset < limit:
            assert is_let_go
        elif is_let_go:
            assert key is not None
            assert set(keys[:offset]) == {key}
    assert streak.kept <= max(0, len(keys) - limit)


def test_what_is_told_is_topic_reasons_and_counts_the_most_frequent_first() -> None:
    streak = UnmappableStreak("views", 2)
    for offset in range(1_200):
        streak.add(unmappable(offset), 0.0)
    streak.add(unmappable(1_200, reason=Reason("too_long", "item_id (`item`): longer")), 0.0)
    assert streak.told() == (
        "topic views: 1,201 in a row cannot be mapped: missing 1,200 times (event_type: nothing at `event`), "
        "too_long 1 times (item_id (`item`): longer)"
    )


def test_those_that_are_kept_for_one_reason_share_it() -> None:
    streak = UnmappableStreak("t", 1)
    for offset in range(50):
        streak.add(unmappable(offset, reason=Reason("missing", f"at {'`event`'}")), 0.0)
    assert len({id(each.reason) for each in streak.release()}) == 1


def test_what_is_kept_of_a_partition_is_counted_under_all_assignments_that_are_open() -> None:
    """A log that was cut goes on under a new assignment; what stands below the cut keeps the old one."""
    streak = UnmappableStreak("t", 1)
    below, on_top, elsewhere = (
        Assignment(Partition("t", 0), 1),
        Assignment(Partition("t", 0), 2),
        Assignment(Partition("t", 1), 3),
    )
    for offset, assignment in ((0, below), (1, below), (7, below), (4, on_top), (5, elsewhere)):
        streak.add(unmappable(offset, assignment=assignment), 0.0)
    assert (
        streak.kept_of(Partition("t", 0)),
        streak.kept_of(Partition("t", 1)),
        streak.kept_of(Partition("t", 2)),
    ) == (3, 1, 0)
    assert [streak.is_first_kept(Partition("t", 0), offset) for offset in (1, 4, 7)] == [True, True, False]
    below.open = False
    assert (streak.kept_of(Partition("t", 0)), streak.kept) == (1, 4)
    assert [each.record.offset for each in streak.drop_ended()] == [1, 7]
    assert (streak.kept_of(Partition("t", 0)), streak.kept) == (1, 2)


class AnyStreak(RuleBasedStateMachine):
    """Whatever comes, under any assignment: each record is let go, kept, released or dropped, once only."""

    def __init__(self) -> None:
        super().__init__()
        self.streak = UnmappableStreak("t", 3)
        self.assignments = [Assignment(Partition("t", 0), 1), Assignment(Partition("t", 1), 2)]
        self.offset = 0
        self.kept: list[int] = []
        self.let_go = 0

    @rule(number=st.integers(0, 1))
    def add(self, number: int) -> None:
        if self.streak.add(unmappable(self.offset, assignment=self.assignments[number]), float(self.offset)):
            self.let_go += 1
        else:
            self.kept.append(self.offset)
        self.offset += 1

    @rule(number=st.integers(0, 1))
    def end(self, number: int) -> None:
        assignment, self.assignments[number] = (
            self.assignments[number],
            Assignment(Partition("t", number), self.offset + 3),
        )
        first = next(
            (each for each in self.kept if self.streak.is_first_kept(Partition("t", number), each)), None
        )
        assert (first is None) == (self.streak.kept_of(Partition("t", number)) == 0)
        assignment.open = False
        dropped = [each.record.offset for each in self.streak.drop_ended()]
        assert (dropped[0] if dropped else None) == first
        self.kept = [each for each in self.kept if each not in dropped]

    @rule()
    def release(self) -> None:
        assert sorted(each.record.offset for each in self.streak.release()) == self.kept
        self.kept = []

    @invariant()
    def keeps_what_it_was_given(self) -> None:
        assert self.streak.kept == len(self.kept)
        assert self.streak.kept == self.streak.kept_of(Partition("t", 0)) + self.streak.kept_of(
            Partition("t", 1)
        )
        assert (self.streak.kept_since is None) == (not self.kept)
        assert self.let_go <= 3


TestAnyStreak = AnyStreak.TestCase


@pytest.mark.parametrize("reason", [REASON, Reason("not_json", "the value is not JSON in UTF-8")])
def test_no_value_of_a_record_is_told(reason: Reason) -> None:
    streak = UnmappableStreak("t", 1)
    for offset in range(5):
        streak.add(unmappable(offset, b"user-4711", reason=reason), 0.0)
    assert "4711" not in streak.told()
