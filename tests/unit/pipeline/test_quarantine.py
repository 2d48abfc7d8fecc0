"""A wrong mapping or format costs nothing: so many dead letters, then what comes is kept, undecided."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.stage import Stage, crash, running, settings
from tests.support.twins import TOPIC, TopicTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.mapping import compile_mapping
from worker.core.model.partition import Partition

if TYPE_CHECKING:
    from worker.core.model.snapshot import HoldStatus
    from worker.ports import Map

P0 = Partition(TOPIC, 0)
OTHER = "views"
MILLISECONDS = 1_780_000_000_000


def mapping(unit: str) -> Map:
    return compile_mapping({"sent_at": {"path": "sentAt", "unit": unit}})


def topic_in_milliseconds(records: int) -> TopicTwin:
    topic = TopicTwin()
    for number in range(records):
        event = {"eventType": "view", "sentAt": MILLISECONDS + number, "sessionId": f"s{number}"}
        topic.produce(json.dumps(event), key=f"user-{number}")
    return topic


def is_kept(stage: Stage, records: int) -> bool:
    return stage.worker.unsettled.memory.records == records and bool(stage.worker.quarantine.holds())


def the_hold(stage: Stage) -> HoldStatus:
    (hold,) = stage.worker.quarantine.holds()
    return hold


def test_a_wrong_unit_costs_a_hundred_dead_letters_and_commits_nothing_past_them() -> None:
    async def scenario() -> None:
        stage = Stage(topic=topic_in_milliseconds(2000), map_record=mapping("seconds"))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: is_kept(stage, 1900))
            await asyncio.sleep(3600)
            assert len(stage.dead_letters.letters) == 100
            assert stage.topic.committed[P0] == 100
            hold = the_hold(stage)
            assert (hold.kind, hold.next_probe_seconds) == ("unmappable", None)
            assert "topic interactions: 2,000 in a row" in hold.reason
            assert "out_of_range 2,000 times (sent_at (`sentAt`): not a time of the years" in hold.reason
            assert "record.mapping" in hold.advice
            assert hold.held_seconds == pytest.approx(3600, abs=10)

    in_virtual_time(scenario())


def test_what_was_kept_is_delivered_after_a_restart_with_the_right_unit() -> None:
    """Also when the worker is killed: nothing of it was ever done with."""

    async def scenario() -> None:
        topic = topic_in_milliseconds(2000)
        wrong = Stage(topic=topic, map_record=mapping("seconds"))
        wrong.source.assign(0)
        task = asyncio.create_task(wrong.worker.pipeline.run())
        await wrong.until(lambda: is_kept(wrong, 1900) and topic.committed[P0] == 100)
        await crash(task)
        right = Stage(topic=topic, map_record=mapping("milliseconds"))
        right.source.assign(0)
        async with running(right):
            await right.settled()
        assert sum(len(batch.interactions) for _, batch, _ in right.api.calls) == 1900
        assert not right.dead_letters.letters

    in_virtual_time(scenario())


def test_a_topic_that_is_no_json_is_kept_and_its_records_need_no_key() -> None:
    async def scenario() -> None:
        stage = Stage(map_record=compile_mapping({}))
        stage.topic.produce(*("\x00\x00\x00\x00\x07Avro" for _ in range(2000)))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: is_kept(stage, 1900))
            assert "framed for a schema registry" in the_hold(stage).reason
        assert len(stage.dead_letters.letters) == 100

    in_virtual_time(scenario())


def test_the_first_record_that_can_be_mapped_shows_that_those_before_it_are_bad() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce(*["bad"] * 500)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: is_kept(stage, 400))
            stage.topic.produce("a/u/1")
            await stage.settled()
            assert not stage.worker.quarantine.holds()
            assert len(stage.dead_letters.letters) == 500
            # The streak begins anew.
            stage.topic.produce(*["bad"] * 101)
            await stage.until(lambda: is_kept(stage, 1))
            assert len(stage.dead_letters.letters) == 600
        assert stage.api.delivered() == ["1"]

    in_virtual_time(scenario())


def test_a_topic_that_holds_other_records_between_good_ones_flows_on() -> None:
    async def scenario() -> None:
        stage = Stage()
        for number in range(20):
            stage.topic.produce(*["bad"] * 700, f"s/u/{number}")
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert len(stage.dead_letters.letters) == 14_000
        assert stage.api.accepted["s"] == [str(number) for number in range(20)]

    in_virtual_time(scenario())


def test_tombstones_between_bad_records_neither_show_that_the_mapping_is_right_nor_wait() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce(*["bad", "skip"] * 200)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: is_kept(stage, 100))
            assert stage.metrics.counts["skipped"] == 200
        assert len(stage.dead_letters.letters) == 100

    in_virtual_time(scenario())


def test_a_good_record_of_one_topic_says_nothing_of_another() -> None:
    """One topic is Avro: it is kept, and the other one goes on being delivered."""

    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce(*["bad"] * 1000, topic=OTHER)
        stage.source.assign(0, topic=OTHER)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: is_kept(stage, 900))
            for number in range(50):
                stage.topic.produce(f"s{number}/u/{number}")
                await asyncio.sleep(1)
            await stage.until(lambda: stage.topic.committed.get(P0) == 50)
            assert is_kept(stage, 900)
            assert the_hold(stage).reason.startswith(f"topic {OTHER}: 1,000 in a row")
        assert len(stage.dead_letters.letters) == 100
        assert stage.topic.committed[OTHER, 0] == 100
        assert len(stage.api.delivered()) == 50

    in_virtual_time(scenario())


def test_a_producer_of_bad_records_under_one_key_holds_nobody() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce(*["bad"] * 1000, key="the one")
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
            assert not stage.worker.quarantine.holds()
        assert len(stage.dead_letters.letters) == 1000

    in_virtual_time(scenario())


def test_what_is_kept_stays_within_the_bound_on_memory() -> None:
    async def scenario() -> None:
        stage = Stage(settings(max_unsettled_records=300))
        stage.topic.produce(*["bad"] * 5000)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: stage.worker.pipeline.paused)
            await asyncio.sleep(600)
            assert stage.worker.unsettled.memory.records <= 300
            assert len(stage.dead_letters.letters) == 100
            assert the_hold(stage).reason.endswith("; memory is full of them, so no further record is mapped")
        assert stage.topic.committed[P0] == 100

    in_virtual_time(scenario())


@pytest.mark.parametrize("is_lost", [True, False])
def test_partitions_that_go_take_along_what_is_kept_of_them_and_do_not_wait_for_it(*, is_lost: bool) -> None:
    async def scenario() -> None:
        stage = Stage(settings(revoke_seconds=60), topic=TopicTwin(2))
        stage.topic.produce(*["bad"] * 150, partition=0)
        stage.source.assign(0, 1)
        async with running(stage):
            await stage.until(lambda: is_kept(stage, 50))
            (stage.source.lose if is_lost else stage.source.revoke)(0)
            await stage.until(lambda: stage.metrics.counts["lost" if is_lost else "revoked"], seconds=2)
            assert not stage.worker.quarantine.holds()
            assert (stage.worker.unsettled.memory.records, stage.worker.unsettled.memory.bytes) == (0, 0)
            # None was mapped meanwhile: the next one is kept at once.
            stage.topic.produce("bad", partition=1)
            await stage.until(lambda: is_kept(stage, 1))
            assert stage.topic.committed[P0] <= 100
        assert len(stage.dead_letters.letters) == 100

    in_virtual_time(scenario())


def test_a_revoke_still_waits_for_what_was_mapped() -> None:
    async def scenario() -> None:
        stage = Stage(settings(revoke_seconds=60, linger_seconds=0))
        stage.api.seconds = 20
        stage.topic.produce("a/u/1", *["bad"] * 150)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: is_kept(stage, 51))
            stage.source.revoke(0)
            await stage.until(lambda: stage.metrics.counts["revoked"], seconds=30)
        assert stage.api.delivered() == ["1"]
        assert stage.topic.committed[P0] == 101

    in_virtual_time(scenario())


def test_a_drain_does_not_wait_for_what_is_kept() -> None:
    async def scenario() -> None:
        stage = Stage(settings(drain_seconds=600))
        stage.topic.produce(*["bad"] * 150)
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: is_kept(stage, 50))
            began_at = stage.loop.time()
        assert stage.loop.time() - began_at < 5
        assert (stage.topic.committed[P0], len(stage.dead_letters.letters)) == (100, 100)

    in_virtual_time(scenario())


def test_a_replay_makes_dead_letters_again_of_all_that_cannot_be_mapped() -> None:
    """What the setting's null says, which a replay is assembled with."""

    async def scenario() -> None:
        stage = Stage(settings(hold_after_unmappable=None))
        stage.topic.produce(*["bad"] * 3000)
        stage.source.assign(0)
        async with running(stage):
            await stage.settled()
        assert len(stage.dead_letters.letters) == 3000

    in_virtual_time(scenario())


