"""What the worker says of where everything is and why, played in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.support.stage import EPOCH_SECONDS, Stage, running, settings
from tests.support.twins import TOPIC, TopicTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault
from worker.core.model.partition import Partition
from worker.core.model.records import Reason
from worker.core.model.snapshot import NotReady, PartitionGauges, SourceStatus, SourceTrouble, WaitsFor
from worker.sources.kafka.offsets import offset_of
from worker.status import Status
from worker.status.readiness import Watched
from worker.telemetry.meter import Counts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch
    from worker.core.model.worker_status import PartitionStatus, WorkerStatus
    from worker.core.offsets.assignment import Assignment
    from worker.settings import Settings


class Seen:
    """A stage, and the status that looks at it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.source = SourceStatus()
        self.clock_ahead: float | None = None
        self.status = Status(stage.loop.time, version="1.2.3", group="g")
        self.status.watch(Watched(stage.worker, Source(self), lambda: self.clock_ahead))

    def partitions(self) -> tuple[PartitionGauges, ...]:
        """As the source would tell it."""
        return tuple(self._gauges(assignment) for assignment in self.stage.worker.unsettled.tracker)

    def _gauges(self, assignment: Assignment) -> PartitionGauges:
        log = self.stage.topic.logs[assignment.partition]
        end, at = (log[-1][0] + 1 if log else 0), self.stage.topic.committed.get(assignment.partition, 0)
        settled, received = assignment.settled_up_to(), assignment.received_up_to()
        return PartitionGauges(
            assignment.partition,
            end - at,
            end,
            at,
            None if settled is None else offset_of(settled),
            None if received is None else offset_of(received),
        )

    def source_now(self) -> SourceStatus:
        return self.source

    def now(self) -> WorkerStatus:
        return self.status.status()

    def partition(self, number: int = 0) -> PartitionStatus:
        return next(each for each in self.now().partitions if each.partition == number)

    def waits_for(self, number: int = 0) -> WaitsFor:
        return self.partition(number).waits_for


class Source:
    def __init__(self, seen: Seen) -> None:
        self.status = seen.source_now
        self.partitions = seen.partitions
        self.shown = int


@asynccontextmanager
async def seeing(
    conf: Settings | None = None, partitions: int = 1, answer: Answer | None = None
) -> AsyncIterator[Seen]:
    stage = Stage(conf, topic=TopicTwin(partitions))
    stage.api.answer = lambda _: answer or Accepted()
    stage.source.assign(*range(partitions))
    seen = Seen(stage)
    async with running(stage):
        await stage.until(lambda: stage.limiter.share)
        yield seen
        stage.api.answer = lambda _: Accepted()
        stage.dead_letters.broken = None


def test_with_nothing_to_do_it_waits_for_nothing() -> None:
    async def scenario() -> None:
        async with seeing() as seen:
            seen.stage.topic.produce("a/u/1")
            await seen.stage.settled()
            partition = seen.partition()
        assert partition.waits_for == WaitsFor("nothing")
        offsets = (partition.committed_offset, partition.settled_offset, partition.received_offset)
        assert (*offsets, partition.end_offset) == (1, 1, 1, 1)
        assert (partition.lag_records, partition.unsettled_records, partition.oldest_seconds) == (0, 0, 0.0)

    in_virtual_time(scenario())


def test_a_young_event_lingers() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=20)) as seen:
            seen.stage.topic.produce("a/u/1", "a/u/2")
            await asyncio.sleep(5)
            assert seen.waits_for() == WaitsFor("linger")
            partition, (session,) = seen.partition(), seen.now().sessions
            assert (partition.settled_offset, partition.received_offset, partition.unsettled_records) == (
                0,
                2,
                2,
            )
            assert partition.oldest_seconds == session.oldest_seconds == pytest.approx(5, abs=0.2)
            assert (session.events, session.waits_for) == (2, WaitsFor("linger"))
            assert (session.topic, session.partition, session.offset) == (TOPIC, 0, 0)

    in_virtual_time(scenario())


def test_a_call_that_is_not_answered_is_in_flight_since_it_went() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=0)) as seen:
            seen.stage.api.seconds = 30
            seen.stage.topic.produce("a/u/1")
            await asyncio.sleep(10)
            waits_for = seen.waits_for()
            assert waits_for.cause == "in_flight"
            assert waits_for.seconds == pytest.approx(10, abs=0.2)
            assert seen.now().sessions[0].waits_for == waits_for

    in_virtual_time(scenario())


