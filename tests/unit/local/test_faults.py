"""The plan of faults and its dice."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.local.faults import Faults, TokenBucket


def dice(seed: int = 1) -> Random:
    return Random(seed)  # noqa: S311  faults, not secrets


def test_without_a_plan_nothing_happens() -> None:
    random = dice()
    assert {Faults().fate(random) for _ in range(100)} == {None}


def test_each_fate_is_met_as_often_as_planned() -> None:
    plan = Faults(throttle=0.1, fail=0.2, reset=0.1, lose=0.3, silence=0.1)
    random = dice()
    met = Counter(plan.fate(random) for _ in range(10_000))
    planned = {"throttle": 0.1, "fail": 0.2, "reset": 0.1, "lose": 0.3, "silence": 0.1, None: 0.2}
    assert {fate: round(count / 10_000, 1) for fate, count in met.items()} == planned


def test_the_same_seed_gives_the_same_fates() -> None:
    plan = Faults(throttle=0.5)
    first, second = dice(7), dice(7)
    assert [plan.fate(first) for _ in range(50)] == [plan.fate(second) for _ in range(50)]


@pytest.mark.parametrize("chances", [{"fail": -0.1}, {"fail": 0.6, "lose": 0.6}])
def test_probabilities_that_are_none_are_refused(chances: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="sum up to 1"):
        Faults(**chances)


def test_a_change_leaves_the_rest_of_the_plan_alone() -> None:
    plan = Faults(access_key="a", throttle=0.1).changed(b'{"throttle": 0.2}')
    assert plan == Faults(access_key="a", throttle=0.2)


@pytest.mark.parametrize(
    "change", [b'{"thrott1e": 1}', b'{"throttle": "1"}', b'{"throttle": 2}', b"[", b"[]"]
)
def test_a_change_that_is_none_is_refused(change: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        Faults().changed(change)


@given(
    st.lists(st.floats(0, 0.5), min_size=1, max_size=200),
    st.floats(0.5, 100),
    st.floats(1, 50),
)
def test_a_bucket_never_gives_more_than_its_burst_and_its_rate(
    waits: list[float], rate: float, burst: float
) -> None:
    bucket, now, taken = TokenBucket(rate, burst, 0), 0.0, 0
    for wait in waits:
        now += wait
        taken += bucket.take(now)
        assert taken <= burst + rate * now + 1e-6
