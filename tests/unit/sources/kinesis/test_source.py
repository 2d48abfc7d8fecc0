"""The source, with its leases, on the stand-in's stream and table: what may be checkpointed, and by whom."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.virtual_time import in_virtual_time
from tests.unit.sources.kinesis.aggregates import aggregate
from tests.unit.sources.kinesis.sourcing import FAILOVER_SECONDS, Place, shard_key, together, until
from worker.core.leases.lease import Sentinel
from worker.core.model.boundary import Through
from worker.local.kinesis.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from worker.core.model.boundary import Boundary
    from worker.core.model.partition import Partition

SHARD_END = "SHARD_END"
# Longer than others need to see that nobody has a lease any more, and to take it.
TAKEN_OVER_SECONDS = 4 * FAILOVER_SECONDS


def play(scenario: Callable[[Place], Awaitable[None]], shards: int = 1) -> None:
    async def on_the_loop() -> None:
        await scenario(Place(shards))

    in_virtual_time(on_the_loop())


def test_records_come_under_the_assignment_of_their_shard_with_what_they_are() -> None:
    async def scenario(place: Place) -> None:
        (sequence,) = place.put("a", key="user-1")
        worker = await place.worker("one")
        await worker.receive_for(5)
        (record,) = worker.records
        assert (record.key, record.value) == (b"user-1", b"a")
        assert record.assignment.partition == ("clicks", 0)
        assert record.offset >> 32 == sequence

    play(scenario)


def test_the_checkpoint_is_the_last_settled_record_and_none_that_waits_behind_an_unsettled_one() -> None:
    async def scenario(place: Place) -> None:
        sequences = place.put("a", "b", "c")
        worker = await place.worker("one")
        await worker.receive_until(lambda: len(worker.records) == 3, settle=False)
        first, _, third = worker.records
        third.assignment.settle(third.offset)
        await worker.receive_for(10, settle=False)
        assert place.row()["checkpoint"] == "TRIM_HORIZON"
        first.assignment.settle(first.offset)
        await worker.receive_for(10, settle=False)
        assert place.row()["checkpoint"] == str(sequences[0])

    play(scenario)


def test_a_checkpoint_within_an_aggregate_has_the_sub_sequence_of_its_last_settled_record() -> None:
    async def scenario(place: Place) -> None:
        data = aggregate(*((b"k", None, each) for each in (b"a", b"b", b"c")))
        _, sequence = place.stream.put("k", data)
        worker = await place.worker("one")
        await worker.receive_until(lambda: len(worker.records) == 3, settle=False)
        for record in worker.records[:2]:
            record.assignment.settle(record.offset)
        await worker.receive_for(10, settle=False)
        row = place.row()
        assert (row["checkpoint"], row["checkpointSubSequenceNumber"]) == (str(sequence), "1")

    play(scenario)


def test_commit_writes_what_was_stored_at_once_and_tells_that_the_table_has_it() -> None:
    async def scenario(place: Place) -> None:
        (sequence,) = place.put("a")
        worker = await place.worker("one")
        await worker.receive_until(lambda: bool(worker.records), settle=False)
        (record,) = worker.records
        record.assignment.settle(record.offset)
        await worker.source.store(worker.listener.tracker.advanced())
        await worker.source.commit()
        assert place.row()["checkpoint"] == str(sequence)
        (gauges,) = worker.source.partitions()
        assert gauges.committed_offset == str(sequence)

    play(scenario)


def test_the_next_owner_begins_behind_what_a_killed_one_has_checkpointed() -> None:
    async def scenario(place: Place) -> None:
        place.put("a", "b")
        first = await place.worker("one")
        await first.receive_for(10)
        await first.kill()
        place.put("c")
        second = await place.worker("two")
        await second.receive_for(TAKEN_OVER_SECONDS)
        assert second.texts() == ["c"]

    play(scenario)


def test_close_releases_every_lease_with_its_checkpoint_and_the_next_owner_begins_at_once() -> None:
    async def scenario(place: Place) -> None:
        place.put("a")
        first = await place.worker("one")
        await first.receive_until(lambda: bool(first.records))
        await first.source.pause()
        await first.source.close()
        assert all("leaseOwner" not in place.row(each) for each in range(3))
        place.put("b")
        second = await place.worker("two")
        await second.receive_until(lambda: bool(second.records), within=FAILOVER_SECONDS)
        assert second.texts() == ["b"]

    play(scenario, shards=3)


def test_close_releases_children_that_wait_for_their_parent_too() -> None:
    async def scenario(place: Place) -> None:
        place.put("a")
        worker = await place.worker("one")
        await worker.receive_for(5, settle=False)
        place.stream.split(shard_key(0))
        await worker.receive_until(lambda: "leaseOwner" in place.row(1), settle=False)
        await worker.source.close()
        assert all("leaseOwner" not in place.row(each) for each in range(3))

    play(scenario)


def test_nothing_of_a_shard_is_ours_to_send_any_more_before_it_is_released() -> None:
    async def scenario(place: Place) -> None:
        place.put("a")
        worker = await place.worker("one")
        await worker.receive_until(lambda: bool(worker.records), settle=False)
        (record,) = worker.records
        place.cloud.plan(Rule(does="slow", seconds=1.0, calls=("UpdateItem",)))
        closing = asyncio.create_task(worker.source.close())
        await until(lambda: "leaseOwner" not in place.row())
        assert not record.assignment.open
        await closing

    play(scenario)


def test_a_shard_is_finished_only_when_all_of_it_is_settled_and_then_its_children_are_read() -> None:
    async def scenario(place: Place) -> None:
        place.put("a", "b")
        worker = await place.worker("one")
        await worker.receive_until(lambda: len(worker.records) == 2, settle=False)
        place.stream.split(shard_key(0))
        place.put("c")
        await worker.receive_for(60, settle=False)
        assert worker.texts() == ["a", "b"]
        assert place.row()["checkpoint"] == "TRIM_HORIZON"
        worker.settle_all()
        await worker.receive_until(lambda: len(worker.records) == 3, within=30)
        assert place.row()["checkpoint"] == SHARD_END
        assert worker.texts() == ["a", "b", "c"]

    play(scenario)


def test_a_shard_without_records_is_finished_too() -> None:
    async def scenario(place: Place) -> None:
        place.stream.split(shard_key(0))
        place.put("a")
        worker = await place.worker("one")
        await worker.receive_until(lambda: bool(worker.records), within=60)
        assert place.row()["checkpoint"] == SHARD_END

    play(scenario)


def test_a_paused_source_brings_nothing_and_finishes_no_shard_whose_records_it_has_not_handed_out() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(5)
        place.put("a")
        place.stream.split(shard_key(0))
        # The records are fetched, and not received.
        await asyncio.sleep(5)
        await worker.source.pause()
        await worker.receive_for(60)
        assert worker.records == []
        assert place.row()["checkpoint"] == "TRIM_HORIZON"
        await worker.source.resume()
        await worker.receive_until(lambda: place.row()["checkpoint"] == SHARD_END)
        assert worker.texts() == ["a"]

    play(scenario)


def test_a_pause_of_hours_costs_no_lease_and_no_record() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        place.put("a")
        await worker.receive_for(5)
        await worker.source.pause()
        place.put("b")
        await worker.receive_for(2 * 3600.0)
        await worker.source.resume()
        await worker.receive_for(30)
        assert worker.texts() == ["a", "b"]
        assert worker.source.status().leases_lost == 0

    play(scenario)


def test_a_lease_that_another_worker_asks_for_is_handed_over_with_its_checkpoint() -> None:
    async def scenario(place: Place) -> None:
        first = await place.worker("one")
        await first.receive_for(30)
        second = await place.worker("two")
        for each in range(20):
            place.put(*(f"{each}.{key}" for key in range(5)), key=f"user-{each}")
            await together(10, first, second)
        assert first.owns() | second.owns() == {0, 1}
        assert len(first.owns()) == len(second.owns()) == 1
        received = first.texts() + second.texts()
        assert sorted(received) == sorted(set(received))
        assert len(received) == 100
        assert first.source.status().handovers == 1
        assert first.source.status().leases_lost == 0

    play(scenario, shards=2)


class Flushing:
    """A listener whose flush takes long."""

    def __init__(self, listener: object, seconds: float) -> None:
        self._listener = listener
        self._seconds = seconds

    def __getattr__(self, name: str) -> object:
        return getattr(self._listener, name)

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Boundary]:
        await asyncio.sleep(self._seconds)
        settled: Mapping[Partition, Boundary] = await self._listener.revoked(partitions)  # type: ignore[attr-defined]  # the stage's own
        return settled


def test_a_lease_that_expires_while_another_is_flushed_is_lost_at_once() -> None:
    async def scenario(place: Place) -> None:
        first = await place.worker("one")
        first.source._listener = Flushing(first.listener, 25.0)  # type: ignore[assignment]  # noqa: SLF001
        await first.receive_for(30)
        assert first.owns() == {0, 1}
        second = await place.worker("two")
        others = asyncio.create_task(second.receive_for(1000))
        receiving = asyncio.create_task(first.receive_for(1000))
        held = first.keeper._held  # noqa: SLF001  when it begins to flush, nothing else tells
        await until(lambda: not held._wanted and any(each.asked_until for each in held.all()))  # noqa: SLF001  what is wanted is nobody else's business
        place.cloud.plan(Rule(does="fail", calls=("DynamoDB",)))
        await asyncio.sleep(FAILOVER_SECONDS + 1)
        assert [each for each in first.listener.tracker if each.open] == []
        place.cloud.plan()
        receiving.cancel()
        others.cancel()

    play(scenario, shards=2)


def test_while_the_table_is_away_a_lease_is_kept_for_the_failover_time_and_then_lost_to_nobody() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        place.put("a")
        await worker.receive_for(20)
        (assignment,) = worker.listener.tracker
        place.cloud.plan(Rule(does="fail", calls=("DynamoDB",)))
        await worker.receive_for(FAILOVER_SECONDS / 2)
        assert assignment.open
        await worker.receive_for(FAILOVER_SECONDS)
        assert not assignment.open
        place.put("b")
        await worker.receive_for(60)
        assert worker.texts() == ["a"]
        place.cloud.plan()
        await worker.receive_for(60)
        assert worker.texts() == ["a", "b"]

    play(scenario)


def test_other_shards_go_on_while_the_end_of_one_cannot_be_written() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(10)
        place.cloud.plan(Rule(does="slow", seconds=3.0, calls=("ListShards", "Scan")))
        place.stream.split(shard_key(0))
        for each in range(10):
            for key in range(10):
                place.put(f"{each}.{key}", key=f"user-{key}")
            before = len([each for each in worker.records if each.assignment.partition.number == 1])
            await worker.receive_for(1)
            assert len([each for each in worker.records if each.assignment.partition.number == 1]) > before

    play(scenario, shards=2)


def test_a_row_that_somebody_deletes_costs_no_record() -> None:
    async def scenario(place: Place) -> None:
        place.put("a", "b")
        worker = await place.worker("one")
        await worker.receive_for(20)
        place.table.delete(shard_key(0))
        place.put("c")
        await worker.receive_for(200)
        assert worker.texts() == ["a", "b", "c"]

    play(scenario)


def test_a_late_owner_writes_no_checkpoint() -> None:
    async def scenario(place: Place) -> None:
        place.put("a")
        first = await place.worker("one")
        await first.receive_until(lambda: bool(first.records), settle=False)
        (late,) = first.records
        # It stands still for longer than its lease lasts, and another worker reads on.
        await first.kill()
        second = await place.worker("two")
        await second.receive_for(TAKEN_OVER_SECONDS, settle=False)
        assert second.texts() == ["a"]
        counter = place.row()["leaseCounter"]
        await first.source.store({late.assignment.partition: Through(late.offset)})
        await first.source.commit()
        assert place.row()["checkpoint"] == "TRIM_HORIZON"
        assert place.row()["leaseCounter"] == counter

    play(scenario)


def test_with_latest_only_what_comes_is_read_and_of_new_shards_all() -> None:
    async def scenario(place: Place) -> None:
        place.put("old")
        await asyncio.sleep(5)
        worker = await place.worker("one", Sentinel.LATEST)
        await worker.receive_for(30)
        place.put("new")
        place.stream.split(shard_key(0))
        place.put("in a child")
        await worker.receive_for(60)
        assert worker.texts() == ["new", "in a child"]

    play(scenario)


def test_with_latest_what_comes_between_two_owners_is_read_though_nothing_was_before() -> None:
    """With the KCL, LATEST is when each owner begins: an idle shard loses what comes while nobody reads."""

    async def scenario(place: Place) -> None:
        place.put("old")
        await asyncio.sleep(5)
        first = await place.worker("one", Sentinel.LATEST)
        await first.receive_for(30)
        await first.kill()
        place.put("between")
        second = await place.worker("two", Sentinel.LATEST)
        await second.receive_for(60)
        assert first.texts() == []
        assert second.texts()[-1:] == ["between"]

    play(scenario)


@pytest.mark.parametrize("shards", [1, 3])
def test_partitions_total_counts_the_shards_that_are_not_finished(shards: int) -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        assert await worker.source.partitions_total() is None
        await worker.receive_for(5)
        assert await worker.source.partitions_total() == shards

    play(scenario, shards=shards)


def test_what_fails_in_the_background_is_raised_to_who_receives() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")

        async def scan() -> None:
            raise ZeroDivisionError

        worker.keeper._survey._table.scan = scan  # type: ignore[method-assign,assignment]  # noqa: SLF001
        with pytest.raises(ExceptionGroup):
            await worker.receive_for(60)

    play(scenario)


@pytest.mark.parametrize("turns", range(6))
def test_a_cancellation_that_comes_together_with_records_is_not_lost(turns: int) -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(5)
        receiving = asyncio.create_task(worker.source.receive(1))
        await asyncio.sleep(0.05)
        worker.source._has_come.set()  # noqa: SLF001  at this very moment
        for _ in range(turns):
            await asyncio.sleep(0)
        cancelled = receiving.cancel()
        await asyncio.wait({receiving})
        assert receiving.cancelled() or not cancelled

    play(scenario)