@pytest.mark.parametrize(
    ("answer", "code"),
    [(Throttled("ThrottlingException"), "ThrottlingException"), (TransientFault("X"), "X")],
)
def test_a_call_that_failed_is_tried_again_and_how_often_it_failed_is_told(answer: Answer, code: str) -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=0), answer=answer) as seen:
            seen.stage.topic.produce("a/u/1")
            await seen.stage.until(lambda: len(seen.stage.api.calls) == 3)
            waits_for = seen.waits_for()
            assert (waits_for.cause, waits_for.calls, waits_for.code) == ("retry", 3, code)
            assert waits_for.seconds
            status = seen.now()
            assert status.sessions[0].waits_for == waits_for
            assert status.sending is not None
            assert (status.sending.batches, status.sending.retrying) == (1, 1)

    in_virtual_time(scenario())


def test_a_call_that_fails_for_long_is_told_since_its_first_failure_also_between_its_turns() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=0), answer=TransientFault("Http503")) as seen:
            seen.stage.topic.produce("a/u/1")
            await seen.stage.until(lambda: seen.stage.api.calls)
            began_at = seen.stage.loop.time()
            for _ in range(3000):
                await asyncio.sleep(0.1)
                waits_for = seen.now().sessions[0].waits_for
                assert (waits_for.cause, waits_for.calls) == ("retry", len(seen.stage.api.calls))
                assert waits_for.seconds == pytest.approx(seen.stage.loop.time() - began_at, abs=0.2)

    in_virtual_time(scenario())


def retried(stage: Stage) -> int:
    flights = stage.worker.pipeline.in_flight()
    return stage.worker.queues.retried + sum(each.retry is not None for each in flights)


@pytest.mark.parametrize("how", ["revoked", "lost", "accepted", "held"])
@pytest.mark.slow
def test_nothing_is_kept_of_a_session_that_is_tried_no_more(how: str) -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=0), partitions=2, answer=TransientFault("Http503")) as seen:
            stage = seen.stage
            stage.topic.produce(*(f"s{n}/u/{n}" for n in range(600)), partition=0)
            await stage.until(lambda: retried(stage) == 600)
            match how:
                case "revoked":
                    stage.source.revoke(0)
                case "lost":
                    stage.source.lose(0)
                case "held":
                    stage.api.answer = lambda _: Misconfigured("AccessDeniedException")
                    await stage.until(lambda: stage.breaker.holds)
            if how in {"accepted", "held"}:
                stage.api.answer = lambda _: Accepted()
                await stage.settled()
            await stage.until(lambda: not stage.worker.unsettled.memory.records)
            await asyncio.sleep(1)
            assert not retried(stage)

    in_virtual_time(scenario())


def test_who_is_due_and_may_not_go_waits_for_the_quota() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=0, requests_per_second=0.01)) as seen:
            seen.stage.topic.produce("a/u/1", "b/u/2", "c/u/3")
            await asyncio.sleep(30)
            await seen.stage.until(lambda: seen.stage.worker.unsettled.memory.records == 2)
            await asyncio.sleep(1)
            assert seen.waits_for().cause == "quota"
            assert {each.waits_for.cause for each in seen.now().sessions} == {"quota"}

    in_virtual_time(scenario())


def test_who_is_due_while_all_calls_are_under_way_waits_for_a_place() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=0, max_in_flight=1), partitions=2) as seen:
            seen.stage.api.seconds = 20
            seen.stage.topic.produce("a/u/1", partition=0)
            await asyncio.sleep(1)
            seen.stage.topic.produce("b/u/2", partition=1)
            await asyncio.sleep(1)
            assert seen.waits_for(0).cause == "in_flight"
            assert seen.waits_for(1).cause == "place"

    in_virtual_time(scenario())


def test_the_rest_of_a_halved_call_waits_for_its_turn() -> None:
    async def scenario() -> None:
        def answer(batch: Batch) -> Answer:
            return Refused("InvalidInputException") if len(batch.interactions) > 1 else Accepted()

        async with seeing(settings(max_in_flight=1)) as seen:
            seen.stage.api.answer = answer
            seen.stage.api.seconds = 5
            seen.stage.topic.produce(*(f"a/u/{n}" for n in range(2)), *(f"b/u/{n}" for n in range(2)))
            await seen.stage.until(
                lambda: any(each.permit is None for each in seen.stage.worker.pipeline.in_flight())
            )
            await seen.stage.until(lambda: seen.waits_for().cause == "quota")

    in_virtual_time(scenario())


