"""A partition waits for the schema of its next record, in order; the others flow; nothing is lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from tests.support.schema_twins import A_SCHEMA, RegistryTwin, mapping_by
from tests.support.stage import Stage, crash, running, settings
from tests.support.twins import TOPIC, TopicTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.model.partition import Partition
from worker.formats.schemas import UNKNOWN, Schemas
from worker.ports import RegistryFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.snapshot import HoldStatus
    from worker.formats.schemas import Schema, SchemaId, Unknown
    from worker.settings import Settings

P0, P1 = Partition(TOPIC, 0), Partition(TOPIC, 1)
AWAY = RegistryFault("ConnectionFailed")
LOGIN = RegistryFault("LoginRefused", 401)


def staged(
    registry: RegistryTwin, conf: Settings | None = None, topic: TopicTwin | None = None, partitions: int = 2
) -> Stage:
    schemas = Schemas()
    return Stage(conf, topic or TopicTwin(partitions), mapping_by(schemas), registry, schemas)


def parked(stage: Stage, records: int) -> Callable[[], bool]:
    return lambda: stage.worker.parking.records == records


def the_hold(stage: Stage) -> HoldStatus:
    (hold,) = stage.worker.parking.holds()
    return hold


def test_a_partition_goes_on_in_its_order_once_the_schema_is_there() -> None:
    async def scenario() -> None:
        stage = staged(RegistryTwin(7))
        stage.topic.produce(*[f"{'7!' * (n % 3 == 1)}s/u/{n}" for n in range(50)])
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert stage.api.delivered() == [str(n) for n in range(50)]
        assert stage.worker.parking.records == 0

    in_virtual_time(scenario())


def test_nothing_overtakes_a_parked_record_and_no_offset_passes_it_while_others_flow() -> None:
    async def scenario() -> None:
        registry = RegistryTwin(7)
        registry.fault = AWAY
        stage = staged(registry)
        stage.topic.produce("s/u/0", "7!s/u/1", *[f"s/u/{n}" for n in range(2, 30)])
        stage.topic.produce(*[f"t/u/other-{n}" for n in range(30)], partition=1)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: stage.topic.committed.get(P1) == 30 and parked(stage, 29)())
            await asyncio.sleep(3600)
            stage.topic.produce("s/u/30")
            await stage.until(parked(stage, 30))
            assert stage.topic.committed[P0] == 1
            registry.fault = None
            await stage.settled()
        assert [each for each in stage.api.delivered() if "-" not in each] == [str(n) for n in range(31)]

    in_virtual_time(scenario())


def test_a_schema_is_fetched_once_however_many_partitions_wait_for_it() -> None:
    async def scenario() -> None:
        registry = RegistryTwin(7, seconds=2)
        stage = staged(registry, partitions=20)
        for number in range(20):
            stage.topic.produce("7!s/u/1", "7!s/u/2", partition=number)
        stage.source.assign(*range(20))
        async with running(stage):
            await stage.settled()
        assert registry.asked == {7: 1}

    in_virtual_time(scenario())


def test_a_schema_that_evolves_midway_parks_its_partition_once_more() -> None:
    async def scenario() -> None:
        registry = RegistryTwin(7, 8)
        stage = staged(registry)
        stage.topic.produce(*[f"{7 + n // 5}!s/u/{n}" for n in range(10)])
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert stage.api.delivered() == [str(n) for n in range(10)]
        assert registry.asked == {7: 1, 8: 1}

    in_virtual_time(scenario())


def test_an_id_that_the_registry_does_not_know_is_doubted_for_seconds_and_then_a_dead_letter() -> None:
    async def scenario() -> None:
        registry = RegistryTwin()
        stage = staged(registry)
        stage.topic.produce("9!s/u/0", "s/u/1")
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
            assert stage.api.delivered() == ["1"]
            ((_, reason),) = [(record, reason) for record, reason, _ in stage.dead_letters.letters]
            assert reason.kind == "unknown_schema"
            assert registry.asked[9] >= 3
            assert registry.asked_at[-1] - registry.asked_at[0] >= 5
            assert not stage.worker.parking.holds()

    in_virtual_time(scenario())


def test_a_registry_that_lags_behind_its_producers_costs_no_dead_letter() -> None:
    async def scenario() -> None:
        registry = RegistryTwin()
        stage = staged(registry)
        stage.topic.produce("9!s/u/0")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: registry.asked[9] > 0)
            await asyncio.sleep(4)
            registry.has[9] = A_SCHEMA
            await stage.settled()
        assert stage.api.delivered() == ["0"]
        assert not stage.dead_letters.letters

    in_virtual_time(scenario())


def test_an_answer_that_was_long_on_its_way_is_as_old_as_its_question() -> None:
    """The process may have been stopped for seconds, and hears then what was true before."""

    class Outdated(RegistryTwin):
        async def fetch(self, schema_id: SchemaId) -> Schema | Unknown | RegistryFault:
            answer = self.has.get(schema_id, UNKNOWN)
            await super().fetch(schema_id)
            return answer

    async def scenario() -> None:
        registry = Outdated()
        stage = staged(registry)
        stage.topic.produce("9!s/u/0")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: registry.asked[9] == 1)
            await asyncio.sleep(0.1)
            registry.seconds = 10.0
            await stage.until(lambda: registry.asked[9] == 2)
            registry.has[9] = A_SCHEMA
            await stage.settled()
        assert stage.api.delivered() == ["0"]

    in_virtual_time(scenario())


def test_what_was_unknown_is_asked_for_again_for_a_later_record() -> None:
    async def scenario() -> None:
        registry = RegistryTwin()
        stage = staged(registry)
        stage.topic.produce("9!s/u/0")
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
            asked = registry.asked[9]
            stage.topic.produce("9!s/u/1")
            await stage.settled()
            assert registry.asked[9] == asked  # it is remembered for half a minute
            await asyncio.sleep(31)
            registry.has[9] = A_SCHEMA
            stage.topic.produce("9!s/u/2")
            await stage.settled()
        assert stage.api.delivered() == ["2"]
        assert len(stage.dead_letters.letters) == 2

    in_virtual_time(scenario())


def test_ids_that_are_all_unknown_do_not_stop_a_partition_for_seconds_each_and_are_a_hold() -> None:
    async def scenario() -> None:
        registry = RegistryTwin()
        stage = staged(registry)
        for number in range(300):
            stage.topic.produce(f"{number}!s/u/{number}", key=f"k{number}")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.worker.unsettled.memory.records == 200, seconds=60)
            await stage.until(
                lambda: parked(stage, 0)() and bool(stage.worker.quarantine.holds()), seconds=60
            )
            assert "unknown_schema" in stage.worker.quarantine.holds()[0].reason
        assert len(stage.dead_letters.letters) == 100

    in_virtual_time(scenario())


@pytest.mark.parametrize(
    "fault", [AWAY, LOGIN, RegistryFault("Http503", 503), RegistryFault("AnswerTimeout")]
)
def test_a_registry_that_is_away_or_refuses_us_is_a_hold_that_ends_by_itself(fault: RegistryFault) -> None:
    async def scenario() -> None:
        registry = RegistryTwin(7)
        registry.fault = fault
        stage = staged(registry)
        stage.topic.produce("7!s/u/0")
        stage.source.assign(0, 1)
        with capture_logs() as logs:
            async with running(stage):
                await stage.until(stage.worker.parking.holds)
                await asyncio.sleep(600)
                hold = the_hold(stage)
                assert (hold.kind, hold.held_seconds) == ("schema_registry", pytest.approx(600, abs=12))
                assert (
                    hold.reason == f"{fault.code}; partitions that wait for a schema: 1 of topic interactions"
                )
                assert hold.next_probe_seconds is None or hold.next_probe_seconds <= 30
                asked = registry.asked[7]
                assert 20 < asked < 90  # at growing intervals, of half a minute at last
                registry.fault = None
                await stage.settled()
                assert not stage.worker.holds()
                await asyncio.sleep(1)
        assert stage.api.delivered() == ["0"]
        told = [each["event"] for each in logs if each["event"].startswith("records.")]
        assert told[0] == "records.held"
        assert told[-1] == "records.released"
        assert 3 < len(told) < 10

    in_virtual_time(scenario())


def test_a_fault_that_passes_at_once_is_no_hold() -> None:
    async def scenario() -> None:
        registry = RegistryTwin(7)
        registry.fault = AWAY
        stage = staged(registry)
        stage.topic.produce("7!s/u/0")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: registry.asked[7] == 2)
            assert not stage.worker.holds()
            registry.fault = None
            await stage.settled()

    in_virtual_time(scenario())


def test_all_that_wait_go_on_as_soon_as_the_registry_is_back() -> None:
    async def scenario() -> None:
        registry = RegistryTwin(*range(20))
        registry.fault = AWAY
        stage = staged(registry, partitions=20)
        for number in range(20):
            stage.topic.produce(f"{number}!s{number}/u/{number}", partition=number)
        stage.source.assign(*range(20))
        async with running(stage):
            await stage.until(parked(stage, 20))
            await asyncio.sleep(3600)
            registry.fault = None
            back_at = stage.loop.time()
            await stage.settled()
            assert stage.loop.time() - back_at < 35

    in_virtual_time(scenario())


@pytest.mark.parametrize("lost", [False, True])
def test_parked_records_of_a_partition_that_goes_are_left_to_the_next_owner(lost: bool) -> None:  # noqa: FBT001  a parameter
    async def scenario() -> None:
        registry = RegistryTwin(7)
        registry.fault = AWAY
        stage = staged(registry)
        stage.topic.produce("s/u/0", "7!s/u/1", "s/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: parked(stage, 2)() and stage.topic.committed.get(P0) == 1)
            began_at = stage.loop.time()
            (stage.source.lose if lost else stage.source.revoke)(0)
            await stage.until(parked(stage, 0))
            assert stage.loop.time() - began_at < 2  # a flush does not wait for them
            assert stage.worker.unsettled.memory.records == 0
            assert not stage.worker.holds()
            asked = registry.asked[7]
            await asyncio.sleep(100)
            assert registry.asked[7] == asked
            registry.fault = None
            stage.source.assign(0)
            await stage.settled()
        assert stage.api.delivered() == ["0", "1", "2"]

    in_virtual_time(scenario())


def test_a_drain_does_not_wait_for_parked_records() -> None:
    async def scenario() -> None:
        registry = RegistryTwin(7)
        registry.fault = AWAY
        topic = TopicTwin()
        stage = staged(registry, topic=topic)
        stage.topic.produce("s/u/0", "7!s/u/1", "s/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(parked(stage, 2))
            began_at = stage.loop.time()
        assert stage.loop.time() - began_at < 5
        assert topic.committed[P0] == 1
        registry.fault = None
        after = staged(registry, topic=topic)
        after.source.assign(0)
        async with running(after):
            await after.settled()
        assert after.api.delivered() == ["1", "2"]

    in_virtual_time(scenario())


def test_a_crash_while_records_are_parked_loses_none() -> None:
    async def scenario() -> None:
        registry, topic = RegistryTwin(7), TopicTwin()
        registry.fault = AWAY
        stage = staged(registry, topic=topic)
        topic.produce("7!s/u/0", "s/u/1")
        stage.source.assign(0)
        task = asyncio.create_task(stage.worker.pipeline.run())
        await stage.until(parked(stage, 2))
        await crash(task)
        registry.fault = None
        after = staged(registry, topic=topic)
        after.source.assign(0)
        async with running(after):
            await after.settled()
        assert after.api.delivered() == ["0", "1"]

    in_virtual_time(scenario())


def test_memory_full_of_parked_records_pauses_intake_and_says_so() -> None:
    async def scenario() -> None:
        registry = RegistryTwin(7)
        registry.fault = AWAY
        stage = staged(registry, settings(max_unsettled_records=100))
        stage.topic.produce(*["7!s/u/0"] * 500)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.worker.pipeline.paused)
            assert stage.worker.unsettled.memory.records <= 100
            await stage.until(stage.worker.parking.holds)
            assert "memory is full" in the_hold(stage).reason
            registry.fault = None
            await stage.settled()
        assert len(stage.api.delivered()) == 500
        assert stage.worker.unsettled.memory.bytes == 0

    in_virtual_time(scenario())


def test_a_backlog_that_goes_on_stops_no_other_that_goes_on() -> None:
    """Mapped, the first partition's records fill memory: the rest waits until calls have made room."""

    async def scenario() -> None:
        registry = RegistryTwin(7)
        registry.fault = AWAY
        conf = settings(requests_per_second=100, linger_seconds=0)
        stage = staged(registry, replace(conf, limits=replace(conf.limits, max_unsettled_bytes=540_000)))
        stage.topic.produce(*[f"7!s{n}/u{n}/{n}" for n in range(1500)])
        stage.topic.produce(*[f"7!t{n}/u/other-{n}" for n in range(20)], partition=1)
        stage.source.assign(1, 0)
        async with running(stage):
            await stage.until(parked(stage, 1520))
            assert next(iter(stage.worker.parking.partitions)) == P0
            registry.fault = None
            await stage.until(lambda: stage.topic.committed.get(P1) == 20)
            assert stage.topic.committed.get(P0, 0) < 750
            await stage.settled()
        assert stage.worker.parking.bytes == 0

    in_virtual_time(scenario())


