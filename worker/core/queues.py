"""Which session's events go into the next call.

A queue per session, not a list of ready batches: what goes into a call is decided when the gate lets the
call go (late sealing). While there is quota to spare calls are small and quick; while there is none they
fill up.

A session is *due* when it holds a full call, when its user changes (the user belongs to the call, not to the
event), when its oldest event has waited the linger, or when a lease of its events is ending. The oldest
events go first, but a session's next call a turn later than its last, so that none starves another. A session
has at most one call in flight; its next waits for that one's outcome.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from msgspec import Struct

from worker.core.records import Batch, Interaction

if TYPE_CHECKING:
    from collections.abc import Sequence

# How many entries of the heap are looked at to find those that go first: outdated ones are among them.
_LOOKS = 1000
# Of outdated entries in the heap: fewer than sessions plus this many.
_STALE_ENTRIES = 64
# While there is a backlog, a session gets one call for each so many seconds of age that are worked off.
_TURN_SECONDS = 0.1


class _Session:
    """The events of one session that wait, in order."""

    # A list, not a deque: an empty deque takes 600 bytes, and there may be a hundred thousand sessions.
    __slots__ = ("due_at", "events", "in_flight", "turn_at")

    def __init__(self) -> None:
        self.events: list[Interaction] = []
        self.in_flight = False
        # None while in flight: then there is nothing to wait for but the outcome.
        self.due_at: float | None = None
        # Not due as of a time before this.
        self.turn_at = 0.0

    def first_run(self, limit: int) -> int:
        """How many events, up to ``limit``, could go in one call: from the head on, one user only."""
        user_id = self.events[0].user_id
        for count, event in enumerate(self.events[:limit]):
            if event.user_id != user_id:
                return count
        return min(limit, len(self.events))


class Queued(Struct, frozen=True, gc=False):
    """A session with events that wait and no call in flight."""

    session_id: str
    events: int
    first: Interaction
    due_at: float


class SessionQueues:
    """All sessions with events to deliver. Times are seconds of the caller's clock."""

    def __init__(self, linger_seconds: float, max_events: int) -> None:
        """Begin empty; ``max_events`` (1 to 10) is what a call may hold."""
        self._linger_seconds = linger_seconds
        self._max_events = max_events
        self._sessions: dict[str, _Session] = {}
        # (due_at, tie-breaker, session id); an entry counts only while it says what its session says.
        self._due: list[tuple[float, int, str]] = []
        self._entries = 0

    def __len__(self) -> int:
        """How many sessions are known: with events that wait, or with a call in flight."""
        return len(self._sessions)

    def add(self, interaction: Interaction, now: float) -> None:
        """Put an event at the end of its session's queue."""
        session = self._sessions.get(interaction.session_id)
        if session is None:
            session = self._sessions[interaction.session_id] = _Session()
        events = session.events
        events.append(_with_ids_of(events[-1], interaction) if events else interaction)
        if session.in_flight:
            return
        if len(events) == 1:
            self._set_due(
                interaction.session_id, session, interaction.record.received_at + self._linger_seconds
            )
        elif (
            session.due_at is not None
            and session.due_at > now
            and (len(events) >= self._max_events or interaction.user_id != events[-2].user_id)
        ):
            self._set_due(interaction.session_id, session, now)

    def next_due_at(self) -> float | None:
        """When the next session is (or was) due; None while no session waits."""
        while self._due:
            due_at, _, session_id = self._due[0]
            session = self._sessions.get(session_id)
            if session is not None and session.due_at == due_at:
                return due_at
            heapq.heappop(self._due)
        return None

    def go_first(self, count: int) -> list[Queued]:
        """The sessions that go first, up to ``count``; it costs the same however many there are."""
        found: dict[str, Queued] = {}
        # From the heap's top down, by its own order: an entry's place is looked at after that above it.
        near = [(self._due[0], 0)] if self._due else []
        for _ in range(_LOOKS):
            if not near or len(found) == count:
                break
            (due_at, _, session_id), place = heapq.heappop(near)
            session = self._sessions.get(session_id)
            if session is not None and session.due_at == due_at and session.events:
                found[session_id] = Queued(session_id, len(session.events), session.events[0], due_at)
            for below in (2 * place + 1, 2 * place + 2):
                if below < len(self._due):
                    heapq.heappush(near, (self._due[below], below))
        return list(found.values())

    def waiting(self, session_id: str) -> int:
        """How many events of a session wait to be sealed."""
        session = self._sessions.get(session_id)
        return len(session.events) if session else 0

    def seal(self, now: float, limit: int | None = None) -> Batch | None:
        """The next call: of the session that has been due longest. It counts as in flight until ``release``.

        Args:
            now: sessions due by then are considered.
            limit: at most so many events; as many as a call may hold unless given.
        """
        due_at = self.next_due_at()
        if due_at is None or due_at > now:
            return None
        _, _, session_id = heapq.heappop(self._due)
        session = self._sessions[session_id]
        count = session.first_run(self._max_events if limit is None else limit)
        sealed = tuple(session.events[:count])
        del session.events[:count]
        session.in_flight, session.due_at = True, None
        session.turn_at = due_at + _TURN_SECONDS
        return Batch(session_id, sealed[0].user_id, sealed)

    def release(self, session_id: str, now: float, put_back: Sequence[Interaction] = ()) -> None:
        """The session's call has its outcome; the next may go.

        Args:
            session_id: whose call it was.
            now: the time.
            put_back: what of the call is to be tried again, in order; it goes to the head of the queue, and
                the session behind those that are due already: what stopped this one stops no others.
        """
        session = self._sessions[session_id]
        session.in_flight = False
        if put_back:
            session.events[:0] = put_back
            self._set_due(session_id, session, now)
        elif session.events:
            self._set_due(session_id, session, self._due_at(session, now))
        else:
            del self._sessions[session_id]

    def hasten(self, now: float) -> None:
        """Make every session due that holds events of an ending lease."""
        for session_id, session in self._sessions.items():
            # In a backlog most are due already, and there may be a hundred thousand.
            if session.due_at is not None and session.due_at > now and _is_ending(session):
                self._set_due(session_id, session, self._due_at(session, now))

    def drop_ended(self) -> list[Interaction]:
        """Take out, and give, the events of ended leases: they are left to the next owner."""
        dropped: list[Interaction] = []
        for session_id, session in list(self._sessions.items()):
            gone = [event for event in session.events if not event.record.lease.open]
            if not gone:
                continue
            dropped += gone
            session.events = [event for event in session.events if event.record.lease.open]
            if not session.events and not session.in_flight:
                del self._sessions[session_id]
        return dropped

    def _due_at(self, session: _Session, now: float) -> float:
        """When a session with waiting events is due, or has been since.

        As of its oldest event: in a backlog the oldest records are done with first, and offsets move on. But
        a turn later than for its last call, or a hot session would go first again and again.
        """
        lingered_at = session.events[0].record.received_at + self._linger_seconds
        is_due = lingered_at <= now or self._is_full(session) or _is_ending(session)
        if not is_due:
            return lingered_at
        return min(now, max(lingered_at, session.turn_at))

    def _is_full(self, session: _Session) -> bool:
        """Whether no later event could still go in its next call."""
        count = len(session.events)
        return count >= self._max_events or session.first_run(self._max_events) < count

    def _set_due(self, session_id: str, session: _Session, due_at: float) -> None:
        session.due_at = due_at
        self._entries += 1
        heapq.heappush(self._due, (due_at, self._entries, session_id))
        if len(self._due) > 2 * len(self._sessions) + _STALE_ENTRIES:
            self._sweep()

    def _sweep(self) -> None:
        """Take out outdated entries, so that a long linger does not let them pile up."""
        current = {}
        for entry in self._due:
            session = self._sessions.get(entry[2])
            if session is not None and session.due_at == entry[0]:
                current[entry[2]] = entry
        self._due = list(current.values())
        heapq.heapify(self._due)


def _is_ending(session: _Session) -> bool:
    return any(event.record.lease.ending for event in session.events)


def _with_ids_of(before: Interaction, interaction: Interaction) -> Interaction:
    """The same, with the texts of its session's ids that are held already: a tenth of a record."""
    same_user = interaction.user_id == before.user_id
    user_id = before.user_id if same_user else interaction.user_id
    return Interaction(interaction.record, before.session_id, user_id, interaction.event)
