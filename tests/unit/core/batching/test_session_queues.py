"""Which events go into the next call, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.builders import assignment, interaction
from worker.core.batching import session_queues
from worker.core.batching.scheduling import FreshestFirst
from worker.core.batching.session_queues import SessionQueues
from worker.core.model.retry_state import RetryState

if TYPE_CHECKING:
    import pytest

    from worker.core.batching.scheduling import SchedulingPolicy
    from worker.core.model.records import Batch, Interaction


def queues_with(
    *interactions: Interaction, linger_seconds: float = 1.0, max_events: int = 10
) -> SessionQueues:
    queues = SessionQueues(linger_seconds, max_events)
    for each in interactions:
        queues.add(each, each.record.received_at)
    return queues


def offsets(batch: Batch | None) -> list[int]:
    assert batch is not None
    return [each.record.offset for each in batch.interactions]


def test_a_session_is_due_when_its_oldest_event_has_waited_the_linger() -> None:
    queues = queues_with(interaction(received_at=5.0), interaction(offset=1, received_at=5.9))
    assert queues.next_due_at() == 6.0
    assert queues.seal(5.99) is None
    assert offsets(queues.seal(6.0)) == [0, 1]


def test_a_full_call_is_due_at_once() -> None:
    queues = queues_with(*(interaction(offset=n) for n in range(12)))
    assert offsets(queues.seal(0.0)) == list(range(10))


def test_a_change_of_user_is_due_at_once_and_splits_the_call() -> None:
    queues = queues_with(interaction(user_id=None), interaction(offset=1), interaction(offset=2))
    first = queues.seal(0.0)
    assert offsets(first) == [0]
    queues.release("s", 0.0)
    assert queues.seal(0.0) is None
    assert offsets(queues.seal(1.0)) == [1, 2]


def test_without_linger_every_event_is_due_at_once() -> None:
    assert offsets(queues_with(interaction(), linger_seconds=0).seal(0.0)) == [0]


def test_a_session_waits_for_the_outcome_of_its_call() -> None:
    queues = queues_with(*(interaction(offset=n) for n in range(20)))
    assert queues.seal(0.0) is not None
    assert queues.seal(1e9) is None
    queues.release("s", 2.0)
    assert offsets(queues.seal(2.0)) == list(range(10, 20))


def test_what_comes_while_a_call_waits_for_its_permit_goes_with_it() -> None:
    queues = queues_with(interaction())
    queues.add(interaction(offset=1), 5.0)
    assert offsets(queues.seal(5.0)) == [0, 1]


def test_the_session_that_has_been_due_longest_goes_first() -> None:
    queues = queues_with(
        *(interaction(name, received_at=at) for name, at in (("b", 0.2), ("a", 0.1), ("c", 0.3)))
    )
    assert [queues.seal(9.0).session_id for _ in "abc"] == ["a", "b", "c"]


def test_a_hot_session_does_not_starve_the_others() -> None:
    queues = queues_with(
        *(interaction("hot", offset=n) for n in range(1000)), interaction("cold", received_at=0.5)
    )
    order = []
    for step in range(12):
        now = 2.0 + step
        batch = queues.seal(now)
        assert batch is not None
        order.append(batch.session_id)
        queues.add(interaction(f"new{step}", received_at=now), now)
        queues.release(batch.session_id, now)
    assert "cold" in order


def test_in_a_backlog_the_oldest_events_go_first() -> None:
    """Also those behind a full call of their session: else the offset to commit stands still."""
    queues = queues_with(*(interaction("old", offset=n) for n in range(20)))
    for n in range(100, 150):
        queues.add(interaction(f"s{n}", offset=n, received_at=n), n)
    first = queues.seal(200.0)
    assert first is not None
    queues.release("old", 200.0)
    assert offsets(first) + offsets(queues.seal(200.0)) == list(range(20))


def test_what_was_put_back_goes_first_in_its_session_and_behind_other_sessions() -> None:
    queues = queues_with(*(interaction("a", offset=n) for n in range(3)), interaction("b", received_at=0.9))
    batch = queues.seal(1.0)
    assert batch is not None
    queues.release("a", 5.0, put_back=batch.interactions[1:])
    assert queues.seal(5.0).session_id == "b"
    queues.add(interaction("a", offset=3), 5.0)
    assert offsets(queues.seal(5.0)) == [1, 2, 3]


def test_a_probe_takes_as_many_as_it_is_told() -> None:
    queues = queues_with(*(interaction(offset=n) for n in range(10)))
    assert offsets(queues.seal(0.0, limit=1)) == [0]


def test_an_ending_assignment_makes_its_sessions_due() -> None:
    ending = assignment(partition=1)
    queues = queues_with(interaction("a", under=ending), interaction("b"), linger_seconds=60)
    ending.ending = True
    queues.hasten(2.0)
    assert queues.seal(2.0).session_id == "a"
    assert queues.seal(2.0) is None


def test_events_of_an_ended_assignment_are_taken_out() -> None:
    ended = assignment(partition=1)
    queues = queues_with(
        interaction("a", under=ended), interaction("a", offset=7), interaction("b", under=ended)
    )
    ended.open = False
    assert len(queues.drop_ended()) == 2
    assert len(queues) == 1
    assert offsets(queues.seal(1.0)) == [7]


def test_ids_take_no_memory_once_a_user_s_events_that_others_stood_between_are_sent() -> None:
    def of_a_user() -> str:
        # As a decoder gives them, no two texts are one object.
        return b"user v".decode()

    ended = assignment(partition=1)
    queues = queues_with(
        interaction(user_id=of_a_user()), interaction(under=ended), interaction(user_id=of_a_user(), offset=2)
    )
    ended.open = False
    queues.drop_ended()
    assert offsets(queues.seal(1.0)) == [0, 2]
    queues.release("s", 1.0)
    assert queues.text_bytes == 0


def test_a_session_without_events_is_forgotten() -> None:
    queues = queues_with(interaction())
    queues.seal(1.0)
    queues.release("s", 1.0)
    assert len(queues) == 0
    assert queues.next_due_at() is None


def test_a_long_linger_lets_no_outdated_entries_pile_up() -> None:
    queues = SessionQueues(3600.0, 2)
    for n in range(0, 10_000, 2):
        queues.add(interaction(offset=n, received_at=float(n)), n)
        queues.add(interaction(offset=n + 1, received_at=float(n)), n)
        queues.seal(n)
        queues.release("s", n)
    assert len(queues._turns) < 100  # noqa: SLF001  memory is not seen from outside


def test_what_is_too_old_is_taken_out_of_the_next_call_only() -> None:
    queues = queues_with(*(interaction("a", offset=n) for n in range(30)), interaction("b", received_at=0.5))
    taken = queues.take_out(1.0, lambda record: record.offset in {0, 3, 5, 12, 25})
    assert [each.record.offset for each in taken] == [0, 3, 5, 12]
    assert offsets(queues.seal(1.0)) == [1, 2, 4, 6, 7, 8, 9, 10, 11, 13]
    queues.release("a", 1.0)
    assert offsets(queues.seal(1.0)) == list(range(14, 24))


def test_a_session_of_which_all_is_too_old_is_forgotten() -> None:
    queues = queues_with(*(interaction("a", offset=n) for n in range(3)), interaction("b", received_at=0.5))
    assert len(queues.take_out(2.0, lambda record: record.offset < 3 and record.received_at < 0.5)) == 3
    assert len(queues) == 1
    assert not queues.take_out(2.0, lambda record: record.received_at < 0.5)
    assert queues.seal(2.0).session_id == "b"


def test_what_is_left_of_a_call_waits_its_linger() -> None:
    queues = queues_with(*(interaction(offset=n, received_at=n / 10) for n in range(10)))
    assert len(queues.take_out(0.9, lambda record: record.offset < 5)) == 5
    assert queues.seal(1.4) is None
    assert offsets(queues.seal(1.5)) == [5, 6, 7, 8, 9]


def test_of_a_long_session_not_all_is_looked_at_in_one_go() -> None:
    """The loop has other things to do."""
    queues = queues_with(*(interaction(offset=n) for n in range(2500)))
    taken = [len(queues.take_out(1.0, lambda _: True)) for _ in range(4)]
    assert taken == [1000, 1000, 500, 0]
    assert len(queues) == 0


class AnySchedule(RuleBasedStateMachine):
    """Whatever comes, is sealed, released, put back or taken out: each event goes once and in order."""

    def __init__(self, turns: SchedulingPolicy | None = None) -> None:
        super().__init__()
        self.queues = SessionQueues(1.0, 10, turns)
        self.now = 0.0
        self.offset = 0
        self.users: dict[str, str | None] = {}
        self.waiting: dict[str, list[int]] = {}
        self.in_flight: dict[str, Batch] = {}
        self.assignments = [assignment(partition=0), assignment(partition=1)]

    @rule(session=st.sampled_from("abc"), user=st.sampled_from([None, "u", "v"]))
    def add(self, session: str, user: str | None) -> None:
        # As a decoder gives them, no two texts are one object, even if they are equal.
        user_id = user and f"user {user}"
        under = self.assignments[self.offset % 2]
        event = interaction(session, user_id=user_id, offset=self.offset, received_at=self.now, under=under)
        self.queues.add(event, self.now)
        self.waiting.setdefault(session, []).append(self.offset)
        self.offset += 1

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def seal(self) -> None:
        batch = self.queues.seal(self.now)
        if batch is None:
            return
        assert batch.session_id not in self.in_flight
        sealed = offsets(batch)
        assert 1 <= len(sealed) <= 10
        assert {each.user_id for each in batch.interactions} == {batch.user_id}
        waiting = self.waiting[batch.session_id]
        assert waiting[: len(sealed)] == sealed
        del waiting[: len(sealed)]
        self.in_flight[batch.session_id] = batch

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.in_flight)))
        batch = self.in_flight.pop(session)
        kept = data.draw(st.integers(0, len(batch.interactions)))
        back = batch.interactions[kept:]
        self.waiting[session][:0] = [each.record.offset for each in back]
        self.queues.release(session, self.now, put_back=back)

    @rule(every=st.integers(1, 4))
    def take_out(self, every: int) -> None:
        for each in self.queues.take_out(self.now, lambda record: record.offset % every == 0):
            self.waiting[each.session_id].remove(each.record.offset)

    @rule(partition=st.integers(0, 1))
    def end_an_assignment(self, partition: int) -> None:
        self.assignments[partition].open = False
        for each in self.queues.drop_ended():
            self.waiting[each.session_id].remove(each.record.offset)
        self.assignments[partition] = assignment(partition=partition)

    @invariant()
    def whoever_is_due_can_be_had(self) -> None:
        due_at = self.queues.next_due_at()
        first = self.queues._turns.first(self.now)  # noqa: SLF001  looking changes nothing
        assert (first is not None) == (due_at is not None and due_at <= self.now)

    @invariant()
    def nobody_waits_without_a_time(self) -> None:
        free = [
            session for session, waiting in self.waiting.items() if waiting and session not in self.in_flight
        ]
        assert (self.queues.next_due_at() is not None) == bool(free)

    @invariant()
    def nobody_is_due_later_than_its_linger(self) -> None:
        due_at = self.queues.next_due_at()
        assert due_at is None or due_at <= self.now + 1.0

    def teardown(self) -> None:
        """Everything that waits can still be had."""
        for session in list(self.in_flight):
            del self.in_flight[session]
            self.queues.release(session, self.now)
        self.now += 1.0
        for _ in range(10_000):
            if self.queues.next_due_at() is None:
                break
            self.seal()
            for session in list(self.in_flight):
                del self.in_flight[session]
                self.queues.release(session, self.now)
            self.now += 1.0
        assert not any(self.waiting.values())
        assert self.queues.text_bytes == 0


class AnyScheduleFreshestFirst(AnySchedule):
    """The same with other turns."""

    def __init__(self) -> None:
        super().__init__(FreshestFirst(1.0, 10))


AnySchedule.TestCase.settings = settings(deadline=None)
AnyScheduleFreshestFirst.TestCase.settings = settings(deadline=None)
TestAnySchedule = AnySchedule.TestCase
TestAnyScheduleFreshestFirst = AnyScheduleFreshestFirst.TestCase


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 100)), max_size=60), st.integers(1, 5))
def test_those_that_are_due_longest_are_those_that_are_sealed_first(
    events: list[tuple[str, float]], count: int
) -> None:
    """Told without taking anything out, and whatever outdated entries there are."""
    queues = SessionQueues(1.0, max_events=3)
    for offset, (name, at) in enumerate(sorted(events, key=lambda each: each[1])):
        queues.add(interaction(name, offset=offset, received_at=at), at)
    told = [each.session_id for each in queues.due_longest(count)]
    due_at = [each.due_at for each in queues.due_longest(count)]
    sealed = [batch.session_id for _ in range(count) if (batch := queues.seal(1e9)) is not None]
    assert told == sealed
    assert due_at == sorted(due_at)


def test_of_many_that_are_put_back_after_failures_only_so_many_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_queues, "_REMEMBERED", 3)
    queues = SessionQueues(linger_seconds=0.0, max_events=10)
    for number in range(9):
        queues.add(interaction(f"s{number}", offset=number), 0.0)
    sealed = [batch for _ in range(9) if (batch := queues.seal(0.0)) is not None]
    for batch in sealed:
        queues.release(batch.session_id, 0.0, batch.interactions, RetryState("Http503", 0.0))
    assert (len(sealed), queues.retried) == (9, 3)


def test_what_is_known_of_failures_goes_with_the_batch_and_ends_with_the_session() -> None:
    queues, state = SessionQueues(linger_seconds=0.0, max_events=10), RetryState("Http503", 0.0)
    queues.add(interaction("s"), 0.0)
    batch = queues.seal(0.0)
    assert batch is not None
    queues.release("s", 0.0, batch.interactions, state)
    assert queues.retry_state("s") is state
    assert queues.take_retry_state("s") is state
    assert queues.retry_state("s") is None
    assert queues.seal(0.0) == batch
    queues.release("s", 0.0, batch.interactions, state)
    batch.interactions[0].record.assignment.open = False
    queues.drop_ended()
    assert queues.retried == 0
