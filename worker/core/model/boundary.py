"""Boundaries: how far a partition's log was received, settled or committed.

A position is an integer that orders the records of one log. Positions have gaps, and only the source that
issued them knows what lies between two of them, so nobody else does arithmetic with them. A boundary
therefore names the record next to it, and the source converts that to what it commits. Kafka commits the
offset at which the next owner begins (``sources.kafka.offsets.offset_of``). A source whose checkpoint names
the last settled record commits ``last``.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class Through(Struct, frozen=True, gc=False):
    """The boundary after this record, which is included: it is the last one received."""

    position: int

    @property
    def last(self) -> int | None:
        """The position of the last record included."""
        return self.position

    def covers(self, other: Boundary) -> bool:
        """Whether every record that the other boundary includes is included here."""
        return other.last is None or other.last <= self.position


class Before(Struct, frozen=True, gc=False):
    """The boundary before this record, which is not included, or where a log that was cut continues."""

    position: int
    last: int | None = None
    """The position of the last record included; None: there is none, or it was cut away and is unknown."""

    def covers(self, other: Boundary) -> bool:
        """Whether every record that the other boundary includes is included here."""
        if isinstance(other, Before):
            return other.position <= self.position
        return other.position < self.position


Boundary: TypeAlias = Through | Before
