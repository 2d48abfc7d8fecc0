from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.core.leases.handover import (
    given_up_at,
    is_asked_of,
    is_awaited_by,
    is_of_one_kind,
    is_under_way,
    owner_until_handed_over,
    taken_at,
)
from worker.core.leases.lease import At, Lease
from worker.core.leases.writes import asked_for

LEASE = Lease(key="s", owner="a", counter=3, checkpoint=At(1))


def test_who_is_asked_still_writes_and_who_asked_waits() -> None:
    asked = asked_for(LEASE, "b")
    assert owner_until_handed_over(asked) == "a"
    assert is_under_way(asked)
    assert is_asked_of(asked, "a")
    assert not is_asked_of(asked, "b")
    assert is_awaited_by(asked, "b")
    assert not is_awaited_by(asked, "a")


def test_a_lease_that_nobody_asks_for_is_not_under_way() -> None:
    assert not is_under_way(LEASE)
    assert owner_until_handed_over(LEASE) == "a"


def test_only_workers_of_this_kind_are_asked() -> None:
    assert is_of_one_kind("personalize-worker/pod-1/x", "personalize-worker/pod-2/y")
    assert not is_of_one_kind("personalize-worker/pod-1/x", "personalize-worker-2")
    assert not is_of_one_kind("personalize-worker/pod-1/x", "10.0.0.1:5f2a")
    assert not is_of_one_kind("plain", "plain")


@given(write=st.floats(0, 1e6), later=st.floats(0, 60), failover=st.floats(1, 600))
def test_the_owner_gives_up_before_the_lease_is_taken(write: float, later: float, failover: float) -> None:
    """The request comes after the owner's last write that did not see it, whenever that was sent."""
    assert given_up_at(write) < taken_at(write + later, failover)
