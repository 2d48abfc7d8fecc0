"""Whose turn it is when the freshest go first."""

from __future__ import annotations

from tests.support.builders import interaction
from worker.core.batching.scheduling import FreshestFirst
from worker.core.batching.session_queues import SessionQueues

LINGER_SECONDS = 1.0


def freshest_first() -> SessionQueues:
    return SessionQueues(LINGER_SECONDS, 10, FreshestFirst(LINGER_SECONDS, 10))


def add(queues: SessionQueues, session_id: str, at: float, events: int = 1) -> None:
    for _ in range(events):
        queues.add(interaction(session_id, received_at=at), at)


def goes(queues: SessionQueues, now: float) -> str | None:
    """Whose call goes; it is over at once."""
    batch = queues.seal(now)
    if batch is None:
        return None
    queues.release(batch.session_id, now)
    return batch.session_id


def test_the_freshest_goes_first_and_each_fourth_time_the_oldest() -> None:
    queues = freshest_first()
    for n in range(10):
        add(queues, f"s{n}", at=n)
    assert [goes(queues, 20.0) for _ in range(8)] == ["s9", "s8", "s7", "s0", "s6", "s5", "s4", "s1"]


def test_a_session_that_is_not_due_does_not_go() -> None:
    queues = freshest_first()
    add(queues, "old", at=0.0)
    add(queues, "lingers", at=9.5)
    assert goes(queues, 10.0) == "old"
    assert goes(queues, 10.0) is None


def test_a_session_is_as_fresh_as_the_last_event_of_its_next_call() -> None:
    """So a session that is awake comes before one that fell asleep, and calls fill up."""
    queues = freshest_first()
    add(queues, "awake", at=0.0)
    add(queues, "asleep", at=1.0)
    assert queues.next_due_at() == 1.0
    add(queues, "awake", at=5.0)
    batch = queues.seal(5.0)
    assert batch is not None
    assert (batch.session_id, len(batch.interactions)) == ("awake", 2)


def test_a_session_with_more_than_it_gets_calls_falls_behind() -> None:
    """Its new events are not fresh before those that stand in their way are gone."""
    queues = freshest_first()
    add(queues, "hot", at=0.0, events=100)
    add(queues, "cold", at=20.0)
    add(queues, "hot", at=21.0, events=100)
    assert goes(queues, 22.0) == "cold"


def test_of_calls_about_as_fresh_the_fuller_goes() -> None:
    """Else calls would stay small under overload, and the quota would carry less."""
    queues = freshest_first()
    add(queues, "full", at=0.0, events=9)
    add(queues, "fresher", at=3.0)
    add(queues, "much fresher", at=20.0)
    assert [goes(queues, 30.0) for _ in range(3)] == ["much fresher", "full", "fresher"]


def test_what_was_put_back_goes_behind_all_others() -> None:
    """Else the same refused call would be every probe."""
    queues = freshest_first()
    add(queues, "a", at=0.0)
    add(queues, "b", at=1.0)
    order = []
    for now in (2.0, 3.0, 4.0, 5.0, 6.0):
        batch = queues.seal(now)
        assert batch is not None
        queues.release(batch.session_id, now, put_back=batch.interactions)
        order.append(batch.session_id)
    assert order == ["b", "a", "b", "a", "b"]


def test_many_events_let_no_outdated_entries_pile_up() -> None:
    turns = FreshestFirst(LINGER_SECONDS, 10)
    queues = SessionQueues(LINGER_SECONDS, 10, turns)
    for n in range(10_000):
        add(queues, f"s{n % 10}", at=n / 10)
        if n % 3 == 0:
            goes(queues, n / 10)
    assert len(turns) < 3 * 100
