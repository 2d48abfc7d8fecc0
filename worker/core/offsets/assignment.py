"""One assignment of one partition, and how far its records are settled.

An assignment knows the positions that were received and are not settled yet. What may be committed ends
before the first of those, or else with the last position received. Positions are only compared, so gaps
(compaction, transactions) cost nothing.

A log may lose its end during an assignment (an unclean election), or be replaced (a topic created anew). Its
positions are then given to other records. What is received from that cut on comes under a new assignment, on
top of the previous one. The previous one continues for the records below the cut, and nothing is committed
past those. Records that were cut away but are still held no longer hold back a commit.

The rules follow Jeffail/checkpoint ``uncapped.go`` and arroyo's offset rules. Issue 827 of
confluentinc/parallel-consumer shows what happens when the highest offset seen is committed instead.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from worker.core.model.boundary import Before, Through
from worker.core.offsets.arrivals import Arrivals
from worker.core.offsets.pending_commits import PendingCommits

if TYPE_CHECKING:
    from worker.core.model.boundary import Boundary
    from worker.core.model.partition import Partition

# Records that arrived together share an entry if their timestamps are no further apart than this.
_TOGETHER_MS = 1000
# This many settled positions may be kept behind an unsettled one, plus as many as there are unsettled ones.
_LEAST_SETTLED_AHEAD = 64


class Assignment:
    """One assignment of one partition, from assign to revoke, or from one cut of its log to the next."""

    __slots__ = (
        "_arrivals",
        "_below",
        "_cut_at",
        "_cut_away",
        "_last_received",
        "_last_settled",
        "_pending",
        "_pending_commits",
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
        self.partition = partition
        self.epoch = epoch
        self.open = True
        # Being flushed, on a revoke or at shutdown: none of its records lingers any more.
        self.ending = False
        self._last_received: int | None = None
        # Where the log was cut, until something was received from there on.
        self._starts_at: int | None = None
        self._pending: deque[int] = deque()
        # Settled out of order: these still stand in _pending, behind one that is not settled.
        self._settled_ahead: set[int] = set()
        # By the position before them: how many settled ones were taken out of _pending, and the last one.
        self._taken_out: dict[int, tuple[int, int]] = {}
        self._settled = 0
        self._last_settled: int | None = None
        self._arrivals = Arrivals()
        self._pending_commits = PendingCommits()
        # The assignment of what was received before the log was cut, while some of that is not settled.
        self._below: Assignment | None = None
        # Where the log was cut under this assignment, and the unsettled positions from there on.
        self._cut_at = inf
        self._cut_away: set[int] = set()

    def __repr__(self) -> str:
        """Show the partition and whether the assignment is still open."""
        state = "open" if self.open else "ended"
        return f"<Assignment {self.partition} epoch={self.epoch} {state}>"

    def track(self, position: int, received_at: float = 0.0, timestamp_ms: float | None = None) -> None:
        """Add a record, received at that time, with its own timestamp; positions ascend, with gaps.

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
        """Open an assignment for what is received from now on, where the log was cut or created anew.

        It succeeds this one: from now on, only the successor is to be asked what may be committed.
        """
        self.cut_away(position)
        on_top = Assignment(self.partition, epoch)
        on_top.ending, on_top._pending_commits = self.ending, PendingCommits(self._pending_commits.committed)
        on_top._below = self
        if self._last_received is not None and self._last_received < position:
            # Not past records that were received together with the cut and are not tracked yet.
            on_top._last_received = self._last_received
        elif self._last_received is not None:
            on_top._starts_at = position
        elif self._starts_at is not None:
            on_top._starts_at = min(position, self._starts_at)
        return on_top

    def cut_away(self, position: int) -> None:
        """Give up the records at this position and behind it: they no longer hold back a commit."""
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
        """End the assignment: the partition is no longer ours, and settling has no effect any more."""
        self.open = False
        if self._below is not None:
            self._below.end()

    def hasten(self) -> None:
        """Stop lingering, because the assignment ends soon."""
        self.ending = True
        if self._below is not None:
            self._below.hasten()

    def settle(self, position: int) -> None:
        """Settle a received record.

        Raises:
            ValueError: the record was settled before, or never received.
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
        if position == pending[0]:
            while pending and (first := pending[0]) in ahead:
                ahead.remove(pending.popleft())
                self._settled += 1
                self._last_settled = first
                if self._taken_out:
                    self._count_taken_out(first)
            self._forget_arrivals()
        # One record that is stuck for hours must not make us remember every record after it.
        if 2 * len(ahead) > len(pending) + _LEAST_SETTLED_AHEAD:
            self._take_out_settled()

    def settled_up_to(self) -> Boundary | None:
        """Return what may be committed; None before the first record.

        It ends before the first record that is not settled, or else with the last record received.
        """
        if self._below is not None and self._below.first_unsettled() is not None:
            return self._below.settled_up_to()
        if self._pending:
            return Before(self._pending[0], self.last_settled())
        return self.received_up_to()

    def received_up_to(self) -> Boundary | None:
        """Return how far the log was received; None before the first record."""
        if self._last_received is not None:
            return Through(self._last_received)
        return None if self._starts_at is None else Before(self._starts_at)

    def first_unsettled(self) -> int | None:
        """Return the first position that is unsettled and still in the log; None if there is none."""
        below = None if self._below is None else self._below.first_unsettled()
        if below is not None:
            return below
        return self._pending[0] if self._pending else None

    def last_settled(self) -> int | None:
        """Return the position up to which everything is settled; None if nothing is, or it was cut away."""
        if self._last_settled is not None or self._below is None:
            return self._last_settled
        return self._below.last_settled()

    def unsettled(self) -> int:
        """Count the received records that are not settled, including those that were cut away."""
        ours = len(self._pending) - len(self._settled_ahead) + len(self._cut_away)
        return ours if self._below is None else ours + self._below.unsettled()

    def settled(self) -> int:
        """Count the settled records with nothing unsettled before them, since the assignment was opened."""
        return self._settled if self._below is None else self._settled + self._below.settled()

    def settled_ahead(self) -> int:
        """Count the settled records behind an unsettled one."""
        ahead = len(self._settled_ahead) + sum(records for records, _ in self._taken_out.values())
        return ahead if self._below is None else ahead + self._below.settled_ahead()

    def oldest_received_at(self) -> float | None:
        """Return when the first unsettled record was received; None when all are settled."""
        below = None if self._below is None else self._below.oldest_received_at()
        return below if below is not None or not self._arrivals else self._arrivals[0][1]

    def oldest_timestamp_ms(self) -> float | None:
        """Return the timestamp of the first unsettled record, to a second; None when there is none."""
        if self._below is not None and self._below.oldest_received_at() is not None:
            return self._below.oldest_timestamp_ms()
        stamp = self._arrivals[0][2] if self._arrivals else inf
        return None if stamp == inf else stamp

    def take_committable(self) -> Boundary | None:
        """Return ``settled_up_to()`` if it has moved since it was last taken to be committed; else None."""
        if self._below is not None and not self._below.unsettled():
            self._last_settled = self.last_settled()
            self._settled, self._below = self.settled(), None
        boundary = self.settled_up_to()
        if boundary is None or not self._pending_commits.is_new(boundary):
            return None
        self._pending_commits.add(boundary, self.settled())
        return boundary

    def note_committed(self, boundary: Boundary) -> None:
        """Note that the source reports the records up to this boundary as committed."""
        self._pending_commits.note_committed(boundary)

    def uncommitted(self) -> int:
        """Count the settled records that a crash right now would repeat."""
        return self.settled() + self.settled_ahead() - self._pending_commits.committed

    def _check_start(self, position: int) -> None:
        """Check that the first record after a cut stands at the cut or behind it."""
        if self._starts_at is not None and position < self._starts_at:
            msg = f"{self!r} received position {position} after a cut at {self._starts_at}"
            raise ValueError(msg)

    def _count_taken_out(self, position: int) -> None:
        """Count the records that were taken out behind this position, which is settled now."""
        records, last = self._taken_out.pop(position, (0, position))
        self._settled += records
        # The position at which the log was cut belongs to another record now.
        self._last_settled = last if last < self._cut_at else position

    def _take_out_settled(self) -> None:
        """Keep only the unsettled positions, and only their arrivals."""
        before, self._pending = self._pending, deque()
        taken_out: dict[int, tuple[int, int]] = {}
        # The first position is unsettled, or it would not be there.
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
            # Those of what was cut away are kept until it is settled: at worst the reported age is too high.
            if not self._cut_away:
                self._arrivals.clear()
            return
        if len(self._arrivals) > 1:
            self._arrivals.forget_before(self._pending[0])