def test_while_held_everything_waits_for_the_hold_to_end() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=0), answer=Misconfigured("AccessDeniedException")) as seen:
            seen.stage.topic.produce("a/u/1", "b/u/2")
            await seen.stage.until(lambda: seen.stage.breaker.holds)
            await asyncio.sleep(0.4)
            status = seen.now()
            assert not status.ready
            (hold,) = status.holds
            assert (hold.kind, hold.reason) == ("misconfigured", "AccessDeniedException")
            assert "personalize:PutEvents" in hold.advice
            assert hold.next_probe_seconds == pytest.approx(0.6, abs=0.1)
            assert seen.waits_for() == WaitsFor("hold", hold.held_seconds, code="misconfigured")
            assert {each.waits_for.cause for each in status.sessions} == {"hold"}
            assert "to find out, next in 1 s" in status.reasons[0]

    in_virtual_time(scenario())


def test_a_record_that_is_to_be_a_dead_letter_waits_for_that() -> None:
    async def scenario() -> None:
        async with seeing() as seen:
            seen.stage.dead_letters.seconds = 10
            seen.stage.topic.produce("bad")
            await asyncio.sleep(5)
            assert seen.waits_for() == WaitsFor("dead_letter")
            await seen.stage.settled()
            assert seen.waits_for() == WaitsFor("nothing")

    in_virtual_time(scenario())


def test_a_dead_letter_that_can_not_be_written_is_a_hold_with_its_next_try() -> None:
    async def scenario() -> None:
        async with seeing() as seen:
            seen.stage.dead_letters.broken = "no such topic"
            seen.stage.topic.produce("bad")
            await seen.stage.until(lambda: seen.stage.breaker.holds)
            await asyncio.sleep(60)
            await seen.stage.until(lambda: seen.now().holds[0].next_probe_seconds is not None)
            (hold,) = seen.now().holds
            assert 0 <= (hold.next_probe_seconds or 0) <= 15
            waits_for = seen.waits_for()
            assert (waits_for.cause, waits_for.code) == ("hold", "dead_letters")

    in_virtual_time(scenario())


def test_what_is_not_received_for_want_of_memory_is_told() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=0, max_unsettled_records=10), partitions=2) as seen:
            seen.stage.api.seconds = 100
            seen.stage.topic.produce(*(f"s{n}/u/{n}" for n in range(10)), partition=0)
            await seen.stage.until(lambda: seen.stage.worker.pipeline.paused)
            seen.stage.topic.produce("late/u/1", partition=1)
            assert seen.waits_for(0).cause == "in_flight"
            assert seen.waits_for(1) == WaitsFor("memory")
            memory = seen.now().memory
            assert memory is not None
            assert (memory.unsettled_records, memory.max_unsettled_records, memory.paused) == (10, 10, True)

    in_virtual_time(scenario())


def test_what_kafka_has_and_has_not_sent_is_told() -> None:
    async def scenario() -> None:
        async with seeing() as seen:
            seen.stage.source.is_paused = True  # as a broker that stands still
            seen.stage.topic.produce("a/u/1")
            silent = SourceTrouble("silent_broker", "broker b1 has not answered", 12.0, "look after it")
            seen.source = SourceStatus(troubles=(silent,))
            await asyncio.sleep(5)
            assert seen.waits_for() == WaitsFor("kafka")
            said = "kafka: broker b1 has not answered (for 12 s); look after it"
            assert seen.now().reasons == (said,)
            assert seen.status.gauges().source.troubles == (silent,)
            seen.stage.source.is_paused = False

    in_virtual_time(scenario())


@pytest.mark.parametrize(
    ("ahead", "ready"), [(None, True), (0.4, True), (60, True), (-312, False), (400, False)]
)
def test_a_clock_too_far_off_for_any_signature_is_said(ahead: float | None, *, ready: bool) -> None:
    async def scenario() -> None:
        async with seeing() as seen:
            seen.clock_ahead = ahead
            status = seen.now()
            assert (status.ready, status.clock_ahead_seconds) == (ready, ahead)
            assert any("clock" in each for each in status.reasons) is not ready

    in_virtual_time(scenario())


def test_why_there_are_no_partitions_is_said_as_soon_as_it_is_known() -> None:
    async def scenario() -> None:
        async with seeing() as seen:
            seen.stage.source.lose(0)
            await seen.stage.until(lambda: not len(seen.stage.worker.unsettled.tracker))
            assert seen.now().reasons == ("no partitions assigned for 0 s",)
            why = SourceTrouble("no_partitions", "no partitions assigned: all 3 are others'", 9.0, "add some")
            seen.source = SourceStatus(troubles=(why,))
            assert seen.now().reasons == ("no partitions assigned: all 3 are others' (for 9 s); add some",)
            seen.stage.source.assign(0)

    in_virtual_time(scenario())


