"""What the next owner of a shard reads: all that was not settled, a child from its first record on.

Whatever ended the one before: it was killed, it ended, it lost the lease, or it handed it over.
"""

from __future__ import annotations

import asyncio
from itertools import product
from typing import TYPE_CHECKING, Final, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples import sample
from tests.support.virtual_time import in_virtual_time
from tests.unit.sources.kinesis.sourcing import FAILOVER_SECONDS, Place, shard_key
from worker.core.leases.lease import Sentinel
from worker.local.kinesis.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.unit.sources.kinesis.sourcing import Worker

End = Literal["killed", "ended", "lost the lease", "stood still"]
ENDS: Final[tuple[End, ...]] = ("killed", "ended", "lost the lease", "stood still")
TAKEN_OVER_SECONDS: Final = 4 * FAILOVER_SECONDS


def play(scenario: Callable[[Place], Awaitable[None]], shards: int = 1) -> None:
    async def on_the_loop() -> None:
        await scenario(Place(shards))

    in_virtual_time(on_the_loop())


async def end(place: Place, worker: Worker, how: End) -> None:
    """End it; what it had received and not settled is not settled by that."""
    match how:
        case "killed":
            await worker.kill()
        case "ended":
            await worker.source.pause(for_good=True)
            await worker.source.close()
        case "lost the lease":
            place.cloud.plan(Rule(does="reset", calls=("DynamoDB",)))
            await worker.receive_for(2 * FAILOVER_SECONDS, settle=False)
            place.cloud.plan()
            await worker.kill()
        case "stood still":
            # It is killed by somebody after its lease was taken: for as long it answers nobody.
            await asyncio.sleep(2 * FAILOVER_SECONDS)
            await worker.kill()


@settings(max_examples=sample(6, 150), deadline=None)
@given(
    settled=st.lists(st.frozensets(st.integers(0, 5), max_size=6), min_size=1, max_size=3),
    ends=st.lists(st.sampled_from(ENDS), min_size=3, max_size=3),
)
def test_what_one_could_not_deliver_comes_to_the_next(settled: list[frozenset[int]], ends: list[End]) -> None:
    """Also out of the middle: what is settled ahead may come twice, what is not never stays away."""

    async def scenario(place: Place) -> None:
        names = [str(each) for each in range(6)]
        place.put(*names)
        done: set[str] = set()
        for number, (places, how) in enumerate(zip(settled, ends, strict=False)):
            worker = await place.worker(str(number))
            missing = set(names) - done
            await worker.receive_until(lambda w=worker, m=missing: m <= set(w.texts()), settle=False)  # type: ignore[misc]  # mypy takes a lambda's default for untyped
            for record in worker.records:
                if (text := (record.value or b"").decode()) in {names[each] for each in places}:
                    record.assignment.settle(record.offset)
                    done.add(text)
            await worker.receive_for(5, settle=False)
            await end(place, worker, how)
        last = await place.worker("last")
        await last.receive_for(TAKEN_OVER_SECONDS)
        assert set(names) - done <= set(last.texts())
        assert last.texts() == sorted(last.texts(), key=int)

    play(scenario)


@pytest.mark.long
@pytest.mark.parametrize(
    ("start", "how"),
    sample(
        ((Sentinel.LATEST, "killed"), (Sentinel.LATEST, "stood still"), (Sentinel.TRIM_HORIZON, "ended")),
        tuple(product((Sentinel.LATEST, Sentinel.TRIM_HORIZON), ENDS)),
    ),
)
def test_a_child_begins_with_its_first_record_with_each_owner_until_one_is_done(
    start: Sentinel, how: End
) -> None:
    async def scenario(place: Place) -> None:
        first = await place.worker("first", start)
        await first.receive_for(10)
        place.stream.split(shard_key(0))
        # Before anybody reads a child, and before anybody knows of one.
        place.put("a", "b")
        await first.receive_until(lambda: first.texts() == ["a", "b"], settle=False)
        await end(place, first, how)
        second = await place.worker("second", start)
        await second.receive_for(TAKEN_OVER_SECONDS, settle=False)
        assert second.texts() == ["a", "b"], "nothing of it was done"
        record = second.records[0]
        record.assignment.settle(record.offset)
        await second.receive_for(10, settle=False)
        await end(place, second, how)
        third = await place.worker("third", start)
        await third.receive_for(TAKEN_OVER_SECONDS)
        assert third.texts() == ["b"], "nothing that is done comes again"

    play(scenario)


def test_a_child_to_which_nothing_came_is_not_left_out_by_its_third_owner() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("first", Sentinel.LATEST)
        await worker.receive_for(10)
        place.stream.split(shard_key(0))
        await worker.receive_until(lambda: worker.owns() == {1, 2})
        for number in range(2):
            await end(place, worker, "ended")
            if number:
                place.put("between")
            worker = await place.worker(f"next {number}", Sentinel.LATEST)
            await worker.receive_for(10)
        assert worker.texts() == ["between"]

    play(scenario)
