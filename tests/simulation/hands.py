"""What one worker has in its hands, as its edges see it: what it was given, and what it has been told.

A *receipt* is one handing-over of one record. It is settled when the worker has heard that the API took the
event or that the broker has the letter. It ends when the partition is no longer the worker's, or is read
anew from an earlier place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

    from tests.simulation.truth import Breach, Written
    from worker.core.lease import Lease


SENDS: Final = "sends"


class Receipt:
    """One record, handed over once."""

    __slots__ = ("is_open", "is_overtaken", "record", "settled")

    def __init__(self, record: Written) -> None:
        self.record = record
        self.settled = record.kind == "skip"
        self.is_open = True
        self.is_overtaken = False


class Hands:
    """The open receipts of one worker."""

    def __init__(self, who: str, breach: Breach) -> None:
        self._who = who
        self._breach = breach
        self._open: dict[str, Receipt] = {}
        self._leases: dict[int, Lease] = {}
        self.held = 0
        """Open and not settled."""

    def given(self, record: Written, lease: Lease) -> None:
        """A record is handed over; another lease than before means that the partition was begun again."""
        if self._leases.get(record.partition) is not lease:
            self.taken_away(record.partition)
            self._leases[record.partition] = lease
        receipt = self._open[record.name] = Receipt(record)
        self.held += not receipt.settled

    def taken_away(self, partition: int) -> None:
        """The worker was told that the partition is not its own."""
        for receipt in [each for each in self._open.values() if each.record.partition == partition]:
            receipt.is_open = False
            self.held -= not receipt.settled
            del self._open[receipt.record.name]

    def owed(self, partitions: Container[int]) -> list[Written]:
        """What it was given of these partitions and has not brought to an end."""
        unsettled = (each.record for each in self._open.values() if not each.settled)
        return [each for each in unsettled if each.partition in partitions and not each.gone]

    def use(self, record: Written, to: str) -> Receipt | None:
        """The worker begins to send it, or to bury it: only what is its own, and not done with."""
        receipt = self._open.get(record.name)
        if receipt is None:
            self._breach("only what is its own is sent", f"{self._who} {to} {record!r}, which it lost")
        elif receipt.is_overtaken and to == SENDS:
            self._breach("a session stays in order", f"{self._who} {to} {record!r} after later ones")
        elif receipt.settled:
            self._breach("nothing is settled twice", f"{self._who} {to} {record!r}, which was done with")
        return receipt

    def overtake(self, later: Receipt) -> None:
        """It was accepted: what is left of its session before it must be on its way to the dead letters."""
        if not later.is_open:
            return
        for each in self._open.values():
            before = each.record.offset < later.record.offset
            if before and not each.settled and each.record.shares_order_with(later.record):
                each.is_overtaken = True

    def settle(self, receipt: Receipt | None) -> None:
        """The worker has been told that the record is done with."""
        if receipt is not None and not receipt.settled:
            receipt.settled = True
            self.held -= receipt.is_open
