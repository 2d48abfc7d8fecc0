"""One assignment of one partition, and which of its offsets may be committed.

It knows the offsets received and not yet settled; the committable offset is the first of those, else one past
the last received. It follows received offsets, so gaps (compaction, transactions) cost nothing.

After Jeffail/checkpoint ``uncapped.go`` and arroyo's offset rules; confluentinc/parallel-consumer's issue 827
shows what happens to those who commit the highest offset seen instead.
"""

from __future__ import annotations

from collections import deque


class Lease:
    """One assignment of one partition, from assign to revoke."""

    __slots__ = (
        "_arrivals",
        "_committed",
        "_given",
        "_given_last",
        "_pending",
        "_settled",
        "_settled_ahead",
        "ending",
        "epoch",
        "next_offset",
        "open",
        "partition",
        "position",
        "topic",
    )

    def __init__(self, topic: str, partition: int, epoch: int) -> None:
        """Open a lease on which nothing has been received."""
        self.topic = topic
        self.partition = partition
        self.epoch = epoch
        self.open = True
        # Being flushed, on a revoke or at shutdown: nothing of it lingers any more.
        self.ending = False
        self.next_offset: int | None = None
        # Where the source stands, from which it tells that a partition has begun again below.
        self.position = 0
        self._pending: deque[int] = deque()
        # Settled out of order: they still stand in _pending, behind one that is not settled.
        self._settled_ahead: set[int] = set()
        self._settled = 0
        # One entry for all records that came together: the first one's offset, and when.
        self._arrivals: deque[tuple[int, float]] = deque()
        # Offsets given out for committing, each with how many records were settled below it.
        self._given: dict[int, int] = {}
        self._given_last: int | None = None
        self._committed = 0

    def __repr__(self) -> str:
        """Name the partition and whether it is still ours."""
        state = "open" if self.open else "ended"
        return f"<Lease {self.topic}[{self.partition}] epoch={self.epoch} {state}>"

    def track(self, offset: int, received_at: float = 0.0) -> None:
        """Note a record, received at that time; offsets come in ascending order, with gaps.

        Raises:
            ValueError: the offset was received before under this lease.
        """
        if self.next_offset is not None and offset < self.next_offset:
            msg = f"{self!r} received offset {offset} after {self.next_offset - 1}"
            raise ValueError(msg)
        self.next_offset = offset + 1
        self._pending.append(offset)
        if not self._arrivals or self._arrivals[-1][1] != received_at:
            self._arrivals.append((offset, received_at))

    def settle(self, offset: int) -> None:
        """Note that a received record is done with.

        Raises:
            ValueError: it was settled before, or never received.
        """
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
            self._settled_ahead.remove(pending.popleft())
            self._settled += 1
        self._forget_arrivals()

    def committable(self) -> int | None:
        """The offset to commit: the first unsettled, else one past the last; None before the first."""
        return self._pending[0] if self._pending else self.next_offset

    def unsettled(self) -> int:
        """How many received records are not settled."""
        return len(self._pending) - len(self._settled_ahead)

    def oldest_received_at(self) -> float | None:
        """When the first unsettled record was received; None when all are settled."""
        return self._arrivals[0][1] if self._arrivals else None

    def give_out(self) -> int | None:
        """``committable()``, if it has moved since it was last given out; else None."""
        offset = self.committable()
        if offset is None or offset == self._given_last:
            return None
        self._given_last = offset
        self._given[offset] = self._settled
        return offset

    def note_committed(self, offset: int) -> None:
        """Note that the broker has an offset that was given out."""
        self._committed = self._given.get(offset, self._committed)
        self._given = {each: settled for each, settled in self._given.items() if each > offset}

    def uncommitted(self) -> int:
        """How many settled records a crash right now would repeat."""
        return self._settled + len(self._settled_ahead) - self._committed

    def _forget_arrivals(self) -> None:
        if not self._pending:
            self._arrivals.clear()
        while len(self._arrivals) > 1 and self._arrivals[1][0] <= self._pending[0]:
            self._arrivals.popleft()
