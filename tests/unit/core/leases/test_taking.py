"""Fair shares, by the KCL's rules."""

from __future__ import annotations

from collections import Counter
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.core.leases.expiry import Observations
from worker.core.leases.lease import Lease, Sentinel
from worker.core.leases.taking import Choice, choose, left_over
from worker.core.leases.writes import asked_for, taken

FAILOVER = 10.0
ME = "worker/me/1"


def leases(*owners: str | None) -> list[Lease]:
    return [
        Lease(key=f"shard-{place}", owner=owner, counter=1, checkpoint=Sentinel.TRIM_HORIZON)
        for place, owner in enumerate(owners)
    ]


def seen(rows: list[Lease], expired: frozenset[str] = frozenset(), seconds: float = 10.0) -> Observations:
    """All were just seen for the first time, but the expired ones long before."""
    observations = Observations(FAILOVER)
    observations.note([row for row in rows if row.key in expired], 0.0, 0.0)
    observations.note(rows, seconds, seconds)
    return observations


def chosen(
    rows: list[Lease], expired: frozenset[str] = frozenset(), seconds: float = 10.0, worker_id: str = ME
) -> Choice:
    places = count()
    return choose(rows, seen(rows, expired, seconds), worker_id=worker_id, draw=lambda: float(next(places)))


def test_who_is_alone_takes_all_that_nobody_has() -> None:
    rows = leases(None, None, None)
    assert chosen(rows).take == tuple(rows)


def test_what_expired_counts_as_free_and_its_owner_as_gone() -> None:
    rows = leases("worker/gone/1", "worker/gone/1", ME)
    assert chosen(rows, frozenset({"shard-0", "shard-1"})).take == tuple(rows[:2])


def test_no_more_than_the_share_is_taken() -> None:
    rows = leases(None, None, None, "worker/b/1", "worker/b/1", ME)
    # Six leases, two workers: three each.
    assert len(chosen(rows).take) == 2


def test_what_is_neglected_is_taken_beyond_the_share() -> None:
    rows = leases(None, "worker/b/1", ME)
    rows[0] = replace(rows[0], owner=None)
    assert chosen(rows, frozenset({"shard-0"}), seconds=31.0).take == (rows[0],)


def test_one_is_asked_for_at_a_time_of_who_has_the_most() -> None:
    choice = chosen(leases("worker/b/1", "worker/b/1", "worker/b/1", "worker/c/1"))
    assert choice.ask_for is not None
    assert choice.ask_for.owner == "worker/b/1"
    assert not choice.take


def test_workers_of_another_kind_are_not_asked() -> None:
    choice = chosen(leases("kcl-1", "kcl-1"))
    assert choice.ask_for is None
    assert choice.steal is not None


def test_nothing_is_moved_while_something_is_free() -> None:
    choice = chosen(leases("worker/b/1", "worker/b/1", "worker/b/1", None))
    assert choice.ask_for is None
    assert len(choice.take) == 1


def test_nothing_more_is_asked_for_while_one_is_awaited() -> None:
    rows = leases(*["worker/b/1"] * 4)
    rows[0] = asked_for(rows[0], ME)
    assert chosen(rows) == Choice()


def test_what_is_on_its_way_to_another_is_not_asked_for() -> None:
    rows = leases("worker/b/1", "worker/b/1")
    rows = [asked_for(row, "worker/c/1") for row in rows]
    assert chosen(rows) == Choice()


def test_a_hand_over_that_kcl_2_broke_into_is_none_any_more() -> None:
    """It takes the lease and leaves the checkpoint owner. Between two of KCL 3's own it is one."""
    rows = [replace(each, checkpoint_owner="worker/b/1") for each in leases("kcl", "kcl", "kcl")]
    assert chosen(rows) == Choice(steal=rows[0])
    assert taken(rows[0], ME).checkpoint_owner is None
    assert chosen([replace(each, checkpoint_owner="kcl-2") for each in rows]) == Choice()


def test_from_one_with_its_share_a_lease_is_moved_only_if_two_are_missing() -> None:
    # Four leases, three workers, a share of two.
    assert chosen(leases("worker/b/1", "worker/b/1", "worker/c/1", "worker/c/1")).ask_for is not None
    assert chosen(leases("worker/b/1", "worker/b/1", "worker/c/1", ME)).ask_for is None


def test_what_is_ones_own_by_the_table_is_left_over() -> None:
    rows = leases(ME, ME, "worker/b/1", None)
    rows.append(asked_for(replace(rows[2], key="awaited"), ME))
    found = left_over(rows, seen(rows), worker_id=ME, held={"shard-0"})
    assert found == (rows[1],)


def test_what_is_awaited_of_one_that_is_gone_is_left_over() -> None:
    awaited = asked_for(leases("worker/b/1")[0], ME)
    observations = seen([awaited], frozenset({awaited.key}))
    assert left_over([awaited], observations, worker_id=ME, held=()) == (awaited,)


@pytest.mark.parametrize("kind", ["worker/{}/1", "kcl-{}"])
@given(size=st.integers(1, 20), workers=st.integers(1, 6), seed=st.integers(0, 2**20))
def test_shares_are_always_balanced_within_one_in_the_end(
    kind: str, size: int, workers: int, seed: int
) -> None:
    """Whoever looks next, and whatever they draw."""
    random = Random(seed)  # noqa: S311  chance, not a secret
    names = [kind.format(place) for place in range(workers)]
    rows = leases(*[random.choice([None, *names]) for _ in range(size)])
    for _ in range(4 * size * workers + 4 * workers):
        me = random.choice(names)
        choice = choose(rows, seen(rows), worker_id=me, draw=random.random)
        moved = (*choice.take, *(each for each in (choice.ask_for, choice.steal) if each is not None))
        keys = {lease.key for lease in moved}
        rows = [taken(row, me) if row.key in keys else row for row in rows]
    loads = Counter(dict.fromkeys(names, 0))
    loads.update(row.owner for row in rows if row.owner is not None)
    assert sum(loads.values()) == size
    assert max(loads.values()) - min(loads.values()) <= 1
    # And it stays so.
    for name in names:
        assert choose(rows, seen(rows), worker_id=name, draw=random.random) == Choice()
