"""Half an hour of faults, and no growth: resident memory each 5 seconds.

In each round of 150 seconds faults take turns (throttles, 5xx, lost answers, cut connections, all of them, an
outage), and a second worker joins, and leaves by SIGTERM or by SIGKILL in turns. All the time some records
can't be mapped, and some are refused. The median of the last sixth of the time is compared with that of the
second sixth: of 30 minutes the last 5 with minutes 5 to 10, which are two rounds each.
"""

from __future__ import annotations

import time
import uuid
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.curve import TWO_WORKERS, Sample, draw, write
from benchmarks.feed import Feed
from benchmarks.outage import verdict_rows
from benchmarks.processes import endpoint
from benchmarks.report import VERDICTS, Table, bar
from benchmarks.watch import Watch, dead_letters
from tests.support.java_kafka import free_port
from worker.local.audit import audit
from worker.local.traffic import POISON_ITEM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.ground import Ground
    from benchmarks.processes import Endpoint
    from benchmarks.report import Cell

ROUND_SECONDS = 150.0
SAMPLE_SECONDS = 5.0
START_SECONDS = 30.0
REST_SECONDS = 120.0
LIMIT_PERCENT = 5.0
UNMAPPABLE_EVERY, POISON_EVERY = 500, 2_000
CALM: dict[str, Any] = {"throttle": 0, "fail": 0, "lose": 0, "reset": 0, "answer_seconds": 0.02}
ALONE: dict[str, dict[str, Any]] = {"throttles": {"throttle": 0.2}, "5xx": {"fail": 0.2}}
SHARED: dict[str, dict[str, Any]] = {"lost answers": {"lose": 0.02}, "cut connections": {"reset": 0.1}}
ALONE_AGAIN: dict[str, dict[str, Any]] = {
    "all of them": {"throttle": 0.1, "fail": 0.1, "lose": 0.01, "reset": 0.05},
    "an outage": {"fail": 1},
}
STEP_SECONDS = ROUND_SECONDS / len({**ALONE, **SHARED, **ALONE_AGAIN})


def table(ground: Ground, *, minutes: float, per_second: int, curve: Path | None) -> Table:
    """One soak; ``curve`` is where the picture goes, with the numbers beside it as CSV."""
    soak = _Soak(ground, minutes * 60, per_second)
    rows = tuple(soak.play())
    if curve is not None:
        write(soak.samples, curve.with_suffix(".csv"))
        curve.write_text(
            draw(soak.samples, f"Resident memory over {minutes:g} minutes of faults"), encoding="utf-8"
        )
    return Table(f"{minutes:g} minutes of faults, {per_second:,} records a second", VERDICTS, rows)


def growth_percent(samples: list[Sample]) -> tuple[float, float, float]:
    """The median of the second sixth of the time, of the last sixth, and by how many percent it grew."""
    sixth = samples[-1].seconds / 6
    early = median(each.resident_mb for each in samples if sixth <= each.seconds < 2 * sixth)
    late = median(each.resident_mb for each in samples if each.seconds >= 5 * sixth)
    return early, late, 100 * (late / early - 1)


class _Soak:
    """A worker under faults."""

    def __init__(self, ground: Ground, seconds: float, per_second: int) -> None:
        self._ground = ground
        self._seconds = seconds
        self._group = f"worker-{uuid.uuid4().hex[:8]}"
        self._topic = ground.empty_topic()
        self._feed = Feed(
            ground, self._topic, per_second, unmappable_every=UNMAPPABLE_EVERY, poison_every=POISON_EVERY
        )
        self._port = free_port()
        self.samples: list[Sample] = []

    def play(self) -> Iterator[tuple[Cell, ...]]:
        """All rounds, then the rest of the records; as rows."""
        with (
            endpoint(self._ground.folder(), {**CALM, "poison": POISON_ITEM}) as api,
            self._ground.worker(self._topic, api.url, admin_port=self._port, group=self._group) as process,
            self._feed,
        ):
            self._watch = Watch(process, self._port)
            self._watch.until(
                lambda now: now.get("events_accepted_total", 0) > 0, START_SECONDS, "a first call"
            )
            self._began = time.monotonic()
            for number in range(round(self._seconds / ROUND_SECONDS)):
                self._round(number, api)
            api.set_faults(CALM)
            self._feed.stop()
            excused = self._feed.excused()
            self._watch.until(
                lambda now: now.get("unsettled_records") == 0 and not _lag(now), REST_SECONDS, "all settled"
            )
            yield from self._rows()
            yield "dead letters", self._letters(), "", ""
            calls = list(api.accepted())
        yield from verdict_rows(audit(self._feed.produced(), calls, excused=excused), self._feed.sent)

    def _round(self, number: int, api: Endpoint) -> None:
        """Alone, with a second worker, alone again."""
        self._steps(api, ALONE)
        with self._ground.worker(self._topic, api.url, group=self._group) as second:
            self._steps(api, SHARED, TWO_WORKERS)
            if number % 2:
                second.end()
        self._steps(api, ALONE_AGAIN)

    def _steps(self, api: Endpoint, steps: dict[str, dict[str, Any]], more: str = "") -> None:
        for name, faults in steps.items():
            api.set_faults({**CALM, **faults})
            self._sample(name + more)

    def _sample(self, what: str) -> None:
        """Note the memory each 5 seconds, for one step."""
        end = time.monotonic() + STEP_SECONDS
        while (now := time.monotonic()) < end:
            self._watch.look()
            resident_mb = round(self._watch.process.resident_mb(), 1)
            self.samples.append(Sample(round(now - self._began, 1), resident_mb, what))
            time.sleep(min(SAMPLE_SECONDS, end - now))

    def _letters(self) -> int:
        return sum(self._ground.kafka.end_offsets(f"{self._topic}.dead-letters").values())

    def _rows(self) -> Iterator[tuple[Cell, ...]]:
        early, late, grown = growth_percent(self.samples)
        yield "resident MB, median of the second sixth", early, "", ""
        yield "resident MB, median of the last sixth", late, "", ""
        yield bar("growth, %", grown, LIMIT_PERCENT, at_least=False)
        yield "peak MB", self._watch.process.peak_mb(), "", ""
        yield "loop late at most, s", self._watch.worst_lag_seconds, "", ""
        reasons = dead_letters(self._watch.look())
        yield (
            "dead letters of the first worker",
            ", ".join(f"{n} {why}" for why, n in reasons.items()),
            "",
            "",
        )


def _lag(metrics: dict[str, float]) -> float:
    return sum(count for name, count in metrics.items() if name.startswith("lag_records"))
