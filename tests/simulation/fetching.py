"""What librdkafka does with one partition that is assigned to it: fetches ahead, and moves by itself.

Where the log is cut it goes on at the cut, with what it had fetched ahead thrown away, also what stands below
the cut. It knows of a cut by the leader epoch of what it fetched last; who has fetched nothing reads on where
it stands, or where that is out of the log's range from the earliest record. All of this without a word.
Held against librdkafka itself in ``tests/contract/consumer``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation.broker import Partition
    from tests.simulation.truth import Written

NO_OFFSET: Final = -1001
"""``OFFSET_INVALID``."""
_UNKNOWN: Final = -1
_offset = attrgetter("offset")


class Held:
    """A partition as the consumer believes to have it."""

    def __init__(
        self, partition: Partition, assignment: int, saw: Callable[[str], None], *, is_paused: bool
    ) -> None:
        self._saw = saw
        self._told_incarnation = partition.incarnation
        self._is_started = False
        self.partition = partition
        self.assignment = assignment
        self.is_paused = is_paused
        self.told_term = partition.term
        """The application was handed records of this term of the log, and of no later."""
        self.has_read = False
        self._term = partition.term
        self._fetched: deque[Written] = deque()
        self.rewind()

    def fetch(self, now: float) -> None:
        """Fetch ahead all that is there."""
        at = self.partition
        if not self._has_leader(now):
            return
        self._is_started = True
        if self.is_paused:
            return
        if not at.first_offset <= self._fetch_at <= at.next_offset:
            self._goes_on_at(at.first_offset, None)
        if self._is_unsure:
            # Of a log that was cut and has grown past where it stands again it reads on: nobody can know.
            self._is_unsure = False
            at.leave_out_below(self._fetch_at)
        for record in at.log[bisect_left(at.log, self._fetch_at, key=_offset) :]:
            self._fetched.append(record)
            self._fetch_at, self._fetch_epoch = record.offset + 1, record.leader_epoch

    def take(self, most: int) -> list[Written]:
        """The next records, of those that were fetched."""
        taken = [self._fetched.popleft() for _ in range(min(most, len(self._fetched)))]
        if taken:
            self.has_read = True
            if taken[-1].log is self.partition.log:
                self._told_incarnation = self.partition.incarnation
            self._next, self._next_epoch = taken[-1].offset + 1, taken[-1].leader_epoch
            self.told_term = max(self.told_term, *(each.term for each in taken))
            self.partition.handed_over(self)
        return taken

    def has_more(self) -> bool:
        return bool(self._fetched)

    def pause(self) -> None:
        """What was fetched ahead is thrown away, and fetched again when it flows."""
        self.is_paused = True
        self._fetched.clear()
        self._fetch_at, self._fetch_epoch = self._next, self._next_epoch

    def seek(self, offset: int, leader_epoch: int | None) -> None:
        """The application wants to go on there; without an epoch it is not looked whether the log was cut."""
        self._goes_on_at(offset, leader_epoch)
        self._term = self.partition.term if leader_epoch is None else _UNKNOWN

    def position(self) -> int:
        """One past the last record handed over since librdkafka moved last."""
        return self._next if self.has_read else NO_OFFSET

    def rewind(self) -> None:
        """Back to what is committed, as after another assignment that nobody was told of."""
        begin = self.partition.first_offset if self.partition.committed is None else self.partition.committed
        self._goes_on_at(begin, None)
        self._is_unsure = True

    def statistics(self) -> Mapping[str, Any]:
        """Of librdkafka's statistics what the worker may look at."""
        return {
            "fetch_state": "active" if self._is_started else "none",
            "hi_offset": self.partition.next_offset,
            "committed_offset": NO_OFFSET if self.partition.committed is None else self.partition.committed,
            "next_offset": self._fetch_at if self._is_started else 0,
            "app_offset": self.position(),
            "fetchq_cnt": len(self._fetched),
        }

    def _has_leader(self, now: float) -> bool:
        """Whether there is one that it knows of; if it is another than before, see where the log was cut."""
        at = self.partition
        if self._term != at.term:
            if now < at.is_led_again_at:
                return False
            self._term = at.term
            end = None if self._fetch_epoch is None else at.end_of(self._fetch_epoch, self._incarnation)
            self._is_unsure = end is None
            if end is not None and end < self._fetch_at:
                if self._told_incarnation != at.incarnation:
                    # It was another log before, and the application has not heard of it.
                    at.leave_out_below(end)
                if any(each.offset < end for each in self._fetched):
                    self._saw("records from below a cut that were fetched ahead and thrown away")
                self._goes_on_at(end, self._fetch_epoch)
        return True

    def _goes_on_at(self, offset: int, leader_epoch: int | None) -> None:
        self._fetched.clear()
        self._incarnation = self.partition.incarnation
        self._fetch_at = self._next = offset
        self._fetch_epoch = self._next_epoch = leader_epoch
        self.has_read = self._is_unsure = False
