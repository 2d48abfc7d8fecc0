"""The oracle is tested by what it has to find."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.simulation.leases.defects import DEFECTS, planted
from tests.simulation.leases.making import make_schedule
from tests.simulation.leases.playing import play, simulated
from tests.simulation.leases.running import schedules_until_found, shrink
from tests.support.samples import only_ci


@pytest.mark.parametrize("name", DEFECTS)
def test_each_planted_defect_is_found(name: str) -> None:
    with simulated():
        _, played, broken = schedules_until_found(name)
    assert broken is not None, f"not within {played} schedules"
    # A defect that does not fit the code any more crashes the worker by that, and shows nothing.
    assert broken.promise != "the worker does not crash", broken.how


@only_ci
def test_schedules_that_fail_are_shrunk_to_the_steps_that_matter() -> None:
    """Of some, that is more steps than of others: it is the simplest that one looks at."""
    with simulated():
        with planted("never expires by itself"):
            failing = ((seed, play(make_schedule(seed)).broken) for seed in range(100))
            found = islice(((seed, broken) for seed, broken in failing if broken is not None), 3)
            shrunk = [shrink(make_schedule(seed), broken.promise) for seed, broken in found]
            assert all(play(small).broken is not None for small in shrunk)
        assert min(len(small.steps) for small in shrunk) <= 4
        assert all(play(small).broken is None for small in shrunk)
