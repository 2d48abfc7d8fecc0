"""The demo: everything on this machine, nothing to set up, and every promise checked at the end.

Kafka, or what stands in for Kinesis, and PutEvents run within this process, and the worker as a process of
its own. Records come in for 20 seconds. Meanwhile the API throttles, the worker is killed and started again,
and answers are lost; a stream is split and merged too. Then the calls that PutEvents accepted are compared
with what was sent.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import uvloop
from msgspec import Struct
from msgspec.structs import replace

from worker.local.audit import audit
from worker.local.faults import Faults
from worker.local.kafka import KafkaUnavailable
from worker.local.put_events import LocalPutEvents
from worker.local.traffic import POISON_ITEM, make_traffic
from worker.local.venue import KafkaVenue, Keys
from worker.local.verdict import Verdict, broken_promises, table
from worker.local.worker_process import WorkerProcess
from worker.runtime.exit_codes import ExitCode
from worker.telemetry.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.local.traffic import Traffic
    from worker.local.venue import Venue

# The embedded Kafka keeps 5 MiB per partition.
MIN_PARTITIONS, RECORDS_PER_PARTITION = 8, 8_000
REGION = "eu-west-1"
FEED_SECONDS = 20.0
GIVE_UP_SECONDS = 50.0
END_SECONDS = 8.0
TICK_SECONDS = 0.05

CALM = Faults(answer_seconds=0.02, poison=POISON_ITEM)
THROTTLED = replace(CALM, calls_per_second=100)
SHAKY = replace(CALM, lose=0.02, fail=0.03)


class Stage(Struct, frozen=True):
    """What happens until this share of the records has been sent."""

    until: float
    name: str
    faults: Faults
    kill: bool = False
    """Whether it begins with killing and restarting the worker."""
    reshard: bool = False
    """Whether it begins with splitting a shard of the stream, or merging what it became."""


STAGES = (
    Stage(0.15, "all is well", CALM),
    Stage(0.3, "API throttles above 100 calls/s", THROTTLED),
    Stage(0.5, "API throttles no more", CALM),
    Stage(0.8, "worker killed, started again", CALM, kill=True),
    Stage(1.0, "2% of answers lost, 3% fail", SHAKY),
)
KINESIS_STAGES = (
    Stage(0.15, "all is well", CALM),
    Stage(0.3, "API throttles above 100 calls/s", THROTTLED),
    Stage(0.5, "a shard was split", CALM, reshard=True),
    Stage(0.7, "worker killed, started again", CALM, kill=True),
    Stage(1.0, "two shards merged; 2% of answers lost, 3% fail", SHAKY, reshard=True),
)


def run_demo(
    *, seed: int = 1, records: int = 20_000, feed_seconds: float = FEED_SECONDS, kinesis: bool = False
) -> ExitCode:
    """Run the demo, sending its records within ``feed_seconds``; return 0 if all promises held, else 1."""
    traffic = make_traffic(seed, records, int(time()))
    sys.stdout.write(
        f"{len(traffic.records):,} records of {traffic.sessions:,} sessions, all on this machine.\n\n"
    )
    return uvloop.run(_run(traffic, seed, feed_seconds, kinesis=kinesis))


async def _run(traffic: Traffic, seed: int, feed_seconds: float, *, kinesis: bool) -> ExitCode:
    endpoint, venue = LocalPutEvents(CALM, seed=seed), _venue(len(traffic.records), kinesis=kinesis)
    stages = KINESIS_STAGES if kinesis else STAGES
    with tempfile.TemporaryDirectory(prefix="personalize-worker-") as folder:
        try:
            async with venue:
                return await _Demo(traffic, venue, endpoint).run(Path(folder), stages, feed_seconds)
        except KafkaUnavailable as unavailable:
            sys.stderr.write(f"personalize-worker: {unavailable}\n")
            return ExitCode.FAILED


def _venue(records: int, *, kinesis: bool) -> Venue:
    if not kinesis:
        return KafkaVenue(max(MIN_PARTITIONS, -(-records // RECORDS_PER_PARTITION)))
    from worker.local.kinesis_venue import KinesisVenue  # noqa: PLC0415  most of its start, and seldom wanted

    return KinesisVenue(Keys(CALM.access_key, CALM.secret_key), REGION)


class _Demo:
    """One run: sends records, watches, and judges the result."""

    def __init__(self, traffic: Traffic, venue: Venue, endpoint: LocalPutEvents) -> None:
        self._traffic = traffic
        self._venue = venue
        self._endpoint = endpoint
        self._progress = Progress(sys.stdout)
        self._started = monotonic()
        self._awaited = {event.event_id for event in traffic.produced} - {traffic.poison_id}
        self._expected = len(self._awaited)
        self._calls_seen = 0
        self._sent = 0

    async def run(self, folder: Path, stages: Sequence[Stage], feed_seconds: float) -> ExitCode:
        """Run it and return the exit code."""
        async with self._endpoint as endpoint:
            faults = endpoint.faults
            settings = worker_settings(self._venue.settings(), endpoint.url)
            worker = WorkerProcess(folder, settings, faults.access_key, faults.secret_key)
            await worker.start()
            try:
                for stage in stages:
                    await self._play(stage, worker, len(self._traffic.records) / feed_seconds)
                await self._wait_for_the_rest(worker)
                is_early = not worker.is_running
                exit_code = await worker.end(END_SECONDS)
            finally:
                await worker.kill()
        self._progress.end()
        if is_early:
            sys.stdout.write(f"The worker ended by itself, with {exit_code}:\n\n{worker.last_lines()}\n")
            return ExitCode.FAILED
        return _print_verdict(await self._judge(exit_code), worker)

    async def _play(self, stage: Stage, worker: WorkerProcess, records_per_second: float) -> None:
        """Send a stage's share of the records at an even rate; stop early if the worker ends."""
        if not worker.is_running:
            return
        self._endpoint.faults = stage.faults
        if stage.reshard:
            self._venue.reshard()
        if stage.kill:
            await worker.kill()
            await worker.start()
        records = self._traffic.records
        end = round(stage.until * len(records))
        while self._sent < end and worker.is_running:
            due = min(round((monotonic() - self._started) * records_per_second), end)
            self._venue.put(records[self._sent : due])
            self._sent = due
            await self._tick(stage.name)

    async def _tick(self, what: str) -> None:
        await asyncio.sleep(TICK_SECONDS)
        for call in self._endpoint.call_log.accepted(self._calls_seen):
            self._calls_seen += 1
            self._awaited.difference_update(call.event_ids)
        summary = self._endpoint.call_log.summary()
        throttled = summary.outcomes.get("ThrottlingException", 0)
        self._progress.show(
            f"{monotonic() - self._started:4.0f} s  sent {self._sent:,}"
            f"  delivered {self._expected - len(self._awaited):,}"
            f"  calls {summary.calls:,}  throttled {throttled:,}  {what}"
        )

    async def _wait_for_the_rest(self, worker: WorkerProcess) -> None:
        """Return when everything that should arrive has arrived, or the time is over."""
        await self._venue.finish()
        while worker.is_running and monotonic() - self._started < GIVE_UP_SECONDS:
            if await self._is_done():
                return
            await self._tick("waiting for the rest")

    async def _is_done(self) -> bool:
        """Return whether everything that should arrive has arrived, including dead letters."""
        if self._awaited:
            return False
        return await self._venue.letters_written() > len(self._traffic.unfit)

    async def _judge(self, exit_code: int | None) -> Verdict:
        letters = {letter.value: letter.reason for letter in await self._venue.letters()}
        traffic, call_log = self._traffic, self._endpoint.call_log
        excused = {traffic.poison_id} if traffic.poison_value in letters else set()
        return Verdict(
            records=self._sent,
            delivered=self._expected - len(self._awaited),
            tombstones=traffic.tombstones,
            summary=call_log.summary(),
            audit=audit(traffic.produced, call_log.accepted(), excused=excused),
            dead_letters=dict(Counter(letters.values())),
            missing_letters=len(traffic.unfit - letters.keys()),
            uncommitted=await self._venue.uncommitted(),
            exit_code=exit_code,
            seconds=monotonic() - self._started,
        )


def worker_settings(source: dict[str, Any], endpoint_url: str) -> dict[str, Any]:
    """Return the worker's configuration: a typical one, except for addresses and shorter timeouts."""
    return source | {
        "personalize": {"tracking_id": "demo", "region": REGION, "endpoint_url": endpoint_url},
        "admin": {"host": "127.0.0.1", "port": 0},
        "log": {"format": "json"},
    }


def _print_verdict(verdict: Verdict, worker: WorkerProcess) -> ExitCode:
    """Print the table and the broken promises; return the exit code."""
    sys.stdout.write(table(verdict) + "\n\n")
    broken = broken_promises(verdict)
    if broken:
        sys.stdout.write(f"Not kept: {'; '.join(broken)}.\n\n{worker.last_lines()}\n")
        return ExitCode.FAILED
    sys.stdout.write("Every event was accepted or dead-lettered, every session in order.\n")
    return ExitCode.OK
