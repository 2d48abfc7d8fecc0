"""One assignment of one partition, and which of its offsets may be committed.

It knows the offsets received and not yet settled; the committable offset is the first of those, else one past
the last received. It follows received offsets, so gaps (compaction, transactions) cost nothing.

A log may lose its end under an assignment (an unclean election), or be another (a topic made anew): its
offsets are then given to other records. What is received from there on comes under an assignment of its own,
on top of the one before, which goes on for what stands below the cut: nothing is committed past that. What
was cut away and is held moves no offset any more.

After Jeffail/checkpoint ``uncapped.go`` and arroyo's offset rules; confluentinc/parallel-consumer's issue 827
shows what happens to those who commit the highest offset seen instead.
"""

from __future__ import annotations

from collections import deque
from math import inf

# Of records that came together, those share an entry whose timestamps are no further apart.
_TOGETHER_MS = 1000
# So many may stand settled behind one that is not, beyond as many as are not settled.
_LEAST_SETTLED_AHEAD = 64
# So many offsets given out are remembered: of a minute in which no commit was acknowledged.
_MOST_GIVEN = 1000


class Assignment:
    """One assignment of one partition, from assign to revoke, or from one cut of its log to the next."""

    __slots__ = (
        "_arrivals",
        "_below",
        "_committed",
        "_cut_at",
        "_cut_away",
        "_given",
        "_given_last",
        "_pending",
        "_settled",
        "_settled_ahead",
        "_taken_out",
        "committed_offset",
        "ending",
        "epoch",
        "next_offset",
        "open",
        "partition",
        "topic",
    )

    def __init__(self, topic: str, partition: int, epoch: int) -> None:
        """Open an assignment on which nothing has been received."""
        self.topic = topic
        self.partition = partition
        self.epoch = epoch
        self.open = True
        # Being flushed, on a revoke or at shutdown: nothing of it lingers any more.
        self.ending = False
        self.next_offset: int | None = None
        # What the broker has, as far as this assignment has committed.
        self.committed_offset: int | None = None
        self._pending: deque[int] = deque()
        # Settled out of order: they still stand in _pending, behind one that is not settled.
        self._settled_ahead: set[int] = set()
        # How many of those were taken out of _pending, by the offset that stands before them there.
        self._taken_out: dict[int, int] = {}
        self._settled = 0
        # One entry for records that came together and are about as old: the first one's offset, when it came,
        # and its timestamp (``inf``: none).
        self._arrivals: deque[tuple[int, float, float]] = deque()
        # Offsets given out for committing, each with how many records were settled below it.
        self._given: dict[int, int] = {}
        self._given_last: int | None = None
        self._committed = 0
        # What was received before the log was cut, while some of it is not settled.
        self._below: Assignment | None = None
        # Where the log was cut under it, and what stood from there on and is not settled.
        self._cut_at = inf
        self._cut_away: set[int] = set()

    def __repr__(self) -> str:
        """Name the partition and whether it is still ours."""
        state = "open" if self.open else "ended"
        return f"<Assignment {self.topic}[{self.partition}] epoch={self.epoch} {state}>"

    def track(self, offset: int, received_at: float = 0.0, timestamp_ms: float | None = None) -> None:
        """Note a record, received at that time, with its own timestamp; offsets ascend, with gaps.

        Raises:
            ValueError: the offset was received before under this assignment.
        """
        if self.next_offset is not None and offset < self.next_offset:
            msg = f"{self!r} received offset {offset} after {self.next_offset - 1}"
            raise ValueError(msg)
        self.next_offset = offset + 1
        if offset >= self._cut_at:
            self._cut_away.add(offset)
            return
        self._pending.append(offset)
        stamp = inf if timestamp_ms is None else timestamp_ms
        latest = self._arrivals[-1] if self._arrivals else None
        if latest is None or latest[1] != received_at or abs(stamp - latest[2]) > _TOGETHER_MS:
            self._arrivals.append((offset, received_at, stamp))

    def cut(self, offset: int, epoch: int) -> Assignment:
        """Open an assignment for what is received from now on: the log was cut, or made anew, at ``offset``.

        It is this one's successor; only of the successor is to be asked what may be committed.
        """
        self.cut_away(offset)
        on_top = Assignment(self.topic, self.partition, epoch)
        on_top.ending, on_top.committed_offset = self.ending, self.committed_offset
        # Not past what was received together with the cut, and is not tracked yet.
        on_top.next_offset = None if self.next_offset is None else min(offset, self.next_offset)
        on_top._below, on_top._committed = self, self._committed
        return on_top

    def cut_away(self, offset: int) -> None:
        """Let go of what stood at this offset or behind it: it moves no offset any more."""
        if self._below is not None:
            self._below.cut_away(offset)
        self._cut_at = min(offset, self._cut_at)
        pending = self._pending
        while pending and pending[-1] >= offset:
            gone = pending.pop()
            self._settled += self._taken_out.pop(gone, 0)
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

    def settle(self, offset: int) -> None:
        """Note that a received record is done with.

        Raises:
            ValueError: it was settled before, or never received.
        """
        if self._cut_away and offset in self._cut_away:
            self._cut_away.remove(offset)
            self._forget_arrivals()
            return
        pending = self._pending
        if (
            not pending
            or offset < pending[0]
            or offset in self._settled_ahead
            or offset >= (self.next_offset or 0)
        ):
            msg = f"{self!r} settled offset {offset}, which is not pending"
            raise ValueError(msg)
        self._settled_ahead.add(offset)
        while pending and pending[0] in self._settled_ahead:
            self._settled_ahead.remove(pending[0])
            self._settled += 1 + self._taken_out.pop(pending.popleft(), 0)
        self._forget_arrivals()
        # One record that is stuck for hours must not have all that come after it remembered.
        if 2 * len(self._settled_ahead) > len(pending) + _LEAST_SETTLED_AHEAD:
            self._take_out_settled()

    def committable(self) -> int | None:
        """The offset to commit: the first unsettled, else one past the last; None before the first."""
        first = self.first_unsettled()
        return self.next_offset if first is None else first

    def first_unsettled(self) -> int | None:
        """The first record's offset that is not settled and stands in the log; None: there is none."""
        below = None if self._below is None else self._below.first_unsettled()
        if below is not None:
            return below
        return self._pending[0] if self._pending else None

    def unsettled(self) -> int:
        """How many received records are not settled, those included that were cut away."""
        ours = len(self._pending) - len(self._settled_ahead) + len(self._cut_away)
        return ours if self._below is None else ours + self._below.unsettled()

    def settled(self) -> int:
        """How many are, with all before them in the log, since the assignment was opened."""
        return self._settled if self._below is None else self._settled + self._below.settled()

    def settled_ahead(self) -> int:
        """How many are, behind one that is not."""
        ahead = len(self._settled_ahead) + sum(self._taken_out.values())
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

    def give_out(self) -> int | None:
        """``committable()``, if it has moved since it was last given out; else None."""
        if self._below is not None and not self._below.unsettled():
            self._settled, self._below = self.settled(), None
        offset = self.committable()
        if offset is None or offset == self._given_last:
            return None
        self._given_last = offset
        self._given[offset] = self.settled()
        if len(self._given) > _MOST_GIVEN:
            self._thin_out_given()
        return offset

    def note_committed(self, offset: int) -> None:
        """Note that the broker has an offset that was given out."""
        self.committed_offset = offset
        self._committed = self._given.get(offset, self._committed)
        self._given = {each: settled for each, settled in self._given.items() if each > offset}

    def uncommitted(self) -> int:
        """How many settled records a crash right now would repeat."""
        return self.settled() + self.settled_ahead() - self._committed

    def _thin_out_given(self) -> None:
        """Forget every other one of those given out, not the last: commits have failed for long.

        Should one that is forgotten be committed yet, a few records too many count as not committed until the
        next one is.
        """
        given = list(self._given.items())
        self._given = dict(given[-1::-2][::-1])

    def _take_out_settled(self) -> None:
        """Keep only those that are not settled, and of the arrivals only theirs."""
        before, self._pending = self._pending, deque()
        taken_out: dict[int, int] = {}
        # The first is not settled, or it would not stand there.
        last = before[0]
        for offset in before:
            gone = self._taken_out.get(offset, 0)
            if offset in self._settled_ahead:
                gone += 1
            else:
                self._pending.append(offset)
                last = offset
            if gone:
                taken_out[last] = taken_out.get(last, 0) + gone
        if len(before) - len(self._pending) != len(self._settled_ahead):
            msg = f"{self!r} settled an offset twice"
            raise ValueError(msg)
        self._taken_out, self._settled_ahead = taken_out, set()
        self._keep_arrivals_of_pending()

    def _keep_arrivals_of_pending(self) -> None:
        arrivals, kept, place = list(self._arrivals), self._arrivals, 0
        kept.clear()
        for offset in self._pending:
            while place + 1 < len(arrivals) and arrivals[place + 1][0] <= offset:
                place += 1
            if not kept or kept[-1] is not arrivals[place]:
                kept.append(arrivals[place])

    def _forget_arrivals(self) -> None:
        if not self._pending:
            # Those of what was cut away are kept until it is settled: at worst they tell too great an age.
            if not self._cut_away:
                self._arrivals.clear()
            return
        while len(self._arrivals) > 1 and self._arrivals[1][0] <= self._pending[0]:
            self._arrivals.popleft()
