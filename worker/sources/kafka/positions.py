"""Where each partition is read on, and what it means when a record comes from elsewhere.

A record from below what comes next: the log was cut there by an unclean election, or is another log. A record
from above leaves a gap, as compaction and the markers of transactions do; or librdkafka went on at a cut and
threw away what it had fetched ahead, also what stands *below* the cut, for it looks where it fetches and not
what it has handed over. What is written behind a cut has a later leader epoch than all that was read before.
So a gap in front of a later epoch is read once more, and believed if it is still there.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

# As librdkafka says it.
NO_EPOCH: Final = -1


class Step(Enum):
    """From one record of a partition to the one that comes after it."""

    ON = auto()
    BACK = auto()
    """The log goes on below what was read: it was cut, or is another."""
    ASIDE = auto()
    """Something may have been left out: seek to ``next_offset``, and read again."""


class ReadPosition:
    """Of one partition, for as long as it is assigned."""

    __slots__ = ("_asked", "_began_at", "_looked", "_passed_over", "leader_epoch", "next_offset")

    def __init__(self, next_offset: int | None = None) -> None:
        """Begin at what is committed; None: wherever librdkafka begins."""
        self.next_offset = self._began_at = next_offset
        self.leader_epoch = NO_EPOCH
        """Of the last record that was taken, or of one a little before; ``NO_EPOCH``: not known."""
        # The offset that was read again, and the epoch of what stood behind the gap.
        self._asked = (-1, NO_EPOCH)
        # The offset that was read again, and where librdkafka had moved to without a record.
        self._looked = (-1, -1)
        # The lowest offset that came while nobody knew where to begin.
        self._passed_over: int | None = None

    def pass_over(self, offset: int, leader_epoch: int | None) -> None:
        """A record came of which nobody can tell yet whether it is the next: it has to come again."""
        if self.next_offset is None and (self._passed_over is None or offset < self._passed_over):
            self._passed_over = offset
            self._asked = offset, NO_EPOCH if leader_epoch is None else leader_epoch

    def begin(self, offset: int) -> bool:
        """It is known now where to begin; whether it has to be sought, for something was passed over.

        That may stand below: then librdkafka began elsewhere, as it does where a log was cut below what was
        committed.
        """
        passed_over, self._passed_over = self._passed_over, None
        self.move(offset if passed_over is None else min(offset, passed_over))
        return passed_over is not None

    def move(self, offset: int) -> None:
        """What comes next has this offset, though it was not read up to there."""
        self._began_at = -1 if self.has_read else offset
        self.next_offset = offset

    @property
    def has_read(self) -> bool:
        """Whether it was read on since it was assigned."""
        return self.next_offset != self._began_at

    def is_below(self, offset: int) -> bool:
        """Whether it is known that a record of this offset comes from below what comes next."""
        return self.next_offset is not None and offset < self.next_offset

    def step(self, offset: int, leader_epoch: int | None) -> Step:
        """What it means that the next record has this offset, written under this epoch (None: not known)."""
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
        """Of what was read up to here, at the latest; ``NO_EPOCH`` where that is not known.

        Before anything was taken it is that of what stands behind the gap: what is left out is no later.
        """
        return self._asked[1] if self.leader_epoch == NO_EPOCH else self.leader_epoch

    def moved(self, offset: int) -> Step:
        """The same of the offset to which librdkafka has moved by itself, before there is a record.

        It steps over markers of transactions too: what is read again once, and still left out, is nowhere.
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
