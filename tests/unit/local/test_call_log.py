"""The record of calls, and what it says about what was produced."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from worker.local.audit import Audit, Produced, audit
from worker.local.call_log import AcceptedCall, CallLog, read_lines


def produced(session_id: str, *event_ids: str) -> list[Produced]:
    return [Produced(session_id, sequence, event_id) for sequence, event_id in enumerate(event_ids)]


def accepted(*calls: tuple[str, str]) -> list[AcceptedCall]:
    """Calls from (session, "ids apart by spaces")."""
    return [
        AcceptedCall(n, 0.0, session, None, tuple(ids.split())) for n, (session, ids) in enumerate(calls, 1)
    ]


def test_all_accepted_once_and_in_order_is_kept() -> None:
    call_log = accepted(("s", "a b"), ("t", "x"), ("s", "c"))
    result = audit(produced("s", "a", "b", "c") + produced("t", "x"), call_log)
    assert result == Audit(lost=(), repeated=(), out_of_order=(), unknown=())
    assert result.kept


def test_an_event_that_never_arrived_is_lost_unless_excused() -> None:
    events, call_log = produced("s", "a", "b", "c"), accepted(("s", "a"))
    assert audit(events, call_log).lost == ("b", "c")
    assert audit(events, call_log, excused={"b"}).lost == ("c",)


def test_a_repeat_is_told_but_breaks_nothing() -> None:
    result = audit(produced("s", "a", "b"), accepted(("s", "a b"), ("s", "a b")))
    assert result.repeated == ("a", "b")
    assert result.kept


def test_order_is_judged_by_first_acceptance() -> None:
    """What a repeat brings late was in order the first time; what a later event overtook was not."""
    result = audit(produced("s", "a", "b", "c"), accepted(("s", "a"), ("s", "c"), ("s", "a b c")))
    assert result.out_of_order == ("b",)
    assert not result.kept


def test_what_was_never_produced_is_unknown() -> None:
    call_log = [*accepted(("s", "a z")), AcceptedCall(2, 0.0, "s", None, (None,))]
    assert audit(produced("s", "a"), call_log).unknown == ("z", None)


def test_an_event_in_a_foreign_session_is_unknown_and_lost() -> None:
    result = audit(produced("s", "a"), accepted(("t", "a")))
    assert result.unknown == ("a",)
    assert result.lost == ("a",)


@given(st.lists(st.integers(1, 5), max_size=20), st.integers())
def test_order_between_sessions_never_matters(lengths: list[int], seed: int) -> None:
    sessions = {f"s{n}": [f"s{n}e{i}" for i in range(length)] for n, length in enumerate(lengths)}
    events = [each for session_id, ids in sessions.items() for each in produced(session_id, *ids)]
    left = {session_id: list(ids) for session_id, ids in sessions.items() if ids}
    random, calls = Random(seed), []  # noqa: S311  an order, not a secret
    while left:
        session_id = random.choice(sorted(left))
        calls.append((session_id, left[session_id].pop(0)))
        left = {key: ids for key, ids in left.items() if ids}
    assert audit(events, accepted(*calls)).kept


def test_books_are_read_back_as_they_were_kept() -> None:
    call_log = CallLog()
    call_log.count("ThrottlingException")
    call_log.accept(2.5, "s\n", "u", ("a", None))
    call_log.accept(3.5, "t", None, ("b",))
    expected = [AcceptedCall(2, 2.5, "s\n", "u", ("a", None)), AcceptedCall(3, 3.5, "t", None, ("b",))]
    assert list(call_log.accepted()) == list(read_lines(call_log.lines())) == expected
    assert list(CallLog().accepted()) == []


def test_the_summary_counts_calls_by_what_they_came_to() -> None:
    call_log = CallLog()
    call_log.count("reset")
    call_log.accept(2.5, "s", "u", ("a", "b"))
    summary = call_log.summary()
    assert (summary.calls, summary.accepted_calls, summary.accepted_events) == (2, 1, 2)
    assert summary.outcomes == {"reset": 1, "accepted": 1}
    assert summary.first_accepted_at_seconds == summary.last_accepted_at_seconds == 2.5


def test_two_calls_of_a_session_at_once_show() -> None:
    call_log = CallLog()
    first, other = call_log.begin("s"), call_log.begin("t")
    first()
    call_log.begin("s")
    assert call_log.summary().max_concurrent_in_session == 1
    call_log.begin("t")
    other()
    assert call_log.summary().max_concurrent_in_session == 2
    assert call_log.summary().max_concurrent == 3
