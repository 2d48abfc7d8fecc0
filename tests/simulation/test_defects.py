"""The oracle is tested by what it has to find."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.simulation.defects import DEFECTS, WITHIN_SCHEDULES, planted
from tests.simulation.making import make_schedule
from tests.simulation.playing import play
from tests.simulation.running import schedules_until_found
from tests.simulation.shrinking import shrink
from tests.simulation.trace_text import tell_schedule, tell_trace
from tests.support.samples import at_a_desk_and_in_ci

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule


# Found after hundreds of schedules: five to thirty seconds of CPU each.
RARE = (
    "goes on with what its consumer has left",
    "puts back what is no longer its own",
    "keeps the permit of a call that was not made",
    "takes what was thrown away for a gap",
    "takes in nothing while a partition is parked",
)
SOON = [each for each in DEFECTS if each not in RARE]


@pytest.mark.parametrize("name", at_a_desk_and_in_ci(SOON, RARE))
@pytest.mark.usefixtures("simulation")
def test_each_planted_defect_is_found(name: str) -> None:
    _, played, broken = schedules_until_found(name, WITHIN_SCHEDULES)
    assert broken is not None, f"not within {played} schedules"
    # A defect that does not fit the code any more is found by that, and shows nothing.
    assert not {"TypeError", "AttributeError"} & set(re.findall(r"\w+", broken.how)), broken.how


@pytest.mark.parametrize(
    ("name", "most_steps"),
    [
        ("forgets that a user splits a call", 1),
        ("sends the later half first", 1),
        ("commits positions on a revoke", 3),
        # Somebody joins, and takes; what comes then is sent by two.
        ("ignores a loss", 3),
    ],
)
@pytest.mark.usefixtures("simulation")
def test_a_schedule_that_fails_is_shrunk_to_the_steps_that_matter(name: str, most_steps: int) -> None:
    with planted(name):
        seed = next(seed for seed in range(WITHIN_SCHEDULES) if breaks(make_schedule(seed)))
        small = shrink(make_schedule(seed), breaks)
        assert breaks(small)
    assert len(small.steps) <= most_steps
    assert play(small).broken is None


def breaks(schedule: Schedule) -> bool:
    return play(schedule).broken is not None


@pytest.mark.usefixtures("simulation")
def test_every_schedule_and_all_that_happens_can_be_told() -> None:
    for seed in range(50):
        schedule = make_schedule(seed)
        assert len(list(tell_schedule(schedule))) == 4 + len(schedule.steps)
        assert all(list(tell_trace(play(schedule).trace)))
