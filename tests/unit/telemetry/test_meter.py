from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.mapping import KINDS
from worker.core.model.outcomes import Accepted, Answer, Misconfigured, Refused, Throttled, TransientFault
from worker.core.model.partition import Partition
from worker.core.model.records import Batch, Interaction, Reason, Record, Skipped
from worker.core.offsets.assignment import Assignment
from worker.telemetry.meter import MAX_LABELS, OTHER, Counts, Histogram, Tally

NOW_SECONDS = 1_700_000_000.0


def counts_at_now() -> Counts:
    return Counts(lambda: NOW_SECONDS, error_codes=["ThrottlingException", "ConnectTimeout"])


def record(timestamp_ms: int | None = None) -> Record:
    return Record(Assignment(Partition("interactions", 0), 1), 0, timestamp_ms, None, b"{}", ())


def batch(*timestamps_ms: int | None) -> Batch:
    events = (Interaction(record(each), "session", "user", b"{}") for each in timestamps_ms)
    return Batch("session", "user", tuple(events))


@given(st.lists(st.integers(-5, 50).map(lambda quarters: quarters / 4)))
def test_a_histogram_counts_each_value_under_every_bound_that_it_does_not_exceed(values: list[float]) -> None:
    histogram = Histogram((0.5, 1, 10))
    for value in values:
        histogram.observe(value)
    cumulative = list(histogram.cumulative())
    assert [bound for bound, _ in cumulative] == [0.5, 1, 10, float("inf")]
    assert cumulative == [(bound, sum(value <= bound for value in values)) for bound, _ in cumulative]
    assert histogram.sum == sum(values)


@given(st.lists(st.text()))
def test_a_tally_counts_everything_and_never_makes_more_than_its_bound_of_series(words: list[str]) -> None:
    tally = Tally()
    for index, word in enumerate(words):
        tally.add(word)
        tally.add(f"user-{index}")
    for index in range(2 * MAX_LABELS):
        tally.add(f"session-{index}")
    counted = dict(tally.items())
    assert sum(counted.values()) == 2 * len(words) + 2 * MAX_LABELS
    assert len(counted) <= MAX_LABELS


def test_words_that_are_not_known_count_as_other() -> None:
    tally = Tally(known=["known"])
    for word in ("known", "user-4711", "user-4712"):
        tally.add(word)
    assert dict(tally.items()) == {"known": 1, OTHER: 2}


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (Accepted(), "accepted", None),
        (Throttled("ThrottlingException"), "throttled", "ThrottlingException"),
        (TransientFault("Http503"), "fault", "Http503"),
        (TransientFault("ConnectTimeout"), "fault", "ConnectTimeout"),
        (TransientFault("Http4711"), "fault", OTHER),
        (Refused("user-4711", "no such user-4711"), "refused", OTHER),
        (Misconfigured("AccessDenied"), "misconfigured", OTHER),
    ],
)
def test_each_answer_counts_once_by_outcome_and_known_code(
    answer: Answer, outcome: str, code: str | None
) -> None:
    counts = counts_at_now()
    counts.answered(answer, 0.2)
    assert [word for word, count in counts.calls.items() if count] == [outcome]
    counted = {each: count for each, count in counts.call_errors.items() if count}
    assert counted == ({code: 1} if code else {})
    assert list(counts.call_seconds.cumulative())[-1][1] == 1


def test_an_accepted_call_counts_its_events_and_how_old_their_records_are() -> None:
    counts = counts_at_now()
    now_ms = int(NOW_SECONDS * 1000)
    counts.accepted(batch(now_ms - 1500, now_ms - 500, None))
    assert counts.events_accepted == 3
    assert counts.events_per_call.sum == 3
    assert counts.record_age_seconds.sum == pytest.approx(2.0)
    assert list(counts.record_age_seconds.cumulative())[-1][1] == 2


def test_a_record_from_the_future_has_age_nought() -> None:
    counts = counts_at_now()
    counts.accepted(batch(int(NOW_SECONDS * 1000) + 60_000))
    assert counts.record_age_seconds.sum == 0


def test_what_happens_to_records_is_counted() -> None:
    counts = counts_at_now()
    counts.received(7)
    counts.received(3)
    counts.skipped(Skipped(record(), "tombstone"))
    counts.dead_lettered(Reason("too_long", "item_id: too long"))
    counts.rebalanced("lost")
    assert counts.records_received == 10
    assert dict(counts.records_skipped.items()) == {"tombstone": 1, "too_old": 0}
    assert [each for each in counts.records_dead_lettered.items() if each[1]] == [("too_long", 1)]
    assert dict(counts.rebalances.items()) == {"assigned": 0, "revoked": 0, "lost": 1}


def test_every_reason_and_rule_stands_at_nought_from_the_start() -> None:
    """Else the first burst of a reason begins at its height, and no alert sees it rise."""
    counts = counts_at_now()
    reasons = dict(counts.records_dead_lettered.items())
    assert reasons.keys() == {*KINDS, "refused", "too_old"}
    assert dict(counts.records_skipped.items()).keys() == {"tombstone", "too_old"}
    assert set(reasons.values()) == {0}


def test_each_acknowledged_commit_counts() -> None:
    counts = counts_at_now()
    counts.committed()
    counts.committed()
    assert counts.commits == 2