def test_a_topic_of_which_nothing_can_be_mapped_is_unready_and_says_why_and_what_to_do() -> None:
    async def scenario() -> None:
        async with seeing() as seen:
            seen.stage.topic.produce(*["bad"] * 150, timestamp_ms=round(EPOCH_SECONDS * 1000) - 115_000)
            await seen.stage.until(lambda: seen.stage.topic.committed.get(Partition(TOPIC, 0)) == 100)
            await asyncio.sleep(60)
            status = seen.now()
            (reason,) = status.reasons
            assert not status.ready
            assert reason.startswith("held for 6")
            assert (
                "unmappable: topic interactions: 150 in a row cannot be mapped: not_json 150 times" in reason
            )
            assert "correct record.mapping" in reason
            assert [hold.kind for hold in status.holds] == ["unmappable"]
            assert [hold.kind for hold in seen.status.gauges().holds] == ["unmappable"]
            waits_for = seen.waits_for()
            assert (waits_for.cause, waits_for.code) == ("hold", "unmappable")
            assert waits_for.seconds == pytest.approx(60, abs=1)
            seen.stage.topic.produce("a/u/1")
            await seen.stage.settled()
            assert seen.now().ready

    in_virtual_time(scenario())


def test_what_retention_took_is_told() -> None:
    async def scenario() -> None:
        async with seeing() as seen:
            seen.source = SourceStatus(records_lost=4900)
            assert seen.now().records_lost == 4900
            assert seen.status.gauges().source.records_lost == 4900

    in_virtual_time(scenario())


def test_how_old_the_oldest_record_is_by_its_own_timestamp_is_told_besides_when_it_came() -> None:
    """It waited in Kafka before it came."""

    async def scenario() -> None:
        async with seeing(settings(linger_seconds=60)) as seen:
            assert seen.status.gauges().oldest_unsettled_record_age_seconds == 0
            made_ms = round(seen.stage.epoch_seconds() * 1000)
            seen.stage.topic.produce("a/u/1", timestamp_ms=made_ms - 115_000)
            seen.stage.topic.produce("b/u/1", timestamp_ms=made_ms + 10_000)
            seen.stage.topic.produce("c/u/1", timestamp_ms=None)
            await asyncio.sleep(32)
            gauges, partition = seen.status.gauges(), seen.partition()
            assert gauges.oldest_unsettled_age_seconds == pytest.approx(32, abs=1)
            assert gauges.oldest_unsettled_record_age_seconds == pytest.approx(147, abs=1)
            assert partition.oldest_age_seconds == pytest.approx(147, abs=1)

    in_virtual_time(scenario())


def test_a_timestamp_from_the_future_is_no_age_and_none_is_none() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=60), partitions=2) as seen:
            seen.stage.topic.produce("a/u/1", timestamp_ms=round(EPOCH_SECONDS * 1000) + 3_600_000)
            seen.stage.topic.produce("b/u/1", timestamp_ms=None, partition=1)
            await asyncio.sleep(5)
            assert seen.status.gauges().oldest_unsettled_record_age_seconds == 0
            assert [seen.partition(number).oldest_age_seconds for number in (0, 1)] == [0, None]

    in_virtual_time(scenario())


def test_what_was_done_with_since_the_start_is_told_by_reason_and_rule() -> None:
    counts = Counts(lambda: 0.0, error_codes=())
    counts.dead_lettered(Reason("missing", "..."))
    counts.dead_lettered(Reason("missing", "..."))

    async def scenario() -> None:
        stage = Stage()
        status = Status(stage.loop.time, version="1.2.3", group="g", counts=counts)
        status.watch(Watched(stage.worker, Source(Seen(stage)), lambda: None))
        done = status.status().done
        assert done is not None
        assert (done.delivered, done.dead_lettered["missing"], done.dead_lettered["refused"]) == (0, 2, 0)
        assert done.skipped == {"tombstone": 0, "too_old": 0}

    in_virtual_time(scenario())


def test_a_worker_that_is_starting_says_so() -> None:
    status = Status(lambda: 0.0, version="1.2.3", group="g").status()
    assert (status.ready, status.reasons) == (False, ("the worker is starting",))
    assert (status.sending, status.memory, status.partitions) == (None, None, ())


