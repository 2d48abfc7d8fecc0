"""The queues of all sessions: which session's events go into the next call.

There is a queue per session and not a list of ready batches, because the content of a call is decided when
its permit is there (late sealing). While there is quota to spare, calls are small and quick; otherwise they
fill up.

A session is *due* when it holds a full call, when its user changes (the user belongs to the call, not to the
event), when its oldest event has waited the linger, or when an assignment of its events is ending. The
scheduling policy decides which of the due sessions goes next. A session's next call is due one turn later
than its last, so that no session starves another. A session has at most one call in flight; the next waits
for the outcome of that one.
"""

from __future__ import annotations

from itertools import islice
from math import inf
from typing import TYPE_CHECKING

from worker.core.batching.scheduling import OldestFirst
from worker.core.batching.session import Session, users_bytes
from worker.core.model.records import Batch, Interaction, text_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.core.batching.scheduling import SchedulingPolicy
    from worker.core.model.records import Record
    from worker.core.model.retry_state import RetryState

# In a backlog, a session gets one call for each so many seconds of age that are worked off.
_TURN_SECONDS = 0.1


# In an outage of hours every session gets retried. The retry state is kept for at most this many, some 2 MB.
_REMEMBERED = 10_000
# At most this many events are examined at once when old ones are taken out: some hundred microseconds.
_TAKE_OUT_AT_ONCE = 1000


