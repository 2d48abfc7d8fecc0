"""What is true of an assignment that has ended, and of all that are open."""

from __future__ import annotations

from tests.support.builders import record
from worker.core.model.boundary import Before, Through
from worker.core.model.partition import Partition
from worker.core.offsets.tracker import OffsetTracker

PARTITION = Partition("t", 0)


def test_a_settlement_after_the_assignment_ended_changes_nothing() -> None:
    tracker = OffsetTracker()
    old = tracker.open(PARTITION)
    late = record(5, under=old)
    old.track(5)
    tracker.end(PARTITION)
    new = tracker.open(PARTITION)
    new.track(5)
    assert not tracker.settle(late)
    assert new.settled_up_to() == Before(5)
    assert tracker.advanced() == {PARTITION: Before(5)}


def test_opening_again_ends_the_assignment_before() -> None:
    tracker = OffsetTracker()
    old = tracker.open(PARTITION)
    new = tracker.open(PARTITION)
    assert (old.open, new.open, len(tracker)) == (False, True, 1)
    assert new.epoch > old.epoch


def test_an_offset_is_handed_out_once() -> None:
    tracker = OffsetTracker()
    assignment = tracker.open(PARTITION)
    assignment.track(5)
    assignment.settle(5)
    assert tracker.advanced() == {PARTITION: Through(5)}
    assert tracker.advanced() == {}


def test_what_a_crash_would_repeat_is_counted() -> None:
    tracker = OffsetTracker()
    assignment = tracker.open(PARTITION)
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
