"""The oracle is tested by what it has to find."""

from __future__ import annotations

import pytest

from tests.simulation.kinesis.defects import DEFECTS, WITHIN_SCHEDULES
from tests.simulation.kinesis.playing import simulated
from tests.simulation.kinesis.running import schedules_until_found
from tests.support.samples import sample

# Those that are found within a few schedules: each takes half a second of CPU.
QUICK = (
    "checkpoints the next record",
    "hands over before the flush",
    "finishes a shard while records are unsettled",
    "takes an empty answer for the end",
    "takes the whole aggregate for done",
)


@pytest.mark.long
@pytest.mark.parametrize("name", sample(QUICK, tuple(DEFECTS)))
def test_each_planted_defect_is_found(name: str) -> None:
    with simulated():
        _, played, broken = schedules_until_found(name, WITHIN_SCHEDULES)
    assert broken is not None, f"not within {played} schedules"
    # A defect that does not fit the code any more crashes the worker by that, and shows nothing.
    assert broken.promise != "the worker does not crash", broken.how
