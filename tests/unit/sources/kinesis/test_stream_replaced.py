"""A stream that is deleted and made anew under its name, as Terraform does it, also while workers run.

Its shards have the ids of the old ones. So the old one's leases seem to be theirs: a checkpoint of another
stream, or that all of a shard is done of which nothing was read.
"""

from __future__ import annotations

import asyncio
from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.support.samples import sample
from tests.support.virtual_time import in_virtual_time
from tests.unit.sources.kinesis.sourcing import STREAM, Place, shard_key
from worker.core.leases.lease import Sentinel
from worker.local.kinesis.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.unit.sources.kinesis.sourcing import Worker

# Longer than a worker needs to see it.
A_WHILE = 120.0
OWN_ATTRIBUTE = "personalizeWorkerStreamCreatedAt"


def play(scenario: Callable[[Place], Awaitable[None]], shards: int = 1) -> None:
    async def on_the_loop() -> None:
        await scenario(Place(shards))

    in_virtual_time(on_the_loop())


def replace(place: Place, shards: int = 1) -> None:
    """Delete the stream and make another one of its name."""
    place.cloud.streams.delete(STREAM)
    place.stream = place.cloud.streams.create(STREAM, shards)


def as_of_the_kcl(place: Place) -> None:
    """Leave of the rows what a KCL writes, which does not know when the stream was made."""
    for row in place.table.items().values():
        place.table.put({name: value for name, value in row.items() if name != OWN_ATTRIBUTE})


def delete_rows(place: Place) -> None:
    for key in place.table.items():
        place.table.delete(key)


def assert_held(worker: Worker) -> None:
    (trouble,) = worker.source.status().troubles
    assert trouble.kind == "stream_replaced"
    assert STREAM in trouble.what
    for word in ("stop all workers", "delete", "trim_horizon"):
        assert word in trouble.advice


async def split_and_read(place: Place, worker: Worker) -> None:
    """Shard 0 is done, and its children are read."""
    place.stream.split(shard_key(0))
    await worker.receive_until(lambda: worker.owns() == {1, 2})
    place.put("child")
    await worker.receive_until(lambda: "child" in worker.texts())
    await worker.receive_for(10)


@pytest.mark.long
@pytest.mark.parametrize(
    ("gone_seconds", "shards"), sample(((1, 1), (90, 3)), tuple(product((0, 1, 90), (1, 3))))
)
def test_a_running_worker_reads_nothing_of_the_new_stream_and_says_so(
    gone_seconds: float, shards: int
) -> None:
    async def scenario(place: Place) -> None:
        place.put("old")
        worker = await place.worker("one")
        await worker.receive_for(30)
        before = place.row()["checkpoint"]
        place.cloud.streams.delete(STREAM)
        await worker.receive_for(gone_seconds)
        replace_by = place.cloud.streams.create(STREAM, shards)
        place.stream = replace_by
        place.put("new")
        await worker.receive_for(A_WHILE)
        assert worker.texts() == ["old"]
        assert place.row()["checkpoint"] == before
        assert_held(worker)

    play(scenario)


@pytest.mark.long
@pytest.mark.parametrize(
    ("is_split", "of_the_kcl", "is_running"),
    sample(
        ((True, False, True), (True, True, False), (False, False, False), (False, True, True)),
        tuple(product((False, True), repeat=3)),
    ),
)
def test_nothing_of_the_new_stream_is_taken_for_done(
    *, is_split: bool, of_the_kcl: bool, is_running: bool
) -> None:
    async def scenario(place: Place) -> None:
        place.put("old")
        worker = await place.worker("one")
        await worker.receive_for(30)
        if is_split:
            await split_and_read(place, worker)
        if not is_running:
            await worker.source.close()
        place.cloud.streams.delete(STREAM)
        await asyncio.sleep(20)
        if of_the_kcl:
            as_of_the_kcl(place)
        rows = {key: dict(row) for key, row in place.table.items().items()}
        place.stream = place.cloud.streams.create(STREAM)
        place.put("new")
        if not is_running:
            worker = await place.worker("two")
        await worker.receive_for(A_WHILE)
        assert "new" not in worker.texts()
        for key, row in rows.items():
            assert place.table.items()[key]["checkpoint"] == row["checkpoint"]
        assert worker.source.status().troubles, "it is said"
        if is_split or not of_the_kcl:
            assert_held(worker)

    play(scenario)


def test_a_lease_of_which_nothing_is_done_is_held_too() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(30)
        assert place.row()["checkpoint"] == "TRIM_HORIZON"
        replace(place)
        place.put("new")
        await worker.receive_for(A_WHILE)
        assert worker.texts() == []
        assert_held(worker)

    play(scenario)


@pytest.mark.parametrize("is_split", [False, True])
def test_what_is_said_to_do_works(*, is_split: bool) -> None:
    async def scenario(place: Place) -> None:
        place.put("old")
        worker = await place.worker("one")
        await worker.receive_for(30, settle=False)
        replace(place, shards=2)
        place.put("new")
        await worker.receive_for(A_WHILE, settle=False)
        assert_held(worker)
        # What was received of the old stream is settled all the same, and written to its lease.
        worker.settle_all()
        await worker.source.close()
        assert place.row()["checkpoint"] not in {"TRIM_HORIZON", "SHARD_END"}
        delete_rows(place)
        if is_split:
            place.stream.split(shard_key(0))
        second = await place.worker("two")
        await second.receive_for(A_WHILE)
        assert second.texts() == ["new"]
        assert second.source.status().troubles == ()

    play(scenario)


def test_rows_that_are_deleted_while_workers_run_are_not_made_anew_of_what_they_remember() -> None:
    """And begin at the oldest record, though the configuration says `latest`: all of it came later."""

    async def scenario(place: Place) -> None:
        workers = [await place.worker(name, Sentinel.LATEST) for name in ("one", "two")]
        await asyncio.gather(*(each.receive_for(60) for each in workers))
        place.put("old")
        await asyncio.gather(*(each.receive_for(20) for each in workers))
        replace(place, shards=2)
        place.put("new")
        await asyncio.gather(*(each.receive_for(A_WHILE) for each in workers))
        delete_rows(place)
        await asyncio.gather(*(each.receive_for(A_WHILE) for each in workers))
        assert sorted(text for each in workers for text in each.texts()) == ["new", "old"]
        assert [each.source.status().troubles for each in workers] == [(), ()]

    play(scenario, shards=2)


def test_a_stream_that_is_only_away_for_a_while_goes_on() -> None:
    async def scenario(place: Place) -> None:
        place.put("a")
        worker = await place.worker("one")
        await worker.receive_for(30)
        place.cloud.plan(Rule(does="refuse", code="ResourceNotFoundException", calls=("Kinesis",)))
        await worker.receive_for(90)
        place.put("b")
        place.cloud.plan()
        await worker.receive_for(90)
        assert worker.texts() == ["a", "b"]
        assert worker.source.status().troubles == ()

    play(scenario)
