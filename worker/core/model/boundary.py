"""How far a partition's log was received, settled or committed.

A position is an integer that orders the records of one log. Positions have gaps, and only the source that
gave them out knows what stands between two of them: nobody else computes with them. So a boundary names the
record that it lies next to, and its source makes of that what it commits. Kafka commits the offset where the
next owner begins (``sources.kafka.offsets.offset_of``); a source whose checkpoint names the last record done
with commits ``last``.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class Through(Struct, frozen=True, gc=False):
    """Up to this record, which is included: it is the last one received."""

    position: int

    @property
    def last(self) -> int | None:
        """The position of the last record included."""
        return self.position

    def covers(self, other: Boundary) -> bool:
        """Whether every record that the other includes is included here."""
        return other.last is None or other.last <= self.position


class Before(Struct, frozen=True, gc=False):
    """Up to where this record stands, or where a log that was cut goes on; it is not included."""

    position: int
    last: int | None = None
    """The position of the last record included; None: there is none, or it was cut away and is not known."""

    def covers(self, other: Boundary) -> bool:
        """Whether every record that the other includes is included here."""
        if isinstance(other, Before):
            return other.position <= self.position
        return other.position < self.position


Boundary: TypeAlias = Through | Before
