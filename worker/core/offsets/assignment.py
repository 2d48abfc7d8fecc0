"""One assignment of one partition, and how far its records are settled.

It knows the positions received and not yet settled; what may be committed ends before the first of those,
else with the last received. Positions are only compared, so gaps (compaction, transactions) cost nothing.

A log may lose its end under an assignment (an unclean election), or be another (a topic made anew): its
positions are then given to other records. What is received from there on comes under an assignment of its
own, on top of the one before, which goes on for what stands below the cut: nothing is committed past that.
What was cut away and is held holds nothing back any more.

After Jeffail/checkpoint ``uncapped.go`` and arroyo's offset rules; confluentinc/parallel-consumer's issue 827
shows what happens to those who commit the highest offset seen instead.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from worker.core.model.boundary import Before, Through
from worker.core.offsets.arrivals import Arrivals
from worker.core.offsets.given_out import GivenOut

if TYPE_CHECKING:
    from worker.core.model.boundary import Boundary
    from worker.core.model.partition import Partition

# Of records that came together, those share an entry whose timestamps are no further apart.
_TOGETHER_MS = 1000
# So many may stand settled behind one that is not, beyond as many as are not settled.
_LEAST_SETTLED_AHEAD = 64


class Assignment:
    """One assignment of one partition, from assign to revoke, or from one cut of its log to the next."""

    __slots__ = (
        "_arrivals",
        "_below",
        "_cut_at",
        "_cut_away",
        "_given",
        "_last_received",
        "_last_settled",
        "_pending",
        "_settled",
        "_settled_ahead",
        "_starts_at",
        "_taken_out",
        "ending",
        "epoch",
        "open",
        "partition",
    )

    def __init__(self, partition: Partition, epoch: int) -> None:
        """Open an assignment on which nothing has been received."""
        self.partition = partition
        self.epoch = epoch
        self.open = True
        # Being flushed, on a revoke or at shutdown: nothing of it lingers any more.
        self.ending = False
        self._last_received: int | None = None
        # Where the log was cut, as long as nothing was received from there on.
        self._starts_at: int | None = None
        self._pending: deque[int] = deque()
        # Settled out of order: they still stand in _pending, behind one that is not settled.
        self._settled_ahead: set[int] = set()
        # How many of those were taken out of _pending, and the last of them, by the position that stands
        # before them there.
        self._taken_out: dict[int, tuple[int, int]] = {}
        self._settled = 0
        self._last_settled: int | None = None
        self._arrivals = Arrivals()
        self._given = GivenOut()
        # What was received before the log was cut, while some of it is not settled.
        self._below: Assignment | None = None
        # Where the log was cut under it, and what stood from there on and is not settled.
        self._cut_at = inf
        self._cut_away: set[int] = set()

    def __repr__(self) -> str:
        """Name the partition and whether it is still ours."""
        state = "open" if self.open else "ended"
        return f"<Assignment {self.partition} epoch={self.epoch} {state}>"

    def track(self, position: int, received_at: float = 0.0, timestamp_ms: float | None = None) -> None:
        """Note a record, received at that time, with its own timestamp; positions ascend, with gaps.

        Raises:
            ValueError: the position was received before under this assignment.
        """
        last = self._last_received
        if last is None:
            self._check_start(position)
        elif position <= last:
            msg = f"{self!r} received position {position} after {last}"
            raise ValueError(msg)
        self._last_received = position
        if position >= self._cut_at:
            self._cut_away.add(position)
            return
        self._pending.append(position)
        stamp = inf if timestamp_ms is None else timestamp_ms
        latest = self._arrivals[-1] if self._arrivals else None
        if latest is None or latest[1] != received_at or abs(stamp - latest[2]) > _TOGETHER_MS:
            self._arrivals.append((position, received_at, stamp))

    def cut(self, position: int, epoch: int) -> Assignment:
        """Open an assignment for what is received from now on, where the log was cut or made anew.

        It is this one's successor; only of the successor is to be asked what may be committed.
        """
        self.cut_away(position)
        on_top = Assignment(self.partition, epoch)
        on_top.ending, on_top._given = self.ending, GivenOut(self._given.committed)
        on_top._below = self
        if self._last_received is not None and self._last_received < position:
            # Not past what was received together with the cut, and is not tracked yet.
            on_top._last_received = self._last_received
        elif self._last_received is not None:
            on_top._starts_at = position
        elif self._starts_at is not None:
            on_top._starts_at = min(position, self._starts_at)
        return on_top

    def cut_away(self, position: int) -> None:
        """Let go of what stood at this position or behind it: it holds nothing back any more."""
        if self._below is not None:
            self._below.cut_away(position)
        self._cut_at = min(position, self._cut_at)
        if self._last_settled is not None and self._last_settled >= position:
            self._last_settled = None
        pending = self._pending
        while pending and pending[-1] >= position:
            gone = pending.pop()
            self._settled += self._taken_out.pop(gone, (0, 0))[0]
            if gone in self._settled_ahead:
                self._settled_ahead.remove(gone)
                self._settled += 1
            else:
                self._cut_away.add(gone)

    def end(self) -> None:
        """The partition is not ours any more: from now on no settlement changes anything."""
        self.open = False
        if self._below is not None:
            self._below.end()

    def hasten(self) -> None:
        """It ends soon: nothing of it lingers any more."""
        self.ending = True
        if self._below is not None:
            self._below.hasten()

    def settle(self, position: int) -> None:
        """Note that a received record is done with.

        Raises:
            ValueError: it was settled before, or never received.
        """
        if self._cut_away and position in self._cut_away:
            self._cut_away.remove(position)
            self._forget_arrivals()
            return
        pending, ahead = self._pending, self._settled_ahead
        if not pending or position < pending[0] or position > pending[-1] or position in ahead:
            msg = f"{self!r} settled position {position}, which is not pending"
            raise ValueError(msg)
        ahead.add(position)
        while pending and (first := pending[0]) in ahead:
            ahead.remove(pending.popleft())
            self._settled += 1
            self._last_settled = first
            if self._taken_out:
                self._count_taken_out(first)
        self._forget_arrivals()
        # One record that is stuck for hours must not have all that come after it remembered.
        if 2 * len(ahead) > len(pending) + _LEAST_SETTLED_AHEAD:
            self._take_out_settled()

    def settled_up_to(self) -> Boundary | None:
        """What may be committed; None before the first record.

        It ends before the first record that is not settled, else with the last one received.
        """
        if self._below is not None and self._below.first_unsettled() is not None:
            return self._below.settled_up_to()
        if self._pending:
            return Before(self._pending[0], self.last_settled())
        return self.received_up_to()

    def received_up_to(self) -> Boundary | None:
        """How far the log was received; None before the first record."""
        if self._last_received is not None:
            return Through(self._last_received)
        return None if self._starts_at is None else Before(self._starts_at)

    def first_unsettled(self) -> int | None:
        """The first record's position that is not settled and stands in the log; None: there is none."""
        below = None if self._below is None else self._below.first_unsettled()
        if below is not None:
            return below
        return self._pending[0] if self._pending else None

    def last_settled(self) -> int | None:
        """Up to here everything received is settled; None: nothing is, or it was cut away."""
        if self._last_settled is not None or self._below is None:
            return self._last_settled
        return self._below.last_settled()

    def unsettled(self) -> int:
        """How many received records are not settled, those included that were cut away."""
        ours = len(self._pending) - len(self._settled_ahead) + len(self._cut_away)
        return ours if self._below is None else ours + self._below.unsettled()

    def settled(self) -> int:
        """How many are, with all before them in the log, since the assignment was opened."""
        return self._settled if self._below is None else self._settled + self._below.settled()

    def settled_ahead(self) -> int:
        """How many are, behind one that is not."""
        ahead = len(self._settled_ahead) + sum(records for records, _ in self._taken_out.values())
        return ahead if self._below is None else ahead + self._below.settled_ahead()

    def oldest_received_at(self) -> float | None:
        """When the first unsettled record was received; None when all are settled."""
        below = None if self._below is None else self._below.oldest_received_at()
        return below if below is not None or not self._arrivals else self._arrivals[0][1]

    def oldest_timestamp_ms(self) -> float | None:
        """The timestamp of the first unsettled record, to a second; None when there is none."""
        if self._below is not None and self._below.oldest_received_at() is not None:
            return self._below.oldest_timestamp_ms()
        stamp = self._arrivals[0][2] if self._arrivals else inf
        return None if stamp == inf else stamp

    def give_out(self) -> Boundary | None:
        """``settled_up_to()``, if it has moved since it was last given out; else None."""
        if self._below is not None and not self._below.unsettled():
            self._last_settled = self.last_settled()
            self._settled, self._below = self.settled(), None
        boundary = self.settled_up_to()
        if boundary is None or not self._given.is_new(boundary):
            return None
        self._given.add(boundary, self.settled())
        return boundary

    def note_committed(self, boundary: Boundary) -> None:
        """Note that the records up to there are committed, as the source says it of what was given out."""
        self._given.note_committed(boundary)

    def uncommitted(self) -> int:
        """How many settled records a crash right now would repeat."""
        return self.settled() + self.settled_ahead() - self._given.committed

    def _check_start(self, position: int) -> None:
        """The first record behind a cut stands at the cut or behind it."""
        if self._starts_at is not None and position < self._starts_at:
            msg = f"{self!r} received position {position} after a cut at {self._starts_at}"
            raise ValueError(msg)

    def _count_taken_out(self, position: int) -> None:
        """A record that stood before some that were taken out is settled now, and these with it."""
        records, last = self._taken_out.pop(position, (0, position))
        self._settled += records
        # What the log was cut at is another record's position now.
        self._last_settled = last if last < self._cut_at else position

    def _take_out_settled(self) -> None:
        """Keep only those that are not settled, and of the arrivals only theirs."""
        before, self._pending = self._pending, deque()
        taken_out: dict[int, tuple[int, int]] = {}
        # The first is not settled, or it would not stand there.
        standing = before[0]
        for position in before:
            gone, last = self._taken_out.get(position, (0, position))
            if position in self._settled_ahead:
                gone += 1
            else:
                self._pending.append(position)
                standing = position
            if gone:
                taken_out[standing] = taken_out.get(standing, (0, 0))[0] + gone, last
        if len(before) - len(self._pending) != len(self._settled_ahead):
            msg = f"{self!r} settled a position twice"
            raise ValueError(msg)
        self._taken_out, self._settled_ahead = taken_out, set()
        self._arrivals.keep_only(self._pending)

    def _forget_arrivals(self) -> None:
        if not self._pending:
            # Those of what was cut away are kept until it is settled: at worst they tell too great an age.
            if not self._cut_away:
                self._arrivals.clear()
            return
        if len(self._arrivals) > 1:
            self._arrivals.forget_before(self._pending[0])
