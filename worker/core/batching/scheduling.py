"""Scheduling policies: which of the due sessions goes next.

``OldestFirst`` takes the session that has been due longest. In a backlog the oldest records are finished
first, and the offsets to commit move on.

``FreshestFirst`` takes the session whose next call is the freshest, measured by the last event of that call.
A session with more events than calls therefore falls behind by itself. Among calls that are about as fresh,
the fuller one goes, because otherwise calls would stay small under overload. Every fourth call still takes
the session that has been due longest. Otherwise the oldest would wait for ever, and the offsets to commit
would not move.
"""

from __future__ import annotations

import heapq
from math import inf, nan
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.core.batching.session import Session

# How many heap entries are examined to find the sessions due longest; some of them may be outdated.
_LOOKS = 1000
# A heap may hold about as many outdated entries as there are sessions, plus this many.
_STALE_ENTRIES = 64
# One call in so many takes the oldest session. With 1/n of the calls for the oldest, n-1 times the backlog is
# settled ahead of them.
_OLDEST_EACH = 4
# How many seconds of age one more event in a call makes up for. Simulated with three times the load that the
# quota carries, in sessions of 1 to 12 events, at most 100 seconds old: 8.4 events a call; 2.8 at 0 seconds,
# 8.7 at 30.
_SECONDS_AN_EVENT = 1.0


class OldestFirst:
    """Orders sessions by when they are due."""

    def __init__(self) -> None:
        self._by_due_at = _Heap("due_at")

    def __len__(self) -> int:
        """Count the entries, including outdated ones."""
        return len(self._by_due_at)

    def put(self, session: Session, *, put_back: bool = False) -> None:  # noqa: ARG002  see FreshestFirst
        """Add a waiting session, due at ``session.due_at``; an earlier entry of it becomes invalid."""
        self._by_due_at.push(session)

    def grown(self, session: Session, now: float) -> None:
        """Note that a waiting session has one more event."""

    def took(self) -> None:
        """Note that the first session was taken."""

    def next_due_at(self) -> float:
        """Return when the next session is (or was) due; ``inf`` while none waits."""
        session = self._by_due_at.first()
        return inf if session is None else session.due_at

    def due_longest(self) -> Iterator[Session]:
        """Iterate over waiting sessions by when they are due; not over all if there are very many."""
        return self._by_due_at.in_order()

    def first(self, now: float) -> Session | None:
        """Return the session to go next among those due by ``now``."""
        session = self._by_due_at.first()
        return None if session is None or session.due_at > now else session

    def drop_first(self) -> None:
        """Remove the session that has been due longest."""
        self._by_due_at.drop_first()


class FreshestFirst:
    """Orders sessions by how fresh their next call is.

    Args:
        linger_seconds: the same as the queues have.
        max_events: the same as the queues have.
    """

    def __init__(self, linger_seconds: float, max_events: int) -> None:
        self._linger_seconds = linger_seconds
        self._max_events = max_events
        # A session is in the first. Once somebody looked after it was due, it is in both others instead.
        self._later = OldestFirst()
        self._oldest = OldestFirst()
        self._freshest = _Heap("staleness")
        self._calls = 0

    def __len__(self) -> int:
        """Count the entries, including outdated ones."""
        return len(self._later) + len(self._oldest) + len(self._freshest)

    def put(self, session: Session, *, put_back: bool = False) -> None:
        """Add a waiting session, due at ``session.due_at``; if put back, behind all others that are due."""
        session.staleness = inf if put_back else nan
        self._later.put(session)

    def grown(self, session: Session, now: float) -> None:
        """Note one more event of a waiting session: it is fresher if that event goes with its next call."""
        if session.due_at > now or session.staleness == inf:
            return
        if session.first_run(self._max_events) == len(session.events):
            session.staleness = self._staleness(session)
            self._freshest.push(session)

    def took(self) -> None:
        """Note that the first session was taken."""
        self._calls += 1

    def next_due_at(self) -> float:
        """Return when the next session is (or was) due; ``inf`` while none waits."""
        return min(self._oldest.next_due_at(), self._later.next_due_at())

    def due_longest(self) -> Iterator[Session]:
        """Iterate over waiting sessions by when they are due; not over all if there are very many."""
        return heapq.merge(self._oldest.due_longest(), self._later.due_longest(), key=attrgetter("due_at"))

    def first(self, now: float) -> Session | None:
        """Return the session to go next among those due by ``now``."""
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
        """Rate its next call, which was complete when its last event came or its first had lingered."""
        events = session.events
        count = session.first_run(self._max_events)
        lingered_at = events[0].record.received_at + self._linger_seconds
        return -max(events[count - 1].record.received_at, lingered_at) - count * _SECONDS_AN_EVENT


SchedulingPolicy: TypeAlias = OldestFirst | FreshestFirst


class _Heap:
    """A heap of sessions by one of their attributes, smallest first, equal ones in order of arrival.

    An entry is valid only while it equals the session's attribute, so a change of the attribute needs no
    search.
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
        """Iterate from the top without changing the heap: an entry is visited after the one above it."""
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
        """Remove outdated entries, so that they don't pile up during a long linger."""
        current = {}
        for entry in self._entries:
            if self._number(entry[2]) == entry[0]:
                current[entry[2]] = entry
        self._entries = list(current.values())
        heapq.heapify(self._entries)
        self._sweep_above = 2 * len(self._entries) + _STALE_ENTRIES
