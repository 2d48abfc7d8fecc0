"""One bad record is a dead letter; nothing but bad records is a hold."""

from __future__ import annotations

from worker.core.flow_control.refusal_streak import RefusalStreak


def test_refusals_of_different_sessions_in_a_row_hold() -> None:
    streak = RefusalStreak(20)
    assert [streak.refuse(f"s{n}") for n in range(21)] == [True] * 20 + [False]


def test_an_acceptance_begins_the_row_anew() -> None:
    streak = RefusalStreak(2)
    for n in range(10):
        assert streak.refuse(f"s{n}")
        streak.accept()


def test_a_single_session_holds_nobody_up() -> None:
    streak = RefusalStreak(2)
    assert all(streak.refuse("s") for _ in range(100))
    assert not streak.refuse("t")
