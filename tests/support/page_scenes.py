"""Workers to look at, with made-up figures: what their status is, and how the last ten minutes went."""

from __future__ import annotations

from math import pi, sin
from random import Random
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from worker.core.model.snapshot import HoldStatus, WaitsFor
from worker.core.model.worker_status import (
    DoneStatus,
    MemoryStatus,
    PartitionStatus,
    ScalingStatus,
    SendingStatus,
    WorkerStatus,
)
from worker.core.scaling.demand import Bound
from worker.status.history import SAMPLE_SECONDS, SAMPLES, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

TOPIC: Final = "shop.interactions"
_SECONDS: Final = SAMPLE_SECONDS * (SAMPLES - 1)


class Scene(Struct, frozen=True):
    """A worker, how it is and how it was."""

    now: WorkerStatus
    before: tuple[Sample, ...]

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Its last minutes, which end with how it is."""
        lag = self.now.behind_seconds if self.now.lag_records is None else self.now.lag_records
        return (*self.before[:-1], replace(self.before[-1], lag=lag))


class Minute(Struct, frozen=True):
    """How a moment of the last ten minutes was, from 0, the first, to 1, now."""

    received: float
    accepted: float
    calls: float
    dead_lettered: float = 0.0
    age: float = 1.0
    lag: float = 0.0


def partition(number: int, waits_for: WaitsFor | None = None, **more: object) -> PartitionStatus:
    """A partition that is as it should be, but for what is given."""
    first = 48_213_000 + 7919 * number
    usual = PartitionStatus(
        topic=TOPIC,
        partition=number,
        committed_offset=first,
        settled_offset=first + 61,
        received_offset=first + 104,
        end_offset=first + 106,
        lag_records=45 - number % 7,
        unsettled_records=43 - number % 7,
        oldest_seconds=0.9 - 0.01 * number % 0.5,
        oldest_age_seconds=1.1 - 0.01 * number % 0.5,
        waits_for=WaitsFor("linger") if waits_for is None else waits_for,
    )
    return replace(usual, **more)


def samples(minute: Callable[[float, Random], Minute]) -> tuple[Sample, ...]:
    """The samples of ten such minutes, the same each time."""
    chance, total = Random(7), Sample(0.0)  # noqa: S311  not a secret
    taken = []
    for number in range(SAMPLES):
        now = minute(number / (SAMPLES - 1), chance)
        total = Sample(
            number * SAMPLE_SECONDS,
            received=total.received + round(now.received * SAMPLE_SECONDS),
            accepted=total.accepted + round(now.accepted * SAMPLE_SECONDS),
            dead_lettered=total.dead_lettered + round(now.dead_lettered * SAMPLE_SECONDS),
            calls=total.calls + round(now.calls * SAMPLE_SECONDS),
            oldest_age_seconds=now.age,
            lag=now.lag,
        )
        taken.append(total)
    return tuple(taken)


def _steadily(at: float, chance: Random) -> Minute:
    rate = 1_180 + 130 * sin(at * 2.2 * pi) + chance.gauss(0, 45)
    return Minute(
        rate,
        rate + chance.gauss(0, 30),
        rate / 6.1,
        dead_lettered=0.4 if 0.55 < at < 0.6 else 0.0,
        age=1.0 + abs(chance.gauss(0, 0.15)),
        lag=abs(880 + chance.gauss(0, 120)),
    )


SENDING: Final = SendingStatus(
    quota_calls_per_second=1000,
    share_ratio=1 / 3,
    rate_calls_per_second=333.3,
    borrowed_calls_per_second=0.0,
    throttled_seconds=None,
    in_flight=9,
    max_in_flight=64,
    batches=9,
    retrying=0,
)
MEMORY: Final = MemoryStatus(
    unsettled_records=891,
    max_unsettled_records=100_000,
    unsettled_bytes=912_000,
    max_unsettled_bytes=128 << 20,
    paused=False,
)
WORKING: Final = Scene(
    WorkerStatus(
        ready=True,
        reasons=(),
        version="0.1.0",
        up_seconds=3 * 86_400.0,
        group="recommendations",
        sending=SENDING,
        memory=MEMORY,
        scaling=ScalingStatus(desired_workers=3, bound=Bound.CALM),
        done=DoneStatus(
            delivered=284_113_902, dead_lettered={"missing": 41, "out_of_range": 12, "refused": 3}, skipped={}
        ),
        clock_ahead_seconds=0.2,
        lag_records=891,
        partitions_total=20,
        partitions=tuple(partition(number) for number in range(20)),
    ),
    samples(_steadily),
)

_WAITS_FOR_HOLD: Final = WaitsFor("hold", 96.0, code="misconfigured")


def _held(at: float, chance: Random) -> Minute:
    usual, stopped_for = _steadily(at, chance), (at - 0.84) * _SECONDS
    if stopped_for < 0:
        return usual
    is_full = stopped_for * usual.received > MEMORY.max_unsettled_records
    return replace(
        usual,
        received=0.0 if is_full else usual.received,
        accepted=0.0,
        calls=0.3,
        age=1 + stopped_for,
        lag=usual.lag + usual.received * stopped_for,
    )


HELD: Final = Scene(
    replace(
        WORKING.now,
        ready=False,
        reasons=(
            "held for 96 s: misconfigured: AccessDeniedException; allow personalize:PutEvents on resource * "  # noqa: ISC004  one sentence
            "to the worker's role; one event is sent to find out, next in 12 s",
        ),
        holds=(
            HoldStatus(
                kind="misconfigured",
                reason="AccessDeniedException",
                held_seconds=96.0,
                probe="one event is sent",
                next_probe_seconds=12.0,
                advice="allow personalize:PutEvents on resource * to the worker's role",
            ),
        ),
        sending=replace(SENDING, in_flight=0, batches=0),
        scaling=ScalingStatus(desired_workers=3, bound=Bound.HELD),
        memory=replace(MEMORY, unsettled_records=100_000, unsettled_bytes=93_800_000, paused=True),
        lag_records=118_310,
        partitions=tuple(
            partition(
                number,
                _WAITS_FOR_HOLD,
                oldest_seconds=97.0,
                oldest_age_seconds=98.0,
                lag_records=5_915 - 31 * number,
                unsettled_records=5_000 - 13 * number,
            )
            for number in range(20)
        ),
    ),
    samples(_held),
)


def _catching_up(at: float, chance: Random) -> Minute:
    rate = 1_150 + chance.gauss(0, 40)
    return Minute(
        2_990 + chance.gauss(0, 60),
        2_985 + chance.gauss(0, 40),
        333 + chance.gauss(0, 2),
        age=9_100 - 1_000 * at,
        lag=10_450_000 - (2_985 - rate) * at * _SECONDS,
    )


BACKLOG: Final = Scene(
    replace(
        WORKING.now,
        up_seconds=4_800.0,
        sending=replace(SENDING, in_flight=31, batches=31),
        scaling=ScalingStatus(desired_workers=3, bound=Bound.QUOTA),
        memory=replace(MEMORY, unsettled_records=61_204, unsettled_bytes=59_700_000),
        done=DoneStatus(delivered=14_113_902, dead_lettered={}, skipped={"tombstone": 1_204}),
        lag_records=9_361_844,
        partitions_total=240,
        partitions=tuple(
            partition(
                number,
                WaitsFor("quota", 19.0 - number * 0.15),
                oldest_seconds=20.0 - number * 0.15,
                oldest_age_seconds=8_100.0 - 31 * number,
                lag_records=61_310 - 217 * number,
                unsettled_records=322 - number,
                end_offset=48_213_000 + 7919 * number + 61_310 - 217 * number,
            )
            for number in range(100)
        ),
    ),
    samples(_catching_up),
)
STARTING: Final = Scene(
    WorkerStatus(
        ready=False,
        reasons=("the worker is starting",),
        version="0.1.0",
        up_seconds=0.4,
        group="recommendations",
    ),
    (Sample(0.0),),
)
SHARDS: Final = Scene(
    replace(
        WORKING.now,
        source="kinesis",
        lag_records=None,
        behind_seconds=1.4,
        partitions_total=6,
        partitions=tuple(
            partition(
                number,
                WaitsFor("in_flight", 0.1),
                topic="shop-clicks",
                committed_offset=f"4966{number}53841702934710295487120398",
                end_offset=None,
                lag_records=None,
                behind_seconds=1.4 - number / 10,
            )
            for number in range(6)
        ),
    ),
    tuple(replace(each, lag=1.4) for each in WORKING.before),
)
SCENES: Final = {
    "working": WORKING,
    "held": HELD,
    "backlog": BACKLOG,
    "starting": STARTING,
    "shards": SHARDS,
}
