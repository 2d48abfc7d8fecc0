"""What is true of an assignment that has ended, and of all that are open."""

from __future__ import annotations

from tests.support.builders import record
from worker.core.offsets.tracker import OffsetTracker


def test_a_settlement_after_the_assignment_ended_changes_nothing() -> None:
    tracker = OffsetTracker()
    old = tracker.open("t", 0)
    late = record(5, under=old)
    old.track(5)
    tracker.end("t", 0)
    new = tracker.open("t", 0)
    new.track(5)
    assert not tracker.settle(late)
    assert new.committable() == 5
    assert tracker.advanced() == {("t", 0): 5}


def test_opening_again_ends_the_assignment_before() -> None:
    tracker = OffsetTracker()
    old = tracker.open("t", 0)
    new = tracker.open("t", 0)
    assert (old.open, new.open, len(tracker)) == (False, True, 1)
    assert new.epoch > old.epoch


def test_an_offset_is_handed_out_once() -> None:
    tracker = OffsetTracker()
    assignment = tracker.open("t", 0)
    assignment.track(5)
    assignment.settle(5)
    assert tracker.advanced() == {("t", 0): 6}
    assert tracker.advanced() == {}


def test_what_a_crash_would_repeat_is_counted() -> None:
    tracker = OffsetTracker()
    assignment = tracker.open("t", 0)
    for offset in (1, 2, 3, 4):
        assignment.track(offset)
    assignment.settle(1)
    first = tracker.advanced()
    assignment.settle(2)
    assignment.settle(4)
    tracker.advanced()
    assert assignment.uncommitted() == 3
    tracker.note_committed(first)
    assert assignment.uncommitted() == 2
    assignment.settle(3)
    tracker.note_committed(tracker.advanced())
    assert assignment.uncommitted() == 0
