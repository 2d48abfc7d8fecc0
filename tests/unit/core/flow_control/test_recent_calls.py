"""What the calls of the last minute came to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.flow_control.recent_calls import RecentCalls


def test_without_calls_nothing_failed() -> None:
    recent = RecentCalls()
    assert (recent.count(5.0), recent.failed_part(5.0), recent.throttled_part(5.0)) == (0, 0, 0)
    assert (recent.most_failed(5.0), recent.most_failed_code(5.0)) == (None, "")


def test_parts_are_of_all_calls() -> None:
    recent = RecentCalls()
    for _ in range(7):
        recent.failed("Http503", 0.0)
    recent.throttled("ThrottlingException", 5.0)
    recent.came_through(9.0)
    recent.came_through(12.0)
    assert recent.count(20.0) == 10
    assert recent.failed_part(20.0) == pytest.approx(0.7)
    assert recent.throttled_part(20.0) == pytest.approx(0.1)


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    recent = RecentCalls()
    recent.failed("Http503", 0.0)
    recent.came_through(30.0)
    assert recent.failed_part(59.0) == 0.5
    assert (recent.failed_part(61.0), recent.count(61.0), recent.count(100.0)) == (0, 1, 0)


def test_the_cause_is_what_most_calls_fail_with_now() -> None:
    recent = RecentCalls()
    for second in range(10):
        recent.failed("DnsFailure", second)
    recent.failed("ConnectTimeout", 9.9)
    assert recent.most_failed(9.9) == ("DnsFailure", False)
    for second in range(40, 43):
        recent.throttled("ThrottlingException", second)
    assert recent.most_failed(43.0) == ("ThrottlingException", True)
    assert recent.most_failed_code(43.0) == "DnsFailure"


@given(st.lists(st.text(max_size=5), max_size=300))
def test_however_many_codes_there_are_only_so_many_are_kept_and_every_call_counts(codes: list[str]) -> None:
    recent = RecentCalls()
    for code in codes:
        recent.failed(code, 1.0)
    assert recent.count(1.0) == len(codes)
    assert recent.failed_part(1.0) == (1.0 if codes else 0.0)
    assert all(len(each.failed) <= 21 for each in recent._slices)  # noqa: SLF001  its memory
