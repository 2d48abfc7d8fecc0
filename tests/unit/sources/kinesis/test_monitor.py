"""What is told of Kinesis, of the leases, and of each shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.virtual_time import in_virtual_time
from tests.unit.sources.kinesis.sourcing import FAILOVER_SECONDS, Place, shard_key
from worker.core.leases.positions import position_of
from worker.local.kinesis.faults import Rule
from worker.sources.kinesis.monitor import shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def play(scenario: Callable[[Place], Awaitable[None]], shards: int = 1) -> None:
    async def on_the_loop() -> None:
        await scenario(Place(shards))

    in_virtual_time(on_the_loop())


def test_a_position_is_shown_as_the_sequence_number_and_the_place_within_an_aggregate() -> None:
    sequence = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898
    assert shown(position_of(sequence)) == str(sequence)
    assert shown(position_of(sequence, 7)) == f"{sequence}.7"


def test_nothing_is_wrong_while_all_answer() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(30)
        status = worker.source.status()
        assert (status.system, status.troubles) == ("kinesis", ())
        assert worker.source.trouble() is None

    play(scenario)


def test_a_shard_tells_how_far_it_is_received_settled_and_checkpointed_and_how_far_behind() -> None:
    async def scenario(place: Place) -> None:
        sequences = place.put("a", "b")
        worker = await place.worker("one")
        await worker.receive_until(lambda: len(worker.records) == 2, settle=False)
        (gauges,) = worker.source.partitions()
        assert gauges.partition == ("clicks", 0)
        assert gauges.received_offset == str(sequences[1])
        assert gauges.committed_offset is None
        assert gauges.behind_seconds == 0
        first = worker.records[0]
        first.assignment.settle(first.offset)
        await worker.receive_for(10, settle=False)
        (gauges,) = worker.source.partitions()
        assert gauges.settled_offset == gauges.committed_offset == str(sequences[0])

    play(scenario)


def test_what_passes_within_five_seconds_is_no_trouble() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(30)
        place.cloud.plan(Rule(does="fail", calls=("GetRecords",)))
        await worker.receive_for(3)
        assert worker.source.trouble() is None
        await worker.receive_for(10)
        assert worker.source.trouble() is not None

    play(scenario)


def test_shards_with_the_same_trouble_are_told_once_with_their_number_and_what_to_do() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(30)
        place.cloud.plan(Rule(does="refuse", code="KMSDisabledException", calls=("GetRecords",)))
        await worker.receive_for(60)
        (trouble,) = worker.source.status().troubles
        assert trouble.kind == "permission"
        assert trouble.what == "3 shards of clicks can't be read: KMSDisabledException"
        assert "KMS" in trouble.advice
        assert 50 <= trouble.seconds <= 60

    play(scenario, shards=3)


def test_a_stream_that_is_gone_is_told_as_missing() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(30)
        place.cloud.streams.delete("clicks")
        await worker.receive_for(60)
        assert "stream_missing" in [each.kind for each in worker.source.status().troubles]

    play(scenario)


def test_a_table_that_does_not_answer_is_told_and_the_lost_leases_are_counted() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(30)
        place.cloud.plan(Rule(does="fail", calls=("DynamoDB",)))
        await worker.receive_for(2 * FAILOVER_SECONDS)
        status = worker.source.status()
        assert [each.kind for each in status.troubles] == ["leases"]
        assert status.leases_lost == 2
        place.cloud.plan()
        await worker.receive_for(60)
        assert worker.source.status().troubles == ()

    play(scenario, shards=2)


def test_throttled_reads_are_counted_those_of_shards_that_are_finished_too() -> None:
    async def scenario(place: Place) -> None:
        worker = await place.worker("one")
        await worker.receive_for(10)
        place.cloud.plan(Rule(does="throttle", calls=("GetRecords",), times=3))
        await worker.receive_for(30)
        place.stream.split(shard_key(0))
        await worker.receive_until(lambda: worker.owns() == {1, 2})
        assert worker.source.status().reads_throttled == 3

    play(scenario)
