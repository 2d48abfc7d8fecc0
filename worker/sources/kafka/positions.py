"""Tracks where each partition is read on, and interprets a record that comes from elsewhere.

A record from below the next offset means that the log was cut there by an unclean election, or is another
log. A record from above leaves a gap. The cause may be compaction or transaction markers. Or librdkafka
continued at a cut and discarded what it had fetched ahead, including what stands *below* the cut, because it
goes by where it fetches and not by what it has handed over. What is written after a cut has a later leader
epoch than anything that was read before. So a gap before a later epoch is read once more, and accepted if it
is still there.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

# librdkafka's own value.
NO_EPOCH: Final = -1


class Step(Enum):
    """The step from one record of a partition to the one that comes after it."""

    ON = auto()
    BACK = auto()
    """The log continues below what was read: it was cut, or is another."""
    ASIDE = auto()
    """Something may have been left out: seek to ``next_offset``, and read again."""


class ReadPosition:
    """Where one partition is read, for as long as it is assigned.

    Args:
        next_offset: the committed offset; None: wherever librdkafka begins.
    """

    __slots__ = ("_asked", "_began_at", "_looked", "_passed_over", "leader_epoch", "next_offset")

    def __init__(self, next_offset: int | None = None) -> None:
        self.next_offset = self._began_at = next_offset
        self.leader_epoch = NO_EPOCH
        """The epoch of the last accepted record, or of one a little before; ``NO_EPOCH``: unknown."""
        # The offset that was read again, and the epoch of what came after the gap.
        self._asked = (-1, NO_EPOCH)
        # The offset that was read again, and where librdkafka had moved to without a record.
        self._looked = (-1, -1)
        # The lowest offset that came while it was unknown where to begin.
        self._passed_over: int | None = None

    def pass_over(self, offset: int, leader_epoch: int | None) -> None:
        """Pass over a record that has to come again, because it is unknown yet whether it is the next."""
        if self.next_offset is None and (self._passed_over is None or offset < self._passed_over):
            self._passed_over = offset
            self._asked = offset, NO_EPOCH if leader_epoch is None else leader_epoch

    def begin(self, offset: int) -> bool:
        """Begin at an offset that is known now; return True if a record was passed over, so a seek is due.

        The record that was passed over may be below. In that case librdkafka began elsewhere, as it does
        where a log was cut below the committed offset.
        """
        passed_over, self._passed_over = self._passed_over, None
        self.move(offset if passed_over is None else min(offset, passed_over))
        return passed_over is not None

    def move(self, offset: int) -> None:
        """Set the offset that comes next, though the partition was not read up to there."""
        self._began_at = -1 if self.has_read else offset
        self.next_offset = offset

    @property
    def has_read(self) -> bool:
        """Whether the partition was read on since it was assigned."""
        return self.next_offset != self._began_at

    def is_below(self, offset: int) -> bool:
        """Whether a record of this offset is known to be below the next offset."""
        return self.next_offset is not None and offset < self.next_offset

    def step(self, offset: int, leader_epoch: int | None) -> Step:
        """Interpret a record with this offset, written under this epoch (None: unknown)."""
        begin = self.next_offset
        if begin is None or offset == begin:
            return Step.ON
        if offset < begin:
            return Step.BACK
        asked = begin, NO_EPOCH if leader_epoch is None else leader_epoch
        if asked[1] <= self.leader_epoch or asked == self._asked:
            return Step.ON
        self._asked = asked
        return Step.ASIDE

    def last_epoch(self) -> int:
        """Return the latest epoch that the records read up to here may have; ``NO_EPOCH`` if unknown.

        Before anything was accepted, it is the epoch of what comes after the gap: what was left out is no
        later.
        """
        return self._asked[1] if self.leader_epoch == NO_EPOCH else self.leader_epoch

    def moved(self, offset: int) -> Step:
        """Interpret an offset to which librdkafka has moved by itself, before there is a record.

        It steps over transaction markers too. What is read again once and is still left out does not exist.
        """
        begin = self.next_offset
        if begin is None or offset == begin:
            return Step.ON
        if offset < begin:
            return Step.BACK
        if self._looked == (begin, offset):
            return Step.ON
        self._looked = begin, offset
        return Step.ASIDE
