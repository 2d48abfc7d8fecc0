"""How much of the quota a pod uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from worker.core.flow_control.adaptive_rate import AdaptiveRate

if TYPE_CHECKING:
    from collections.abc import Callable


def pace(share: float = 1.0, quota: float = 1000) -> AdaptiveRate:
    made = AdaptiveRate(quota)
    made.set_share(share, 0.0)
    return made


def never(_: int) -> bool:
    return False


def run(
    made: AdaptiveRate,
    begin: float,
    seconds: float,
    throttled: Callable[[int], bool] = never,
    *,
    calls_per_second: float | None = None,
) -> float:
    """Send at the whole rate, or at so many calls a second, each answered at once; gives the end."""
    now, number = begin, 0
    while now < begin + seconds:
        if calls_per_second is None:
            made.want()
        made.sent(now)
        made.answered(now, now, throttled=throttled(number))
        number += 1
        now += 1 / (calls_per_second or made.rate)
    return now


def part(percent: int) -> Callable[[int], bool]:
    """That part of the calls, evenly."""
    return lambda number: (number * percent) % 100 < percent


def test_a_pod_begins_with_its_share() -> None:
    made = pace(0.25)
    run(made, 0.0, 1.0)
    assert made.rate == 250


def test_what_nobody_throttles_is_borrowed_up_to_the_whole_quota() -> None:
    made = pace(0.25)
    run(made, 0.0, 12.0)
    assert made.rate == 1000
    assert made.borrowed == 750


def test_calls_that_are_not_answered_show_nothing_to_borrow() -> None:
    made, now = pace(0.25), 0.0
    while now < 20:
        made.want()
        made.sent(now)
        now += 1 / made.rate
    assert made.borrowed == 0


def test_who_uses_less_than_its_share_borrows_nothing_however_long() -> None:
    made = pace(0.25)
    run(made, 0.0, 100.0, calls_per_second=200)
    assert made.borrowed == 0


def test_what_was_borrowed_and_is_not_used_is_given_back() -> None:
    made = pace(0.25)
    now = run(made, 0.0, 12.0)
    run(made, now, 3.0, calls_per_second=100)
    assert made.borrowed == 0


def test_a_throttle_costs_what_is_borrowed_and_leaves_the_share_nearly_whole() -> None:
    made = pace(0.25)
    now = run(made, 0.0, 12.0)
    run(made, now, 1.5, part(40))
    assert 240 < made.rate < 400


def test_who_keeps_within_its_share_waits_a_round_for_the_others_to_step_down() -> None:
    made = pace(0.25)
    run(made, 0.0, 1.1, part(10))
    assert made.rate == 250


def test_who_keeps_within_its_share_steps_down_when_throttling_goes_on() -> None:
    made = pace()
    run(made, 0.0, 3.0, part(20))
    assert 700 < made.rate < 850


def test_the_first_throttles_are_not_answered_by_more_than_one_step() -> None:
    """Calls that were on their way at the step down say nothing new."""
    made = pace()
    now = run(made, 0.0, 3.0, part(20))
    rate = made.rate
    for late in range(100):
        made.answered(0.5, now + 2 + late / 100, throttled=True)
    assert made.rate == rate


def test_a_rate_far_too_high_is_left_within_two_seconds() -> None:
    made = pace()
    run(made, 0.0, 2.1, part(90))
    assert made.rate < 150


def test_the_same_ceiling_found_again_is_tried_less_often() -> None:
    """The API takes 600 a second; each try beyond costs throttles."""
    made, now, tries = pace(0.25), 0.0, []
    while now < 120:
        before = made.rate
        now = run(made, now, 0.1, lambda number: made.rate > 600 and number % 10 == 0)
        if made.rate < before:
            tries.append(now)
    assert tries[1] - tries[0] < 15
    assert tries[-1] - tries[-2] > 20
    assert made.rate > 500


def test_after_long_throttling_the_whole_rate_is_back_within_seconds() -> None:
    made = pace()
    now = run(made, 0.0, 100.0, lambda _: True)
    assert made.rate < 50
    run(made, now, 12.0)
    assert made.rate == 1000


def test_an_idle_pod_that_was_throttled_has_its_share_again() -> None:
    made = pace()
    now = run(made, 0.0, 5.0, lambda _: True)
    run(made, now, 20.0, calls_per_second=1)
    assert made.rate == 1000


def test_throttling_at_random_leaves_a_fifth_of_the_rate_and_more() -> None:
    for percent in (2, 5, 10):
        made = pace()
        run(made, 0.0, 60.0, part(percent))
        assert made.rate > 200


def test_a_share_that_shrinks_costs_nothing_until_a_throttle_tells() -> None:
    made = pace(0.5)
    made.set_share(0.25, 10.0)
    assert (made.rate, made.borrowed) == (500, 250)
    run(made, 10.0, 1.5, part(40))
    assert 240 < made.rate < 350


def test_a_share_that_grows_is_used_at_once() -> None:
    made = pace(0.25)
    made.set_share(0.5, 10.0)
    assert (made.rate, made.borrowed) == (500, 0)


def test_a_share_that_was_throttled_stays_throttled_in_part_when_it_changes() -> None:
    made = pace(0.5)
    now = run(made, 0.0, 3.0, part(20))
    rate = made.rate
    made.set_share(0.25, now)
    assert made.rate == rate / 2


def test_without_partitions_there_is_no_rate_and_nothing_is_kept_of_what_was_borrowed() -> None:
    made = pace(0.25)
    now = run(made, 0.0, 12.0)
    made.set_share(0.0, now)
    assert made.rate == 0
    made.set_share(0.25, now)
    assert made.rate == 250


@given(
    share=st.floats(0.001, 1.0),
    quota=st.floats(0.5, 2000),
    turns=st.lists(
        st.tuples(st.sampled_from([0, 1, 20, 60, 100]), st.floats(0, 5), st.sampled_from([None, 0.5, 20.0])),
        max_size=10,
    ),
)
def test_the_rate_is_never_above_the_quota_nor_near_nothing(
    share: float, quota: float, turns: list[tuple[int, float, float | None]]
) -> None:
    made, now = pace(share, quota), 0.0
    for percent, seconds, calls_per_second in turns:
        now = run(made, now, seconds, part(percent), calls_per_second=calls_per_second)
        assert 0.01 * quota * share < made.rate <= quota * 1.000001
