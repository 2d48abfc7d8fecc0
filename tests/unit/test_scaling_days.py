"""The played days are what they say: the HPA is Kubernetes', nothing is lost, and ours does not flap."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from benchmarks.scaling import average
from benchmarks.scaling.autoscalers import Behavior, Fixed, Hpa, Ours, by_cpu, by_lag
from benchmarks.scaling.day import DAY, HOUR, SCENARIOS, Arrivals, Scenario
from benchmarks.scaling.group import Group
from benchmarks.scaling.picture import LINES, draw
from benchmarks.scaling.play import Outcome, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.scaling.autoscalers import Policy

QUOTA = SCENARIOS[0]
CPU = SCENARIOS[1]
EAGER = SCENARIOS[2]


def test_what_comes_in_is_delivered_or_waits() -> None:
    group, came = Group(QUOTA, 3), 0.0
    for step in range(500):
        group.scale(2 + step // 100, step * 5.0)
        group.step(step * 5.0, 90_000.0, is_away=200 < step < 250)
        came += 90_000.0
    assert group.waiting + sum(pod.records for pod in group.pods) == pytest.approx(came)


def test_the_quota_is_never_exceeded() -> None:
    group = Group(QUOTA, 4)
    group.step(0.0, 1e7, is_away=False)
    assert sum(pod.calls for pod in group.pods) <= QUOTA.quota_calls * 5 + 1e-6
    assert group.is_throttled


@pytest.mark.parametrize("protocol", ["cooperative", "eager"])
def test_after_a_rebalance_each_partition_has_one_owner(protocol: str) -> None:
    group = Group(structs.replace(QUOTA, protocol=protocol), 2)
    for step, pods in enumerate([2, 5, 12, 3, 1, 7] * 3):
        group.scale(pods, step * 100.0)
        group.step(step * 100.0 + 60, 100.0, is_away=False)
        owned = Counter(id(log) for pod in group.members for log in pod.logs)
        assert set(owned) == {id(log) for log in group.logs}
        assert set(owned.values()) == {1}
        counts = [len(pod.logs) for pod in group.members]
        assert max(counts) - min(counts) <= 1


def test_who_is_eager_stops_everybody_and_who_cooperates_those_that_move() -> None:
    stopped = {}
    for scenario in (CPU, EAGER):
        group = Group(scenario, 3)
        group.step(0.0, 0.0, is_away=False)
        group.scale(4, 0.0)
        group.step(60.0, 0.0, is_away=False)
        stopped[scenario.protocol] = sum(log.stopped_until > 60 for log in group.logs)
    assert stopped == {"cooperative": 3, "eager": 12}


@pytest.mark.parametrize(
    ("current", "figure", "pods"),
    [
        (4, 4.3, 4),  # within a tenth
        (4, 4.5, 5),
        (4, 40.0, 8),  # doubled in 15 seconds, or four more
        (2, 40.0, 6),
        (4, 0.0, 2),  # never fewer than two here
        (10, 99.0, 12),  # nor more than there are partitions
    ],
)
def test_the_hpa_is_that_of_kubernetes(current: int, figure: float, pods: int) -> None:
    assert Hpa(lambda *_: figure).pods(Group(QUOTA, current), 0.0, is_away=False) == pods


def test_the_hpa_falls_to_the_most_that_was_recommended_within_its_window() -> None:
    figures, group = iter([6.0, *[3.0] * 40]), Group(QUOTA, 6)
    hpa, seen = Hpa(lambda *_: next(figures), Behavior(fall_window_seconds=300)), []
    for step in range(30):
        group.scale(hpa.pods(group, step * 15.0, is_away=False), step * 15.0)
        seen.append(len(group.pods))
    assert seen == [6] * 21 + [3] * 9


def test_the_load_of_a_day_is_always_the_same_and_has_its_peaks() -> None:
    one, other = Arrivals(QUOTA), Arrivals(QUOTA)
    day = [one.per_second(at) for at in range(0, int(DAY), 600)]
    assert day == [other.per_second(at) for at in range(0, int(DAY), 600)]
    assert max(day) == pytest.approx(QUOTA.peak_records, rel=0.1)
    assert min(day) < 0.2 * QUOTA.peak_records


@settings(max_examples=8)
@given(st.floats(500, 25_000), st.sampled_from([500.0, 1000.0, 10_000.0]), st.sampled_from([0.1, 0.2, 0.5]))
def test_under_a_load_that_stays_ours_comes_to_rest(per_second: float, quota: float, cores: float) -> None:
    scenario = Scenario(name="steady", peak_records=per_second, quota_calls=quota, cores=cores)
    outcome = play(scenario, Ours(average), hours=2.5, per_second=lambda _: per_second)
    assert len({point.pods for point in outcome.points if point.hour > 1.5}) == 1


def pods_of(outcome: Outcome, since: float, until: float) -> list[int]:
    return [point.pods for point in outcome.points if since < point.hour < until]


def test_while_the_api_is_away_ours_changes_nothing_and_lag_asks_for_all() -> None:
    scenario = Scenario(name="away", peak_records=0, outage=(0.5, 1.5))
    ours = play(scenario, Ours(average), hours=1.5, per_second=lambda _: 2_000.0)
    assert len(set(pods_of(ours, 0.4, 1.5))) == 1
    lag = play(scenario, by_lag(10_000), hours=1.5, per_second=lambda _: 2_000.0)
    assert max(pods_of(lag, 0.6, 1.5)) == 12


def test_where_the_quota_is_the_limit_ours_asks_for_no_more_and_sends_as_much() -> None:
    scenario = structs.replace(QUOTA, cores=0.5)
    ours = play(scenario, Ours(average), hours=2, per_second=lambda _: 15_000.0)
    lag = play(scenario, by_lag(10_000), hours=2, per_second=lambda _: 15_000.0)
    assert (ours.most_pods, lag.most_pods) == (2, 12)
    assert ours.left_records == pytest.approx(lag.left_records, rel=0.02)


@cache
def evening(policy: Callable[[], Policy]) -> Outcome:
    """The evening of the CPU-bound day, from four o'clock on."""
    arrivals = Arrivals(CPU)
    return play(CPU, policy(), hours=7, per_second=lambda at: arrivals.per_second(at + 16 * HOUR))


def ours() -> Policy:
    return Ours(average)


def test_ours_has_less_than_half_of_the_rebalances_that_cpu_has_in_the_evening() -> None:
    assert 3 <= evening(ours).rebalances <= evening(by_cpu).rebalances / 2
    assert evening(ours).max_seconds <= 60


def test_no_pod_comes_to_go_again_within_minutes() -> None:
    steps = [
        (after.hour, after.pods > before.pods)
        for before, after in pairwise(evening(ours).points)
        if before.pods != after.pods
    ]
    turns = [later - earlier for (earlier, up), (later, more) in pairwise(steps) if up != more]
    assert turns
    assert all(hours > 10 / 60 for hours in turns)


def test_a_day_is_drawn_with_every_line_and_when_the_api_was_away() -> None:
    outcome = play(QUOTA, Fixed(2), hours=1)
    drawn = draw({"a day": dict.fromkeys(LINES, outcome)}, "Pods", {"a day": (0.2, 0.7)})
    assert all(f'class="line {line}"' in drawn for line, _ in LINES.values())
    assert drawn.count('class="away"') == 1
    assert "nan" not in drawn
