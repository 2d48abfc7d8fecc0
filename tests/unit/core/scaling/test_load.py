from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from tests.unit.core.scaling.seen import Seen

if TYPE_CHECKING:
    from worker.core.scaling.load import Load


def load_of(seen: Seen, minutes: float = 3, **rates: float) -> Load:
    load = seen.minutes(minutes, **rates).load
    assert load is not None
    return load


def test_what_arrives_is_what_was_received_and_what_the_log_grew_by() -> None:
    load = load_of(Seen(), received=100, unread=40)
    assert load.arrival_per_second == pytest.approx(140)
    assert load.settled_per_second == pytest.approx(100)


def test_what_is_received_and_not_settled_is_not_settled() -> None:
    seen = Seen()
    for step in range(1, 13):
        load = seen.minutes(0.25, received=100, unsettled_records=600 * step).load
    assert load is not None
    assert load.settled_per_second == pytest.approx(60)
    assert load.backlog_records == 7200


def test_a_stream_that_is_read_half_as_fast_as_it_grows_brings_twice_what_is_received() -> None:
    load = load_of(Seen(unread_records=None, behind_seconds=0.0), received=100, behind=0.5)
    assert load.arrival_per_second == pytest.approx(200)
    assert load.backlog_records == pytest.approx(200 * 90)


def test_a_stream_that_is_caught_up_with_brings_less_than_is_received() -> None:
    load = load_of(Seen(unread_records=None, behind_seconds=900.0), received=100, behind=-1)
    assert load.arrival_per_second == pytest.approx(50)


def test_of_a_stream_that_is_hardly_read_no_more_than_ten_times_as_much_is_believed() -> None:
    load = load_of(Seen(unread_records=None, behind_seconds=0.0), received=100, behind=0.999)
    assert load.arrival_per_second == pytest.approx(1000)


def test_a_log_of_which_nothing_is_known_has_no_backlog() -> None:
    load = load_of(Seen(unread_records=None), received=100)
    assert (load.arrival_per_second, load.backlog_records) == (pytest.approx(100), 0)


def test_the_loop_has_one_core_however_many_there_are() -> None:
    assert load_of(Seen(cores=8.0), cpu=0.7).cpu_ratio == pytest.approx(0.7)


def test_a_limit_below_one_core_is_what_can_be_used() -> None:
    assert load_of(Seen(cores=0.25), cpu=0.2).cpu_ratio == pytest.approx(0.8)


def test_a_loop_that_is_always_late_has_no_cpu_to_spare() -> None:
    assert load_of(Seen(), cpu=0.2, loop_lag_seconds=0.7).cpu_ratio == 1


def test_a_spike_of_the_last_minute_is_not_always() -> None:
    seen = Seen()
    seen.minutes(2, cpu=0.2)
    assert load_of(seen, 1, cpu=0.2, loop_lag_seconds=0.7).cpu_ratio == pytest.approx(0.2)


def test_the_quota_is_what_the_rate_limiter_lets_through() -> None:
    assert load_of(Seen(), calls=200, rate_calls_per_second=250).quota_ratio == pytest.approx(0.8)


def test_throttles_by_chance_are_none() -> None:
    assert not load_of(Seen(), throttled_ratio=0.001).is_throttled
    assert load_of(Seen(), throttled_ratio=0.02).is_throttled


def test_partitions_are_counted_by_the_share() -> None:
    assert load_of(Seen(own_partitions=3, share_ratio=3 / 7)).partitions == 7


def test_a_window_of_seldom_looks_still_makes_a_rate() -> None:
    seen = Seen()
    seen.minutes(0.25)
    for _ in range(2):
        seen.now = structs.replace(
            seen.now, at=seen.now.at + 300, records_received=seen.now.records_received + 30_000
        )
        advice = seen.desired.observe(seen.now)
    assert advice.load is not None
    assert advice.load.arrival_per_second == pytest.approx(100)


@pytest.mark.parametrize("seconds", [0.0, 30.0])
def test_too_little_makes_no_rate(seconds: float) -> None:
    assert Seen().minutes(seconds / 60 + 0.25).load is None


def test_what_was_seen_with_other_partitions_counts_for_nothing() -> None:
    seen = Seen()
    seen.minutes(3, cpu=0.1)
    assert load_of(seen, 1.25, cpu=0.9, own_partitions=4, share_ratio=0.5).cpu_ratio == pytest.approx(0.9)
