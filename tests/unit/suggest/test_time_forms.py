"""How times are written, found by reading them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.mapping.grammar.patterns import check_pattern
from worker.suggest.time_forms import PATTERNS, patterns_of, units_of

MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis adds the zone


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pattern_is_one_that_a_mapping_takes(pattern: str) -> None:
    assert check_pattern(pattern) == pattern


@given(moment=MOMENTS, pattern=st.sampled_from(PATTERNS))
def test_a_time_that_is_written_by_a_pattern_is_found_by_it(moment: datetime, pattern: str) -> None:
    assert pattern in patterns_of([moment.strftime(pattern)])


def test_several_values_tell_a_day_from_a_month() -> None:
    assert patterns_of(["03/04/2026"]) == ["%d/%m/%Y", "%m/%d/%Y"]
    assert patterns_of(["03/04/2026", "27/04/2026"]) == ["%d/%m/%Y"]


def test_a_number_is_of_one_unit() -> None:
    assert units_of([1_795_770_000, 1_795_770_001]) == ["seconds"]
    assert units_of(["1795770000000"]) == ["milliseconds"]
    assert units_of(["2026-11-27T09:00:00Z"]) == ["iso8601"]
    assert units_of([1_795_770_000, 1_795_770_000_000]) == units_of([]) == units_of([True]) == []


def test_what_is_no_time_has_no_form() -> None:
    assert patterns_of([]) == patterns_of([None]) == patterns_of(["view"]) == patterns_of([True]) == []