def test_the_worst_partitions_come_first_and_no_more_than_a_hundred() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=0), partitions=150) as seen:
            seen.stage.api.seconds = 60
            for partition in (140, 30, 7):
                seen.stage.topic.produce(f"{partition}/u/1", partition=partition)
                await asyncio.sleep(1)
            status = seen.now()
            assert (status.partitions_total, len(status.partitions)) == (150, 100)
            assert [each.partition for each in status.partitions[:3]] == [140, 30, 7]

    in_virtual_time(scenario())


def test_the_ten_oldest_sessions_are_shown_the_oldest_first() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=60)) as seen:
            for number in range(20):
                seen.stage.topic.produce(f"s{number}/u/{number}")
                await asyncio.sleep(1)
            status = seen.now()
            assert [each.offset for each in status.sessions] == list(range(10))
            assert status.sessions_total == 20

    in_virtual_time(scenario())


def test_a_session_is_shown_by_a_hash_that_stays_and_that_another_process_does_not_share() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=60)) as seen:
            seen.stage.topic.produce("session-4711/user-4711/event-4711", "other/u/1")
            await asyncio.sleep(1)
            first, again = seen.now(), seen.now()
            assert "4711" not in msgspec.json.encode(first).decode()
            hashes = [each.hash for each in first.sessions]
            assert hashes == [each.hash for each in again.sessions]
            assert len(set(hashes)) == 2
            assert {len(each) for each in hashes} == {16}
            elsewhere = Status(lambda: 0.0, version="1.2.3", group="g")
            elsewhere.watch(Watched(seen.stage.worker, Source(seen), lambda: None))
            assert not {each.hash for each in elsewhere.status().sessions} & set(hashes)

    in_virtual_time(scenario())


def test_a_worker_that_is_still_starting_is_not_ready() -> None:
    """Whatever it waited for first has come, and AWS's keys, say, are still on their way."""
    status = Status(lambda: 0.0, version="1.2.3", group="g")
    assert status.readiness().reasons == ("the worker is starting",)
    status.waiting_for = NotReady("kafka", "kafka: away")
    assert status.readiness().reasons == ("kafka: away",)
    status.waiting_for = None
    assert not status.readiness().ready
    assert status.readiness().reasons == ("the worker is starting",)


def test_the_lag_is_told_of_all_partitions_and_how_far_the_last_shard_is_behind() -> None:
    async def scenario() -> None:
        async with seeing(settings(linger_seconds=30), partitions=3) as seen:
            assert (seen.now().lag_records, seen.now().behind_seconds) == (0, None)
            seen.stage.topic.produce("a/u/1", "b/u/2", "c/u/3")
            await asyncio.sleep(3)
            assert seen.now().lag_records == 3
            assert seen.status.sample().lag == 3
            shards = [
                PartitionGauges(Partition(TOPIC, n), behind_seconds=behind)
                for n, behind in enumerate((4, None, 9))
            ]
            seen.partitions = lambda: tuple(shards)
            seen.status.watch(Watched(seen.stage.worker, Source(seen), lambda: None))
            assert (seen.now().lag_records, seen.now().behind_seconds) == (None, 9)
            assert seen.status.sample().lag == 9

    in_virtual_time(scenario())


def test_a_sample_has_what_was_counted_and_the_age_of_the_oldest_record() -> None:
    counts = Counts(lambda: 0.0, error_codes=())

    async def scenario() -> None:
        async with seeing(settings(linger_seconds=60)) as seen:
            status = Status(seen.stage.loop.time, version="1.2.3", group="g", counts=counts)
            began = status.sample()
            assert (began.received, began.oldest_age_seconds, began.lag) == (0, 0.0, None)
            status.watch(Watched(seen.stage.worker, Source(seen), lambda: None))
            seen.stage.topic.produce("a/u/1")
            await asyncio.sleep(10)
            counts.received(4)
            counts.dead_lettered(Reason("missing", "..."))
            counts.answered(Accepted(), 0.1)
            sample = status.sample()
            assert (sample.received, sample.dead_lettered, sample.calls) == (4, 1, 1)
            assert sample.rate(began, "received") == pytest.approx(0.4, abs=0.01)
            assert sample.oldest_age_seconds >= 9.8

    in_virtual_time(scenario())


def test_what_is_read_from_is_told_from_the_start() -> None:
    assert Status(lambda: 0.0, version="1.2.3", group="g", source="kinesis").status().source == "kinesis"
