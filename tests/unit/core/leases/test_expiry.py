from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.core.leases.expiry import Observations, valid_until
from worker.core.leases.lease import At, Lease

FAILOVER = 10.0
LEASE = Lease(key="s", owner="a", counter=3, checkpoint=At(1))


def test_a_counter_that_stands_still_for_the_failover_time_is_expired() -> None:
    seen = Observations(FAILOVER)
    seen.note([LEASE], 0.0, 0.1)
    seen.note([LEASE], 10.0, 10.1)
    assert not seen.is_expired(LEASE)
    seen.note([LEASE], 10.1, 10.2)
    assert seen.is_expired(LEASE)


def test_a_counter_that_moves_is_not() -> None:
    seen = Observations(FAILOVER)
    for counter in range(10):
        now = 9.0 * counter
        lease = replace(LEASE, counter=counter)
        seen.note([lease], now, now)
        assert not seen.is_free(lease)


def test_a_lease_that_is_seen_for_the_first_time_is_not_expired_however_old_it_may_be() -> None:
    seen = Observations(FAILOVER)
    seen.note([LEASE], 1e9, 1e9)
    assert not seen.is_free(LEASE)


def test_a_lease_without_an_owner_is_free_at_once() -> None:
    seen = Observations(FAILOVER)
    assert seen.is_free(replace(LEASE, owner=None))


def test_a_row_made_anew_that_comes_to_the_same_counter_is_not_expired() -> None:
    seen = Observations(FAILOVER)
    seen.note([LEASE], 0.0, 0.0)
    anew = replace(LEASE, owner="b")
    seen.note([anew], 60.0, 60.0)
    assert not seen.is_expired(anew)


def test_what_is_free_for_three_failover_times_is_neglected() -> None:
    seen = Observations(FAILOVER)
    lease = replace(LEASE, owner=None)
    seen.note([lease], 0.0, 0.0)
    seen.note([lease], 29.0, 29.0)
    assert not seen.is_neglected(lease)
    seen.note([lease], 30.0, 30.0)
    assert seen.is_neglected(lease)


@given(
    sent=st.floats(0, 100),
    applied_after=st.floats(0, 5),
    looks=st.lists(st.tuples(st.floats(0, 9), st.floats(0, 5), st.floats(0, 1)), min_size=1, max_size=8),
)
def test_the_owner_always_stops_before_any_other_thinks_it_expired(
    sent: float, applied_after: float, looks: list[tuple[float, float, float]]
) -> None:
    """Whenever others look, and however long any call takes, on clocks of one speed."""
    seen = Observations(FAILOVER)
    now = applied = sent + applied_after
    for pause, takes, part in looks:
        began = now + pause
        answered = began + takes
        read = began + takes * part
        assert read >= applied
        seen.note([LEASE], began, answered)
        if seen.is_expired(LEASE):
            assert answered >= valid_until(sent, FAILOVER) - 1e-9
        now = answered


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e6])
def test_only_differences_of_one_clock_count(offset: float) -> None:
    seen = Observations(FAILOVER)
    seen.note([LEASE], offset, offset)
    seen.note([LEASE], offset + 11, offset + 11)
    assert seen.is_expired(LEASE)
