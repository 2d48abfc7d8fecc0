from __future__ import annotations

import asyncio
import sys

import pytest

from tests.support.virtual_time import in_virtual_time
from worker.status.history import SAMPLE_SECONDS, SAMPLES, History, Sample, steps


def sample(at: float, received: int = 0) -> Sample:
    return Sample(at, received=received)


def test_a_sample_is_taken_each_five_seconds_and_the_oldest_go() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        history = History(lambda: sample(loop.time()))
        history.start(loop)
        began = loop.time()
        await asyncio.sleep(12)
        assert [each.at - began for each in history.samples()] == pytest.approx([0, 5, 10, 12], abs=0.2)
        await asyncio.sleep(3600)
        kept = history.samples()
        # And the one of this moment.
        assert len(kept) == SAMPLES + 1
        assert kept[-1].at - kept[0].at == pytest.approx(SAMPLE_SECONDS * (SAMPLES - 1), abs=6)
        history.stop()
        last = len([*history.samples()])
        await asyncio.sleep(60)
        assert len(history.samples()) == last
        assert history.samples()[-2] == kept[-2]

    in_virtual_time(scenario())


def test_the_ring_takes_less_than_fifty_kilobytes() -> None:
    full = Sample(1e6, 2**40, 2**40, 2**40, 2**40, 1.5, 1.5)
    each = sys.getsizeof(full) + sum(sys.getsizeof(getattr(full, name)) for name in full.__struct_fields__)
    assert each * SAMPLES < 50_000


def test_rates_are_those_between_neighbours_and_the_last_one_is_of_now() -> None:
    taken = [sample(0), sample(5, 50), sample(10, 150), sample(12, 151)]
    pairs = steps(taken)
    assert [(before.at, after.at) for before, after in pairs] == [(0, 12)]
    taken = [sample(at, at * 3) for at in (0, 5, 10, 15, 20, 21)]
    pairs = steps(taken)
    assert [(before.at, after.at) for before, after in pairs] == [(0, 5), (5, 10), (10, 21)]
    assert [after.rate(before, "received") for before, after in pairs] == [3, 3, 3]


@pytest.mark.parametrize("taken", [[], [sample(1)], [sample(1), sample(1)]])
def test_without_a_past_there_is_no_rate(taken: list[Sample]) -> None:
    assert [after.rate(before, "received") for before, after in steps(taken)] in ([], [0])
