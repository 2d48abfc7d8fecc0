"""The elements that are held, of records that hold several.

Each leaves exactly once: it is settled, or dropped after its assignment has ended. The last one to leave
takes its record with it. Only then may the offset move, and only then is the record's memory free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.core.model.records import Element, Record
    from worker.core.offsets.assignment import Assignment


class Elements:
    """Which elements of which records are held."""

    def __init__(self) -> None:
        # An assignment has one record at a position, so both together name the record.
        self._held: dict[tuple[Assignment, int], _HeldElements] = {}

    def __len__(self) -> int:
        """Count the records of which elements are held."""
        return len(self._held)

    def add(self, record: Record, of: int) -> None:
        """Hold a record as so many elements."""
        self._held[record.assignment, record.offset] = _HeldElements(of)

    def has_some_of(self, record: Record) -> bool:
        """Whether any element of this record is held."""
        return (record.assignment, record.offset) in self._held

    def leave(self, element: Element) -> bool:
        """Note that an element is settled or dropped; return True if it was the last of its record.

        Raises:
            ValueError: it has left before, or was never held.
        """
        place = element.assignment, element.offset
        held = self._held.get(place)
        if held is None or not held.leave(element.index):
            msg = f"{element.assignment!r}: element {element.index} of position {element.offset} is not held"
            raise ValueError(msg)
        if held.count:
            return False
        del self._held[place]
        return True


class _HeldElements:
    """The elements of one record: a byte each, because a set would take fifty."""

    __slots__ = ("_are_held", "count")

    def __init__(self, of: int) -> None:
        self._are_held = bytearray(b"\1" * of)
        self.count = of

    def leave(self, index: int) -> bool:
        """Note that an element left; False if it is not here."""
        if not 0 <= index < len(self._are_held) or not self._are_held[index]:
            return False
        self._are_held[index] = False
        self.count -= 1
        return True
