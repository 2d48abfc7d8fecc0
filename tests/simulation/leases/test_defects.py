"""The oracle is tested by what it has to find."""

from __future__ import annotations

import re

import pytest

from tests.simulation.leases.defects import DEFECTS, planted
from tests.simulation.leases.making import make_schedule
from tests.simulation.leases.playing import play, simulated
from tests.simulation.leases.running import schedules_until_found, shrink


@pytest.mark.parametrize("name", DEFECTS)
def test_each_planted_defect_is_found(name: str) -> None:
    with simulated():
        _, played, broken = schedules_until_found(name)
    assert broken is not None, f"not within {played} schedules"
    # A defect that does not fit the code any more is found by that, and shows nothing.
    assert not {"TypeError", "AttributeError"} & set(re.findall(r"\w+", broken.how)), broken.how


def test_a_schedule_that_fails_is_shrunk_to_the_steps_that_matter() -> None:
    with simulated():
        with planted("never expires by itself"):
            _, seeds, broken = schedules_until_found("never expires by itself")
            assert broken is not None
            small = shrink(make_schedule(seeds - 1), broken.promise)
            assert play(small).broken is not None
        assert len(small.steps) <= 4
        assert play(small).broken is None
