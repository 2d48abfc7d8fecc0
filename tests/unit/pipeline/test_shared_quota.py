"""Pods share a quota without talking: most of it is used, little is throttled, nobody starves."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.samples import sample
from tests.support.shared_quota import LIMITS, STRANGER, Api, Pod, pods, stranger
from tests.support.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.support.shared_quota import Demand

pytestmark = pytest.mark.slow

QUOTA = 300.0
THIRD = QUOTA / 3

every_limit = pytest.mark.parametrize("limit", LIMITS)
A_TENTH, A_SECOND, WINDOW = LIMITS


def steady(calls_per_second: float) -> Demand:
    return lambda _: calls_per_second


MORE_THAN_ALL = steady(3 * QUOTA)
# 95 % of the traffic, which is twice the quota, is one pod's.
HOT = (steady(570), steady(15), steady(15))


async def _nothing(_: Api, __: list[Pod]) -> None:
    pass


def played(  # noqa: PLR0913  each is what some scenario is about
    limit: str,
    demands: Sequence[Demand],
    seconds: float,
    *,
    shares: Sequence[float] | None = None,
    beside: Demand | None = None,
    noise: float = 0.0,
    meanwhile: Callable[[Api, list[Pod]], Awaitable[None]] = _nothing,
) -> Api:
    """The API's books after so many seconds; ``meanwhile`` may take part of them."""

    # Tenacity's jitter comes from the module's own generator.
    random.seed(2)

    async def scenario() -> Api:
        api = Api(LIMITS[limit](QUOTA), noise=noise)
        others = asyncio.create_task(stranger(api, beside or steady(0)))
        async with pods(api, QUOTA, demands, shares=shares) as all_pods:
            await meanwhile(api, all_pods)
            await asyncio.sleep(seconds - asyncio.get_running_loop().time())
        others.cancel()
        return api

    return in_virtual_time(scenario())


@every_limit
def test_an_even_load_uses_the_quota_and_hardly_a_call_is_throttled(limit: str) -> None:
    api = played(limit, [MORE_THAN_ALL] * 3, 50)
    assert api.accepted_per_second(1, 10) > 0.95 * QUOTA
    assert api.accepted_per_second(10, 50) > 0.97 * QUOTA
    assert api.throttled(10, 50) < 0.01
    for name in ("pod0", "pod1", "pod2"):
        assert api.accepted_per_second(10, 50, name) > 0.85 * THIRD


@every_limit
def test_a_hot_pod_uses_what_the_others_leave(limit: str) -> None:
    api = played(limit, HOT, 50)
    assert api.accepted_per_second(10, 50) > 0.95 * QUOTA
    assert api.throttled(10, 50) < 0.01
    for name in ("pod1", "pod2"):
        assert api.accepted_per_second(10, 50, name) > 0.95 * 15


def test_what_others_leave_is_found_within_ten_seconds() -> None:
    api = played(A_TENTH, HOT, 12)
    assert api.accepted_per_second(9, 12) > 0.9 * QUOTA


def test_a_pod_alone_uses_the_quota() -> None:
    api = played(WINDOW, [MORE_THAN_ALL], 30)
    assert api.accepted_per_second(1, 30) > 0.96 * QUOTA
    assert api.throttled(0, 30) < 0.005


def test_ten_pods_use_the_quota_evenly() -> None:
    api = played(A_TENTH, [MORE_THAN_ALL] * 10, 50)
    assert api.accepted_per_second(10, 50) > 0.97 * QUOTA
    assert api.throttled(10, 50) < 0.015


def test_one_of_ten_pods_uses_nearly_all() -> None:
    api = played(A_SECOND, [MORE_THAN_ALL, *[steady(2)] * 9], 45)
    assert api.accepted_per_second(15, 45) > 0.95 * QUOTA
    assert api.throttled(15, 45) < 0.01


@every_limit
def test_an_idle_pod_that_wakes_up_has_its_share_within_seconds(limit: str) -> None:
    def late(now: float) -> float:
        return 3 * QUOTA if now > 30 else 0

    api = played(limit, [MORE_THAN_ALL, late, steady(5)], 50)
    # Nearly all of it at once, and all but a few per cent after.
    assert api.accepted_per_second(30, 33, "pod1") > 0.7 * THIRD
    assert api.accepted_per_second(33, 50, "pod1") > (0.7 if limit == WINDOW else 0.9) * THIRD
    assert api.accepted_per_second(33, 50) > (0.75 if limit == WINDOW else 0.9) * QUOTA
    # What it costs: some calls in the seconds after it woke.
    assert api.throttled(30, 35) < 0.2
    # Within a window all calls or none are throttled: 6 % with some seeds of the jitter.
    assert api.throttled(35, 50) < (0.08 if limit == WINDOW else 0.05)