def test_a_hold_is_said_at_once_and_while_it_lasts_and_its_end_too() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.topic.produce(*["bad"] * 150, key=None)
        stage.source.assign(0)
        with capture_logs() as logs:
            async with running(stage):
                await stage.until(lambda: is_kept(stage, 50))
                await asyncio.sleep(100)
                said = [each for each in logs if each["event"] == "records.held"]
                assert [round(each["held_seconds"]) for each in said] == [0, 10, 70]
                assert {(each["kind"], each["records"], each["log_level"]) for each in said} == {
                    ("unmappable", 50, "error")
                }
                assert "not_json 150 times" in said[0]["reason"]
                stage.topic.produce("a/u/1")
                await stage.settled()
        (over,) = [each for each in logs if each["event"] == "records.released"]
        assert (over["topic"], over["records"]) == (TOPIC, 50)

    in_virtual_time(scenario())


@pytest.mark.slow
def test_holds_that_come_and_go_do_not_fill_the_log() -> None:
    async def scenario() -> None:
        stage = Stage()
        stage.source.assign(0)
        with capture_logs() as logs:
            async with running(stage):
                for number in range(300):
                    stage.topic.produce(*["bad"] * 110)
                    await asyncio.sleep(0.5)
                    stage.topic.produce(f"s/u/{number}")
                    await asyncio.sleep(0.5)
        said = [each for each in logs if each["event"] in {"records.held", "records.released"}]
        assert 2 <= len(said) <= 10

    in_virtual_time(scenario())


def test_many_topics_of_another_format_are_one_hold_that_names_the_worst() -> None:
    async def scenario() -> None:
        stage = Stage()
        for number in range(30):
            stage.topic.produce(*["bad"] * (101 + number), topic=f"t{number}")
            stage.source.assign(0, topic=f"t{number}")
        async with running(stage):
            await stage.until(lambda: is_kept(stage, sum(range(1, 31))))
            topics = [each.partition(":")[0] for each in the_hold(stage).reason.split("; ")]
            assert topics == ["topic t29", "topic t28", "topic t27", "and 27 topics more"]

    in_virtual_time(scenario())