def test_a_backlog_that_goes_on_stops_no_partition_that_did_not_wait() -> None:
    async def scenario() -> None:
        registry = RegistryTwin(7)
        registry.fault = AWAY
        stage = staged(registry, settings(linger_seconds=0))
        stage.topic.produce(*[f"7!s{n % 50}/u/{n}" for n in range(5_000)])
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(parked(stage, 5_000))
            registry.fault = None
            await stage.until(lambda: stage.topic.committed.get(P0, 0) > 0)
            stage.topic.produce("t/u/other", partition=1)
            await stage.until(lambda: stage.topic.committed.get(P1) == 1)
            assert stage.topic.committed[P0] < 5_000
            await stage.settled()

    in_virtual_time(scenario())


def test_a_log_that_is_cut_while_parked_keeps_the_order_of_what_is_held() -> None:
    async def scenario() -> None:
        registry = RegistryTwin(7)
        registry.fault = AWAY
        stage = staged(registry)
        stage.topic.produce("7!s/u/0", "s/u/1", "s/u/2")
        stage.source.assign(0)
        async with running(stage):
            await stage.until(parked(stage, 3))
            stage.topic.cut(1)
            stage.source.goes_on_at(1)
            stage.topic.produce("s/u/again-1", "s/u/again-2")
            await stage.until(parked(stage, 5))
            registry.fault = None
            await stage.settled()
        assert stage.api.delivered() == ["0", "1", "2", "again-1", "again-2"]
        assert stage.worker.unsettled.memory.records == 0

    in_virtual_time(scenario())
