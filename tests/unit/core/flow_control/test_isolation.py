from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.flow_control.isolation import (
    MOST_AT_ONCE,
    NOT_SENT,
    OF_THE_API,
    ON_THE_WAY,
    SENT_IN_VAIN,
    Isolation,
    patience_with,
)
from worker.core.model.error_codes import CREDENTIAL_CODES, ERROR_CODES, classify
from worker.core.model.outcomes import Accepted, Answer, Misconfigured, Refused, Throttled, TransientFault
from worker.core.model.partition import Partition
from worker.core.model.records import Batch, Interaction, Record
from worker.core.offsets.assignment import Assignment
from worker.delivery.codes import DELIVERY_CODES

LEASE = Assignment(Partition("interactions", 0), 1)
FORBIDDEN = Misconfigured("Http403")
FOREIGN = [FORBIDDEN, Misconfigured("Http302"), TransientFault("Http502"), TransientFault("NotTheApi")]
ALWAYS_HELD = [Misconfigured(code) for code in sorted(CREDENTIAL_CODES)]


def batch_of(session_id: str, *offsets: int) -> Batch:
    records = [Record(LEASE, offset, None, None, b"", ()) for offset in offsets]
    return Batch(session_id, None, tuple(Interaction(each, session_id, None, b"{}") for each in records))


class Played:
    """One worker's answers, a second apart unless said otherwise."""

    def __init__(self) -> None:
        self.isolation = Isolation()
        self.now = 1000.0
        self._good = 10_000

    def judge(
        self, batch: Batch, answer: Answer, *, seconds: float = 1.0, took_seconds: float = 0.05
    ) -> tuple[Answer, Answer]:
        self.now += seconds
        return self.isolation.judge(batch, answer, self.now - took_seconds, self.now)

    def accept(self, session_id: str = "", *, took_seconds: float = 0.05) -> None:
        self._good += 1
        good = batch_of(session_id or f"good{self._good}", self._good)
        assert self.judge(good, Accepted(), took_seconds=took_seconds) == (Accepted(), Accepted())


@pytest.mark.parametrize("answer", FOREIGN)
def test_an_event_that_fails_alone_while_others_are_accepted_is_refused_in_the_end(answer: Answer) -> None:
    played, bad = Played(), batch_of("bad", 1)
    strikes = 0
    began = played.now + 1
    while not isinstance((meant := played.judge(bad, answer))[1], Refused):
        strikes += 1
        played.accept()
        played.accept()
        assert strikes < 1000
    assert strikes >= ON_THE_WAY.refused_after
    assert played.now - began >= ON_THE_WAY.seconds
    assert meant[0] == TransientFault(answer.code)  # type: ignore[union-attr]  # all of these have one
    # It is forgotten: another event of the session begins anew.
    assert not isinstance(played.judge(batch_of("bad", 2), answer)[1], Refused)


def test_quickly_is_never_enough() -> None:
    """So many times within seconds may be a gateway that is being restarted."""
    played, bad = Played(), batch_of("bad", 1)
    for _ in range(1000):
        assert not isinstance(played.judge(bad, FORBIDDEN, seconds=0.01)[1], Refused)
        played.isolation.judge(batch_of("good", 7), Accepted(), played.now + 0.001, played.now + 0.002)


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 5000)), max_size=60), st.sampled_from(FOREIGN))
def test_nothing_is_refused_while_nobody_elses_calls_are_accepted(
    calls: list[tuple[int, float]], answer: Answer
) -> None:
    """An outage, whatever it looks like, and however long; and whatever was accepted before it."""
    played = Played()
    for _ in range(50):
        played.accept()
    for number, seconds in calls:
        seen, meant = played.judge(batch_of(f"s{number}", number), answer, seconds=seconds)
        assert seen is meant
        assert not isinstance(meant, Refused)


def test_what_was_sent_before_the_failure_proves_nothing() -> None:
    """Calls that were under way when all began to fail are accepted after it."""
    played, bad = Played(), batch_of("bad", 1)
    played.judge(bad, FORBIDDEN)
    for _ in range(100):
        played.accept(took_seconds=10_000)
        assert not isinstance(played.judge(bad, FORBIDDEN)[1], Refused)


def test_its_own_acceptances_prove_nothing_of_the_others() -> None:
    played = Played()
    for offset in range(0, 2000, 2):
        played.judge(batch_of("bad", offset, offset + 1), FORBIDDEN)
        played.accept("bad")
        assert not isinstance(played.judge(batch_of("bad", offset, offset + 1), FORBIDDEN)[1], Refused)


