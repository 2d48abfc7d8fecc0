"""What one worker has in its hands, as its edges see it: what it was given, and what it has been told.

A *receipt* is one handing-over of one record; a record that is read again has another. It is settled when the
worker has heard that the API took the event or that the broker has the letter. It ends when the partition is
no longer the worker's, and not when its log is cut: what stands below the cut is in hand as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from tests.simulation.truth import Breach, Written


SENDS: Final = "sends"


class Receipt:
    """One record, handed over once."""

    __slots__ = ("is_open", "is_overtaken", "number", "record", "settled")

    def __init__(self, record: Written, number: int) -> None:
        self.record = record
        self.number = number
        self.settled = record.kind == "skip"
        self.is_open = True
        self.is_overtaken = False


class HeldRecords:
    """The open receipts of one worker."""

    def __init__(self, who: str, breach: Breach) -> None:
        self._who = who
        self._breach = breach
        self._open: dict[str, list[Receipt]] = {}
        self._given = 0
        self.count = 0
        """Open and not settled."""
        self.settled_so_far = 0
        """Also of what was taken away since; what was read again counts again."""

    def given(self, record: Written) -> None:
        """A record is handed over, and so is each of its elements."""
        for each in record.elements():
            self._given += 1
            receipt = Receipt(each, self._given)
            self._open.setdefault(each.name, []).append(receipt)
            self.count += not receipt.settled

    def records(self) -> int:
        """How many records are open and not settled; one of which elements are left is one."""
        return len({(each.record.partition, each.record.offset) for each in self._all() if not each.settled})

    def taken_away(self, partition: int) -> None:
        """The worker was told that the partition is not its own."""
        for receipt in [each for each in self._all() if each.record.partition == partition]:
            receipt.is_open = False
            self.count -= not receipt.settled
            self._open.pop(receipt.record.name, None)

    def owed(self, partitions: Container[int]) -> list[Written]:
        """What it was given of these partitions and has not brought to an end."""
        unsettled = (each.record for each in self._all() if not each.settled)
        return [each for each in unsettled if each.partition in partitions and not each.gone]

    def schemas(self, partition: int) -> set[int]:
        """The schemas of what it has not brought to an end, also of what its log has lost meanwhile."""
        held = (each.record for each in self._all() if not each.settled)
        return {each.schema for each in held if each.partition == partition} - {0}

    def use(self, record: Written, to: str) -> Receipt | None:
        """The worker begins to send it, or to dead-letter it: only what is its own, and not done with."""
        if not (receipts := self._open.get(record.name)):
            self._breach("only what is its own is sent", f"{self._who} {to} {record!r}, which it lost")
            return None
        receipt = next((each for each in receipts if not each.settled), receipts[-1])
        if receipt.is_overtaken and to == SENDS:
            self._breach("a session stays in order", f"{self._who} {to} {record!r} after later ones")
        elif receipt.settled:
            self._breach("nothing is settled twice", f"{self._who} {to} {record!r}, which was done with")
        return receipt

    def overtake(self, later: Receipt) -> None:
        """It was accepted: what is left of its session before it must be on its way to the dead letters."""
        if not later.is_open:
            return
        for each in self._all():
            was_before = each.number < later.number and each.record.order < later.record.order
            stands = was_before and not each.settled and not each.record.gone
            if stands and each.record.shares_order_with(later.record):
                each.is_overtaken = True

    def settle(self, receipt: Receipt | None) -> None:
        """The worker has been told that the record is done with."""
        if receipt is not None and receipt.settled:
            # Under way twice, as it was given twice; of what was taken away there is nothing left to settle.
            twins = self._open.get(receipt.record.name, ()) if receipt.is_open else ()
            receipt = next((each for each in twins if not each.settled), None)
        if receipt is not None:
            receipt.settled = True
            self.settled_so_far += 1
            self.count -= receipt.is_open

    def _all(self) -> Iterator[Receipt]:
        return (each for receipts in self._open.values() for each in receipts)
