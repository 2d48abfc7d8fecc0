from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from tests.unit.core.scaling.seen import LOAD
from worker.core.scaling.demand import CATCH_UP_SECONDS, QUOTA_REACHED, Bound, demand
from worker.core.scaling.load import Load

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

RATIO = st.floats(0, 1)
RATE = st.floats(0, 1e6)


def loads() -> SearchStrategy[Load]:
    return st.builds(
        Load,
        arrival_per_second=RATE,
        settled_per_second=RATE,
        backlog_records=st.floats(0, 1e9),
        cpu_ratio=RATIO,
        quota_ratio=st.floats(0, 3),
        in_flight_ratio=RATIO,
        is_throttled=st.booleans(),
        share_ratio=st.floats(0.001, 1),
        partitions=st.integers(1, 1000),
    )


def needs(**now: object) -> tuple[float, Bound]:
    needed = demand(structs.replace(LOAD, **now))
    return needed.busy_workers, needed.bound


def test_a_quarter_of_the_partitions_is_a_quarter_of_the_work() -> None:
    assert needs() == (pytest.approx(2.4), Bound.CALM)


def test_what_comes_in_and_is_not_done_is_asked_for() -> None:
    assert needs(arrival_per_second=1500, cpu_ratio=1.0) == (pytest.approx(6), Bound.CPU)


def test_a_backlog_is_to_be_worked_off_in_time() -> None:
    backlog = 500 * CATCH_UP_SECONDS + 30 * 1000
    assert needs(backlog_records=backlog) == (pytest.approx(2.4 * 1.5), Bound.CATCHING_UP)


def test_what_a_rebalance_leaves_is_no_backlog() -> None:
    assert needs(backlog_records=29_000) == (pytest.approx(2.4), Bound.CALM)


def test_more_than_the_quota_lets_through_is_not_asked_for() -> None:
    assert needs(backlog_records=1e9, cpu_ratio=1.0, quota_ratio=0.5) == (pytest.approx(8), Bound.CPU)


@pytest.mark.parametrize("now", [{"quota_ratio": QUOTA_REACHED}, {"is_throttled": True}])
def test_where_the_quota_is_the_limit_lag_counts_for_nothing(now: dict[str, object]) -> None:
    assert needs(backlog_records=1e9, arrival_per_second=1e6, **now) == (pytest.approx(2.4), Bound.QUOTA)


def test_a_worker_that_idles_while_records_wait_waits_for_something_else() -> None:
    assert needs(backlog_records=1e6, cpu_ratio=0.2, in_flight_ratio=0.1) == (
        pytest.approx(0.8),
        Bound.ELSEWHERE,
    )


def test_an_api_that_answers_slowly_takes_more_workers() -> None:
    assert needs(in_flight_ratio=0.95) == (pytest.approx(3.8), Bound.IN_FLIGHT)


def test_a_worker_that_catches_up_without_effort_needs_no_help() -> None:
    assert needs(backlog_records=1e6, cpu_ratio=0.3, settled_per_second=2000) == (
        pytest.approx(4 * 0.3),
        Bound.CATCHING_UP,
    )


@given(loads(), st.floats(0, 1e9))
def test_while_the_quota_is_the_limit_more_lag_never_asks_for_more(load: Load, more: float) -> None:
    load = structs.replace(load, quota_ratio=max(load.quota_ratio, QUOTA_REACHED))
    later = structs.replace(load, backlog_records=load.backlog_records + more)
    assert demand(later).busy_workers == demand(load).busy_workers
    assert demand(later).busy_workers <= 1 / load.share_ratio


@given(loads(), RATE)
def test_more_that_comes_in_never_asks_for_less(load: Load, more: float) -> None:
    later = structs.replace(load, arrival_per_second=load.arrival_per_second + more)
    assert demand(later).busy_workers >= demand(load).busy_workers * (1 - 1e-9)


@given(loads(), st.floats(0, 1e9))
def test_more_backlog_never_asks_for_less(load: Load, more: float) -> None:
    later = structs.replace(load, backlog_records=load.backlog_records + more)
    assert demand(later).busy_workers >= demand(load).busy_workers * (1 - 1e-9)


@given(loads())
def test_never_more_than_the_quota_lets_through(load: Load) -> None:
    assume(load.quota_ratio > 0)
    busy = max(load.cpu_ratio, load.in_flight_ratio)
    most = max(1.0, 1 / load.quota_ratio) * busy / load.share_ratio
    assert demand(load).busy_workers <= most * (1 + 1e-9)


@given(loads())
def test_every_load_has_a_demand(load: Load) -> None:
    needed = demand(load)
    assert 0 <= needed.busy_workers < float("inf")
    assert needed.bound in Bound
