"""Which of the sessions that are due goes next.

``OldestFirst``: the one that has been due longest. In a backlog the oldest records are done with first, and
the offsets to commit move on.

``FreshestFirst``: the one whose next call is the freshest, going by the last event of that call: so a session
with more events than it gets calls falls behind by itself. Of calls about as fresh the fuller one goes, or
under overload calls would stay small. Each fourth call still takes the session that has been due longest, or
the oldest would wait for ever and the offsets to commit stand still.
"""

from __future__ import annotations

import heapq
from math import inf, nan
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.core.batching.session import Session

# How many entries of a heap are looked at to find those that are due longest: outdated ones are among them.
_LOOKS = 1000
# Of outdated entries in a heap: about as many as there are sessions, plus this many.
_STALE_ENTRIES = 64
# One part in so many of the calls: with the oldest at 1/n of the pace, n-1 times the backlog is settled ahead
# of them.
_OLDEST_EACH = 4
# What an event more in a call makes up for. Simulated with three times what the quota carries, in sessions of
# 1 to 12 events, at most 100 seconds old: 8.4 events a call; 2.8 at 0 seconds, 8.7 at 30.
_SECONDS_AN_EVENT = 1.0


class OldestFirst:
    """Sessions by when they are due."""

    def __init__(self) -> None:
        """Begin without sessions."""
        self._by_due_at = _Heap("due_at")

    def __len__(self) -> int:
        """How many entries are kept, the outdated ones included."""
        return len(self._by_due_at)

    def put(self, session: Session, *, put_back: bool = False) -> None:  # noqa: ARG002  see FreshestFirst
        """It waits, due at ``session.due_at``; what it was put for before counts no more."""
        self._by_due_at.push(session)

    def grown(self, session: Session, now: float) -> None:
        """It waits as before, with one event more."""

    def took(self) -> None:
        """The first went."""

    def next_due_at(self) -> float:
        """When the next session is (or was) due; ``inf`` while none waits."""
        session = self._by_due_at.first()
        return inf if session is None else session.due_at

    def due_longest(self) -> Iterator[Session]:
        """Those that wait, by when they are due; not all of a great many."""
        return self._by_due_at.in_order()

    def first(self, now: float) -> Session | None:
        """Whose turn it is among those due by ``now``."""
        session = self._by_due_at.first()
        return None if session is None or session.due_at > now else session

    def drop_first(self) -> None:
        """Forget the one that has been due longest."""
        self._by_due_at.drop_first()


class FreshestFirst:
    """Sessions by how fresh their next call is."""

    def __init__(self, linger_seconds: float, max_events: int) -> None:
        """Begin without sessions; both as the queues have them."""
        self._linger_seconds = linger_seconds
        self._max_events = max_events
        # A session is in the first, or, once somebody looked after it was due, in both others.
        self._later = OldestFirst()
        self._oldest = OldestFirst()
        self._freshest = _Heap("staleness")
        self._calls = 0

    def __len__(self) -> int:
        """How many entries are kept, the outdated ones included."""
        return len(self._later) + len(self._oldest) + len(self._freshest)

    def put(self, session: Session, *, put_back: bool = False) -> None:
        """It waits, due at ``session.due_at``; put back, it goes behind all others that are due."""
        session.staleness = inf if put_back else nan
        self._later.put(session)

    def grown(self, session: Session, now: float) -> None:
        """It waits as before, with one event more: fresher, if that event goes with its next call."""
        if session.due_at > now or session.staleness == inf:
            return
        if session.first_run(self._max_events) == len(session.events):
            session.staleness = self._staleness(session)
            self._freshest.push(session)

    def took(self) -> None:
        """The first went."""
        self._calls += 1

    def next_due_at(self) -> float:
        """When the next session is (or was) due; ``inf`` while none waits."""
        return min(self._oldest.next_due_at(), self._later.next_due_at())

    def due_longest(self) -> Iterator[Session]:
        """Those that wait, by when they are due; not all of a great many."""
        return heapq.merge(self._oldest.due_longest(), self._later.due_longest(), key=attrgetter("due_at"))

    def first(self, now: float) -> Session | None:
        """Whose turn it is among those due by ``now``."""
        self._note_due(now)
        if self._calls % _OLDEST_EACH == _OLDEST_EACH - 1:
            return self._oldest.first(now)
        while (session := self._freshest.first()) is not None and session.due_at > now:
            self._freshest.drop_first()
        return session

    def _note_due(self, now: float) -> None:
        while (session := self._later.first(now)) is not None:
            self._later.drop_first()
            if session.staleness != inf:
                session.staleness = self._staleness(session)
            self._oldest.put(session)
            self._freshest.push(session)

    def _staleness(self, session: Session) -> float:
        """Of its next call, which was complete when its last event came, or its first had lingered."""
        events = session.events
        count = session.first_run(self._max_events)
        lingered_at = events[0].record.received_at + self._linger_seconds
        return -max(events[count - 1].record.received_at, lingered_at) - count * _SECONDS_AN_EVENT


SchedulingPolicy: TypeAlias = OldestFirst | FreshestFirst


class _Heap:
    """Sessions by one of their numbers, the smallest first, equal ones in the order in which they came.

    An entry counts only while it says what its session says: changing the number takes no search.
    """

    def __init__(self, number: Literal["due_at", "staleness"]) -> None:
        self._number = attrgetter(number)
        self._entries: list[tuple[float, int, Session]] = []
        self._pushed = 0
        self._sweep_above = _STALE_ENTRIES

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, session: Session) -> None:
        self._pushed += 1
        heapq.heappush(self._entries, (self._number(session), self._pushed, session))
        if len(self._entries) > self._sweep_above:
            self._sweep()

    def first(self) -> Session | None:
        while self._entries:
            number, _, session = self._entries[0]
            if self._number(session) == number:
                return session
            heapq.heappop(self._entries)
        return None

    def drop_first(self) -> None:
        heapq.heappop(self._entries)

    def in_order(self) -> Iterator[Session]:
        """From the top down, without a change: an entry's place is looked at after that above it."""
        near = [(self._entries[0], 0)] if self._entries else []
        seen = set()
        for _ in range(_LOOKS):
            if not near:
                return
            (number, _, session), place = heapq.heappop(near)
            if self._number(session) == number and session not in seen:
                seen.add(session)
                yield session
            for below in (2 * place + 1, 2 * place + 2):
                if below < len(self._entries):
                    heapq.heappush(near, (self._entries[below], below))

    def _sweep(self) -> None:
        """Take out outdated entries, so that a long linger does not let them pile up."""
        current = {}
        for entry in self._entries:
            if self._number(entry[2]) == entry[0]:
                current[entry[2]] = entry
        self._entries = list(current.values())
        heapq.heapify(self._entries)
        self._sweep_above = 2 * len(self._entries) + _STALE_ENTRIES
