"""What is true of a lease that has ended, and of all that are open."""

from __future__ import annotations

from tests.support.builders import record
from worker.core.offsets.tracker import Ledger


def test_a_settlement_after_the_lease_ended_changes_nothing() -> None:
    ledger = Ledger()
    old = ledger.open("t", 0)
    late = record(5, under=old)
    old.track(5)
    ledger.end("t", 0)
    new = ledger.open("t", 0)
    new.track(5)
    assert not ledger.settle(late)
    assert new.committable() == 5
    assert ledger.advanced() == {("t", 0): 5}


def test_opening_again_ends_the_lease_before() -> None:
    ledger = Ledger()
    old = ledger.open("t", 0)
    new = ledger.open("t", 0)
    assert (old.open, new.open, len(ledger)) == (False, True, 1)
    assert new.epoch > old.epoch


def test_an_offset_is_handed_out_once() -> None:
    ledger = Ledger()
    lease = ledger.open("t", 0)
    lease.track(5)
    lease.settle(5)
    assert ledger.advanced() == {("t", 0): 6}
    assert ledger.advanced() == {}


def test_what_a_crash_would_repeat_is_counted() -> None:
    ledger = Ledger()
    lease = ledger.open("t", 0)
    for offset in (1, 2, 3, 4):
        lease.track(offset)
    lease.settle(1)
    first = ledger.advanced()
    lease.settle(2)
    lease.settle(4)
    ledger.advanced()
    assert lease.uncommitted() == 3
    ledger.note_committed(first)
    assert lease.uncommitted() == 2
    lease.settle(3)
    ledger.note_committed(ledger.advanced())
    assert lease.uncommitted() == 0