@every_limit
def test_a_stranger_who_takes_two_fifths_gets_them_and_the_rest_is_used(limit: str) -> None:
    api = played(limit, [MORE_THAN_ALL] * 3, 50, beside=steady(0.4 * QUOTA))
    assert api.accepted_per_second(10, 50) > 0.95 * QUOTA
    assert api.accepted_per_second(10, 50, STRANGER) > 0.95 * 0.4 * QUOTA
    assert api.throttled(10, 50) < 0.02
    for name in ("pod0", "pod1", "pod2"):
        assert api.accepted_per_second(10, 50, name) > 0.5 * 0.6 * THIRD


def test_a_stranger_in_bursts_gets_most_of_them() -> None:
    """Five seconds of two fifths, five of nothing: what he leaves between is used for the most part."""
    burst: Demand = lambda now: 0.4 * QUOTA if now % 10 < 5 else 0  # noqa: E731  a value, as the others are
    api = played(A_SECOND, [MORE_THAN_ALL] * 3, 50, beside=burst)
    assert api.accepted_per_second(10, 50) > 0.75 * QUOTA
    assert api.accepted_per_second(10, 50, STRANGER) > 0.85 * 0.2 * QUOTA
    assert api.throttled(10, 50) < 0.12


def test_two_groups_that_each_think_the_quota_is_theirs_come_to_share_it() -> None:
    api = played(A_TENTH, [MORE_THAN_ALL] * 2, 45, shares=[1.0, 1.0])
    assert api.accepted_per_second(10, 45) > 0.95 * QUOTA
    assert api.throttled(10, 45) < 0.04
    assert min(api.accepted_per_second(10, 45, name) for name in ("pod0", "pod1")) > 0.3 * QUOTA


def test_throttling_that_has_nothing_to_do_with_the_rate_leaves_a_third_of_it() -> None:
    api = played(A_SECOND, [MORE_THAN_ALL] * 3, 50, noise=0.05)
    assert api.accepted_per_second(20, 50) > 0.3 * QUOTA
    for name in ("pod0", "pod1", "pod2"):
        assert api.accepted_per_second(20, 50, name) > 0.25 * THIRD


def test_after_a_long_outage_the_quota_is_used_again_within_seconds() -> None:
    async def outage(api: Api, _: list[Pod]) -> None:
        api.is_out = True
        await asyncio.sleep(120)
        api.is_out = False

    api = played(A_SECOND, [MORE_THAN_ALL] * 3, 160, meanwhile=outage)
    assert api.accepted_per_second(0, 120) == 0
    # Tried again rarely, but tried.
    assert 1 < len([call for call in api.calls if 60 <= call.at < 120]) / 60 < 0.1 * QUOTA
    assert api.accepted_per_second(135, 160) > 0.95 * QUOTA
    assert api.throttled(135, 160) < 0.1


def test_pods_come_and_go_and_the_quota_stays_used() -> None:
    async def change(_: Api, group: list[Pod]) -> None:
        for count in (3, 2, 1, 2, 3):
            for number, pod in enumerate(group):
                pod.permits.set_share(1 / count if number < count else 0.0)
            await asyncio.sleep(10)

    api = played(A_TENTH, [MORE_THAN_ALL] * 3, 51, meanwhile=change)
    assert api.accepted_per_second(1, 50) > 0.95 * QUOTA
    assert api.throttled(10, 50) < 0.02


@settings(
    max_examples=sample(2, 6),
    deadline=None,
    # An example takes a second: shrinking would take minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    # As the jitter is seeded: how long a pod may starve is a matter of chance, and a test is not.
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    limit=st.sampled_from(sorted(LIMITS)),
    shares=st.lists(st.floats(0.02, 1.0), min_size=1, max_size=4),
    noise=st.sampled_from([0.0, 0.02, 0.1]),
    busy=st.lists(st.booleans(), min_size=6, max_size=6),
    out_seconds=st.floats(0, 20),
)
def test_whatever_happens_no_pod_is_above_the_quota_or_stuck(
    limit: str, shares: list[float], noise: float, busy: list[bool], out_seconds: float
) -> None:
    def demand(number: int) -> Demand:
        return lambda now: 2 * QUOTA if now > 30 or busy[(int(now / 10) + number) % 6] else 0

    async def outage(api: Api, _: list[Pod]) -> None:
        await asyncio.sleep(5)
        api.is_out = True
        await asyncio.sleep(out_seconds)
        api.is_out = False

    names = [f"pod{number}" for number in range(len(shares))]
    parts = [share / sum(shares) for share in shares]
    demands = [demand(number) for number in range(len(shares))]
    api = played(limit, demands, 50, shares=parts, noise=noise, meanwhile=outage)
    for name, share in zip(names, parts, strict=True):
        # The gate's burst is a twentieth of a second; answers take up to 0.075 s, so calls may bunch by that.
        assert api.most_in_a_second(name) <= QUOTA * (1 + 0.05 + 0.075) + 2
        assert api.accepted_per_second(40, 50, name) > 0.05 * share * QUOTA