def test_a_call_of_several_is_halved_first_and_what_is_accepted_of_it_cleared() -> None:
    played = Played()
    several = batch_of("bad", 1, 2, 3, 4)
    strikes = 0
    while not isinstance(played.judge(several, FORBIDDEN)[1], Refused):
        strikes += 1
        played.accept()
    assert strikes == ON_THE_WAY.halved_after
    first, second = several.halves()
    # Known as it is, a half is halved at once; the event alone is tried on for a minute.
    assert isinstance(played.judge(first, FORBIDDEN)[1], Refused)
    assert not isinstance(played.judge(batch_of("bad", 1), FORBIDDEN)[1], Refused)
    assert played.judge(batch_of("bad", 1), Accepted())[1] == Accepted()
    assert not isinstance(played.judge(batch_of("bad", 2), FORBIDDEN)[1], Refused)
    assert played.judge(second, Accepted())[1] == Accepted()


@pytest.mark.parametrize("answer", [*ALWAYS_HELD, Misconfigured("ResourceNotFoundException")])
def test_what_aws_says_of_keys_permission_or_tracker_is_never_the_contents(answer: Misconfigured) -> None:
    played, bad = Played(), batch_of("bad", 1)
    for _ in range(300):
        assert played.judge(bad, answer, seconds=100) == (answer, answer)
        played.accept()


@pytest.mark.parametrize("code", ["InternalServerException", "AnswerTimeout", "ConnectionReset"])
def test_what_the_api_itself_fails_over_takes_hours(code: str) -> None:
    played, bad = Played(), batch_of("bad", 1)
    began, strikes = played.now, 0
    while not isinstance(played.judge(bad, TransientFault(code), seconds=20)[1], Refused):
        strikes += 1
        played.accept()
        assert strikes < 1000
    assert strikes >= OF_THE_API.refused_after
    assert played.now - began >= OF_THE_API.seconds


@given(st.integers(0, 2**32), st.sampled_from([0.15, 0.3, 0.5, 0.9]), st.sampled_from(FOREIGN))
def test_where_any_session_may_fail_it_is_nobodys_content(seed: int, share: float, answer: Answer) -> None:
    """A gateway of which some instances are broken: each try may fail, each session's."""
    played, random = Played(), Random(seed)  # noqa: S311  a game
    left: dict[str, int] = {}
    for number in range(600):
        session = random.choice(sorted(left)) if left and random.random() < 0.5 else f"s{number}"
        failed = random.random() < share
        said = answer if failed else Accepted()
        _, meant = played.judge(batch_of(session, left.setdefault(session, number)), said, seconds=5)
        assert not isinstance(meant, Refused)
        if not failed:
            del left[session]


def test_more_sessions_than_a_few_at_once_are_not_refused() -> None:
    """A firewall that has taken against a hundredth of everything empties no topic."""
    played = Played()
    bad = [batch_of(f"bad{number}", number) for number in range(MOST_AT_ONCE + 1)]
    for _ in range(100):
        for each in bad:
            assert not isinstance(played.judge(each, FORBIDDEN)[1], Refused)
            for _ in range(20):
                played.accept()
    # One of them less, and it is theirs.
    played.judge(bad.pop(), Accepted())
    assert all(isinstance(played.judge(each, FORBIDDEN)[1], Refused) for each in bad)


def test_the_first_one_holds_unless_others_are_accepted_at_the_time() -> None:
    played = Played()
    assert played.judge(batch_of("a", 1), FORBIDDEN)[0] == FORBIDDEN
    played = Played()
    played.accept()
    assert played.judge(batch_of("a", 1), FORBIDDEN)[0] == TransientFault("Http403")
    assert played.judge(batch_of("b", 2), FORBIDDEN)[0] == FORBIDDEN
    assert played.judge(batch_of("a", 1), FORBIDDEN)[0] == FORBIDDEN


def test_one_that_is_known_to_fail_by_itself_never_holds_the_others() -> None:
    played, bad = Played(), batch_of("bad", 1)
    played.judge(bad, FORBIDDEN)
    played.accept()
    for _ in range(5):
        assert played.judge(bad, FORBIDDEN)[0] == TransientFault("Http403")
    assert played.judge(batch_of("good", 2), FORBIDDEN)[0] == TransientFault("Http403")
    assert played.judge(batch_of("another", 3), FORBIDDEN)[0] == FORBIDDEN


def test_every_word_of_ours_has_its_place() -> None:
    """A word that is in none of the tables counts as a gateway's."""
    said_elsewhere = {"NotTheApi", "NotUnicode"}
    assert SENT_IN_VAIN | NOT_SENT | said_elsewhere == DELIVERY_CODES
    assert all(patience_with(Misconfigured(code)) is None for code in NOT_SENT | ERROR_CODES)
    assert all(patience_with(TransientFault(code)) is None for code in NOT_SENT - ERROR_CODES)


@given(st.integers(100, 599), st.sampled_from(["", "Forbidden", "WAF_BLOCKED", "<html>", "1020"]))
def test_a_status_without_a_code_of_aws_is_somebody_elses(status: int, code: str) -> None:
    answer = classify(status, code)
    if isinstance(answer, Misconfigured | TransientFault):
        assert patience_with(answer) == ON_THE_WAY
    if isinstance(answer, Throttled | Refused | Accepted):
        assert patience_with(answer) is None
