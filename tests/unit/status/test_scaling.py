from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from tests.support.stage import Stage, running
from tests.support.twins import TopicTwin
from tests.support.virtual_time import in_virtual_time
from worker.core.model.gauges import Gauges, ScalingGauges, SendingGauges
from worker.core.model.outcomes import Accepted, Misconfigured
from worker.core.model.partition import Partition
from worker.core.model.snapshot import HoldStatus, PartitionGauges, SourceStatus
from worker.core.model.worker_status import ScalingStatus
from worker.core.scaling.demand import Bound
from worker.status import Status
from worker.status.readiness import Watched as Parts
from worker.status.scaling import Scaling
from worker.telemetry.cpu import CpuTime
from worker.telemetry.meter import Counts

if TYPE_CHECKING:
    from worker.core.model.snapshot import NotReadyCause

HOLD = HoldStatus(
    kind="misconfigured", reason="r", held_seconds=1, probe="it", next_probe_seconds=1, advice="do"
)


def partition(
    number: int, *, end: int | None, received: int | None, lag: int | None = None
) -> PartitionGauges:
    return PartitionGauges(
        Partition("clicks", number), lag_records=lag, end_offset=end, received_offset=received
    )


def shard(number: int, behind_seconds: float | None) -> PartitionGauges:
    return PartitionGauges(Partition("stream", number), behind_seconds=behind_seconds)


class Source:
    """Has three partitions, of which nothing waits."""

    def status(self) -> SourceStatus:
        return SourceStatus()

    def partitions(self) -> tuple[PartitionGauges, ...]:
        return tuple(partition(number, end=0, received=0) for number in range(3))

    def shown(self, position: int) -> int:
        return position


class Watched:
    """A worker that takes in 100 records a second, with half of a core."""

    def __init__(self, *partitions: PartitionGauges, system: Any = "kafka") -> None:
        self.gauges = Gauges(
            unsettled_records=50,
            unsettled_bytes=0,
            oldest_unsettled_age_seconds=0.0,
            rate_limit_calls_per_second=250.0,
            rate_limit_borrowed_calls_per_second=0.0,
            quota_share_ratio=0.25,
            calls_in_flight=8,
            holds=(),
            paused=False,
            accepted_uncommitted_records=0,
            partitions=partitions,
            sending=SendingGauges(max_calls_in_flight=64),
            source=SourceStatus(system=system),
        )
        self.counts = Counts(lambda: 0.0, ())
        self.now = 0.0
        self.scaling = Scaling(self.counts, lambda: CpuTime(self.now / 2, self.now / 2, 8.0))

    def look(self, seconds: float = 15.0, **gauges: Any) -> ScalingGauges:
        """Let time pass, and look."""
        self.now += seconds
        self.counts.received(round(100 * seconds))
        self.gauges = structs.replace(self.gauges, **gauges)
        return self.scaling.look(self.gauges, 250.0, self.now)

    def minutes(self, minutes: int, **gauges: Any) -> ScalingGauges:
        """Look all the time."""
        return [self.look(**gauges) for _ in range(4 * minutes)][-1]


def test_a_worker_with_a_quarter_of_the_partitions_tells_what_all_need() -> None:
    seen = Watched(partition(0, end=700, received=600), partition(1, end=10, received=10))
    told = seen.minutes(3)
    assert (told.desired_workers, told.bound) == (4, Bound.CALM)
    assert told.records_waiting == 150
    assert told.arrival_records_per_second == pytest.approx(100)
    assert told.cpu_used_ratio == pytest.approx(0.5)
    assert told.quota_used_ratio == 0


def test_what_waits_is_told_at_once_and_the_rest_once_there_is_a_minute() -> None:
    told = Watched(partition(0, end=700, received=600)).look()
    assert told == ScalingGauges(records_waiting=150)


def test_one_session_that_waits_makes_no_backlog_of_what_was_settled_behind_it() -> None:
    told = Watched(partition(0, end=1_000_000, received=1_000_000, lag=900_000)).look()
    assert told.records_waiting == 50


def test_before_the_first_record_the_lag_is_what_waits() -> None:
    told = Watched(partition(0, end=None, received=None, lag=900)).look()
    assert told.records_waiting == 950


def test_a_log_of_which_nothing_is_known_is_not_counted() -> None:
    told = Watched(partition(0, end=700, received=600), partition(1, end=None, received=None)).minutes(3)
    assert told.records_waiting == 50
    assert told.arrival_records_per_second == pytest.approx(100)


def test_of_a_stream_what_waits_is_known_once_it_is_known_how_fast_it_comes() -> None:
    seen = Watched(shard(0, 20.0), shard(1, 40.0), shard(2, None), system="kinesis")
    assert seen.look().records_waiting is None
    assert seen.minutes(3).records_waiting == pytest.approx(50 + 30 * 100)
    assert Watched(shard(0, 0.0), system="kinesis").look().records_waiting == 50


@pytest.mark.parametrize("cause", ["hold", "credentials", "kafka", "calls_failing", "throttled", "clock"])
def test_while_the_worker_is_not_ready_the_number_stays(cause: NotReadyCause) -> None:
    seen = Watched(partition(0, end=0, received=0))
    before = seen.minutes(3).desired_workers
    told = seen.minutes(30, not_ready=frozenset({cause}), unsettled_records=100_000)
    assert (told.desired_workers, told.bound) == (before, Bound.HELD)


def test_while_records_are_kept_that_cannot_be_mapped_the_number_stays() -> None:
    seen = Watched(partition(0, end=0, received=0))
    before = seen.minutes(3).desired_workers
    told = seen.minutes(30, holds=(structs.replace(HOLD, kind="unmappable"),))
    assert (told.desired_workers, told.bound) == (before, Bound.HELD)


def test_a_worker_that_drains_says_so() -> None:
    seen = Watched(partition(0, end=0, received=0))
    before = seen.minutes(3).desired_workers
    told = seen.look(not_ready=frozenset({"draining"}), sending=SendingGauges(draining=True))
    assert (told.desired_workers, told.bound) == (before, Bound.DRAINING)


def test_a_pod_without_partitions_knows_nothing() -> None:
    told = Watched().minutes(3, not_ready=frozenset({"no_partitions"}), quota_share_ratio=0.0)
    assert (told.desired_workers, told.bound) == (None, Bound.UNKNOWN)


def test_a_worker_that_runs_says_the_number_and_keeps_it_through_a_hold() -> None:
    async def scenario() -> None:
        stage = Stage(topic=TopicTwin(3))
        stage.source.assign(0, 1, 2)
        status = Status(
            stage.loop.time,
            version="1",
            group="g",
            counts=Counts(lambda: 0.0, ()),
            cpu=lambda: CpuTime(0.9 * stage.loop.time(), 0.9 * stage.loop.time(), 1.0),
        )
        status.watch(Parts(stage.worker, Source(), lambda: None))

        async def told(seconds: int) -> ScalingGauges:
            for _ in range(seconds // 15):
                status.gauges()
                await asyncio.sleep(15)
            return status.gauges().scaling

        async with running(stage):
            assert status.status().scaling == ScalingStatus(desired_workers=None, bound=Bound.UNKNOWN)
            assert (await told(180)).desired_workers == 2
            stage.api.answer = lambda _: Misconfigured("AccessDeniedException")
            stage.topic.produce("s/u/1")
            held = await told(45)
            assert (held.desired_workers, held.bound) == (2, Bound.HELD)
            assert status.status().scaling == ScalingStatus(desired_workers=2, bound=Bound.HELD)
            stage.api.answer = lambda _: Accepted()

    in_virtual_time(scenario())