class SessionQueues:
    """All sessions with events to deliver. Times are seconds of the caller's clock.

    Args:
        linger_seconds: how long an event waits for others of its session.
        max_events: 1 to 10, the most events that a call may hold.
        turns: which session goes next; by default, the one that has been due longest.
    """

    def __init__(self, linger_seconds: float, max_events: int, turns: SchedulingPolicy | None = None) -> None:
        self._linger_seconds = linger_seconds
        self._max_events = max_events
        self._sessions: dict[str, Session] = {}
        self._turns = OldestFirst() if turns is None else turns
        self._retry_states: dict[str, RetryState] = {}
        self.text_bytes = 0
        """Bytes of memory that the ids of its sessions and users take."""

    def __len__(self) -> int:
        """Count the sessions that have waiting events or a call in flight."""
        return len(self._sessions)

    def add(self, interaction: Interaction, now: float) -> None:
        """Append an event to its session's queue."""
        session = self._sessions.get(interaction.session_id)
        if session is None:
            session = self._sessions[interaction.session_id] = Session(interaction.session_id)
            self.text_bytes += text_bytes(session.session_id)
        events = session.events
        # The user of the preceding event, which may be in a call.
        before = events[-1].user_id if events else session.sent_user_id
        events.append(_with_ids_of(session, before, interaction))
        if events[-1].user_id is not before:
            self.text_bytes += text_bytes(interaction.user_id)
        if session.in_flight:
            return
        if len(events) == 1:
            self._set_due(session, interaction.record.received_at + self._linger_seconds)
        elif session.due_at > now and (
            len(events) >= self._max_events or interaction.user_id != events[-2].user_id
        ):
            self._set_due(session, now)
        else:
            self._turns.grown(session, now)

    def next_due_at(self) -> float | None:
        """Return when the next session is (or was) due; None while no session waits."""
        due_at = self._turns.next_due_at()
        return None if due_at == inf else due_at

    def due_longest(self, count: int) -> list[Session]:
        """Return up to ``count`` sessions with waiting events, those that are due longest first.

        The result is for inspection, not for keeping. The cost does not depend on the number of sessions.
        """
        return list(islice(self._turns.due_longest(), count))

    @property
    def retried(self) -> int:
        """Count the waiting sessions whose last call failed."""
        return len(self._retry_states)

    def retry_state(self, session_id: str) -> RetryState | None:
        """Return the retry state of a waiting session whose last call failed; None if it did not fail."""
        return self._retry_states.get(session_id)

    def take_retry_state(self, session_id: str) -> RetryState | None:
        """Take the retry state out, for whoever makes the next call; ``release`` hands it back."""
        return self._retry_states.pop(session_id, None)

    def waiting(self, session_id: str) -> int:
        """Count the events of a session that wait to be sealed."""
        session = self._sessions.get(session_id)
        return len(session.events) if session else 0

    def seal(self, now: float, limit: int | None = None) -> Batch | None:
        """Seal the next call, of the session whose turn it is. It counts as in flight until ``release``.

        Args:
            now: sessions due by then are considered.
            limit: the most events; by default, as many as a call may hold.
        """
        session = self._turns.first(now)
        if session is None:
            return None
        count = session.first_run(self._max_events if limit is None else limit)
        sealed = tuple(session.events[:count])
        del session.events[:count]
        session.turn_at = session.due_at + _TURN_SECONDS
        session.in_flight = True
        session.sent_user_id = sealed[0].user_id
        session.stop_waiting()
        self._turns.took()
        return Batch(session.session_id, sealed[0].user_id, sealed)

    def release(
        self,
        session_id: str,
        now: float,
        put_back: Sequence[Interaction] = (),
        retry: RetryState | None = None,
    ) -> None:
        """End the session's call with its outcome; the next one may go.

        Args:
            session_id: whose call it was.
            now: the time.
            put_back: the events of the call to be tried again, in order. They go to the head of the queue,
                and the session goes behind those that are due already: what stopped this one stops no others.
            retry: the retry state of its failed calls, for when it goes again.
        """
        session = self._sessions[session_id]
        session.in_flight = False
        sent, session.sent_user_id = session.sent_user_id, None
        if not put_back and not (session.events and session.events[0].user_id == sent):
            self.text_bytes -= text_bytes(sent)
        if put_back:
            if retry is not None and len(self._retry_states) < _REMEMBERED:
                self._retry_states[session_id] = retry
            session.events[:0] = put_back
            session.due_at = now
            self._turns.put(session, put_back=True)
            return
        if session.events:
            self._set_due(session, self._due_at(session, now))
        else:
            self._forget(session)

    def hasten(self, now: float) -> None:
        """Make every session due that holds events of an ending assignment."""
        for session in self._sessions.values():
            # In a backlog most are due already, and there may be a hundred thousand.
            if now < session.due_at < inf and session.is_ending():
                self._set_due(session, self._due_at(session, now))

    def take_out(self, now: float, is_too_old: Callable[[Record], bool]) -> list[Interaction]:
        """Remove and return the events that are too old among those that would go next, if any.

        Only some events are examined: call again until the result is empty.
        """
        session = self._turns.first(now)
        if session is None:
            return []
        taken: list[Interaction] = []
        kept: list[Interaction] = []
        for event in islice(session.events, _TAKE_OUT_AT_ONCE):
            (taken if is_too_old(event.record) else kept).append(event)
            if len(kept) == self._max_events:
                break
        if taken:
            looked_at = len(taken) + len(kept)
            # The event behind them may share an id with them.
            behind = session.events[looked_at : looked_at + 1]
            self.text_bytes -= users_bytes(session.events[: looked_at + 1]) - users_bytes([*kept, *behind])
            session.events[:looked_at] = kept
            self._reconsider(session, now)
        return taken

    def drop_ended(self) -> list[Interaction]:
        """Remove and return the events of ended assignments: they are left to the next owner."""
        dropped: list[Interaction] = []
        for session in list(self._sessions.values()):
            gone = [event for event in session.events if not event.record.assignment.open]
            if not gone:
                continue
            dropped += gone
            before = session.text_bytes()
            session.events = [event for event in session.events if event.record.assignment.open]
            self.text_bytes -= before - session.text_bytes()
            if not session.events and not session.in_flight:
                self._forget(session)
        return dropped

    def _due_at(self, session: Session, now: float) -> float:
        """Return when a session with waiting events is due, or since when it has been.

        This goes by its oldest event: in a backlog the oldest records are finished first, and offsets move
        on. But it is a turn later than for its last call, because otherwise a hot session would go first
        again and again.
        """
        lingered_at = session.events[0].record.received_at + self._linger_seconds
        is_due = lingered_at <= now or session.is_full(self._max_events) or session.is_ending()
        if not is_due:
            return lingered_at
        return min(now, max(lingered_at, session.turn_at))

    def _set_due(self, session: Session, due_at: float) -> None:
        session.due_at = due_at
        self._turns.put(session)

    def _reconsider(self, session: Session, now: float) -> None:
        """Reschedule a session after some of its waiting events were removed."""
        if session.events:
            self._set_due(session, self._due_at(session, now))
        else:
            self._forget(session)

    def _forget(self, session: Session) -> None:
        session.stop_waiting()
        self._retry_states.pop(session.session_id, None)
        del self._sessions[session.session_id]
        self.text_bytes -= text_bytes(session.session_id)


def _with_ids_of(session: Session, before: str | None, interaction: Interaction) -> Interaction:
    """Return the interaction with the id texts that its session holds already: a tenth of a record, and more.

    ``before`` is the user of the preceding event.
    """
    user_id = before if interaction.user_id == before else interaction.user_id
    if interaction.session_id is session.session_id and interaction.user_id is user_id:
        return interaction
    return Interaction(interaction.record, session.session_id, user_id, interaction.event)
