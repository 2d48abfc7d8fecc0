"""When a record is too old."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import record
from worker.core.batching.age_limit import AgeLimit
from worker.core.model.dead_letter_headers import ORIGINAL_TOPIC

NOW = 1_700_000_000.0
LIMIT = AgeLimit(60.0, "dead_letter")
OLD_MS = 1_000_000_000_000


def test_a_record_is_too_old_above_the_limit() -> None:
    assert not LIMIT.is_exceeded_by(record(timestamp_ms=int(1000 * NOW) - 60_000), NOW)
    assert LIMIT.is_exceeded_by(record(timestamp_ms=int(1000 * NOW) - 60_001), NOW)


def test_a_record_without_a_timestamp_is_never_too_old() -> None:
    assert not LIMIT.is_exceeded_by(record(timestamp_ms=None), NOW)


@given(ahead_ms=st.integers(0, 10**15))
def test_a_record_from_the_future_is_never_too_old(ahead_ms: int) -> None:
    assert not LIMIT.is_exceeded_by(record(timestamp_ms=int(1000 * NOW) + ahead_ms), NOW)


@given(
    timestamp_ms=st.sampled_from([-(2**63), -62_135_596_800_000, -1, 0, int(NOW)])
    | st.integers(-(2**63), 10**11 - 1)
)
def test_a_timestamp_that_can_be_none_is_never_too_old(timestamp_ms: int) -> None:
    """Kafka's -1, a zero, the first moment of .NET, seconds instead of milliseconds."""
    assert not LIMIT.is_exceeded_by(record(timestamp_ms=timestamp_ms), NOW)


def test_a_dead_letter_that_was_replayed_is_never_too_old() -> None:
    """Else it would go round in circles."""
    headers = (("source", b"web"), (ORIGINAL_TOPIC, b"interactions"))
    assert not LIMIT.is_exceeded_by(record(timestamp_ms=OLD_MS, headers=headers), NOW)
    assert LIMIT.is_exceeded_by(record(timestamp_ms=OLD_MS, headers=headers[:1]), NOW)


def test_without_a_limit_nothing_is_too_old() -> None:
    assert not AgeLimit(float("inf"), "skip").is_exceeded_by(record(timestamp_ms=OLD_MS), NOW)


def test_the_reason_names_rule_and_limit_and_nothing_of_the_record() -> None:
    reason = AgeLimit(3600.0, "dead_letter").reason()
    assert reason.kind == "too_old"
    assert reason.text == "older than limits.max_age_seconds, 3600, when its turn came"
