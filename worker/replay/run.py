"""``dead-letters replay``: the real worker with the dead-letter topic as its source, at a background rate.

Mapping, queues, retries, holds and dead letters are those of the live worker. A letter that fails again is
written past the end that was noted at the start, so it is left for the next replay.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING, Final

import structlog
import uvloop
from msgspec import Struct, structs

from worker.assembly import Adapters, Worker, assemble
from worker.core.flow_control.background_rate import BackgroundRate
from worker.dead_letters.writer import KafkaDeadLetters
from worker.replay.background_sender import BackgroundSender
from worker.replay.letter_topic import LettersUnreadable
from worker.replay.source import ReplayedElsewhere, ReplaySource
from worker.replay.store import TopicReplayStore, open_topic, replay_group
from worker.replay.summary import Summary, rehearse
from worker.replay.tally import Tally
from worker.runtime.wiring import (
    LAST_LINES_SECONDS,
    VERSION,
    causes,
    heed_signals,
    open_client,
    put_events_client,
    record_mapping,
    tell,
)
from worker.sources.kafka.client_settings import CLIENT_LOG, client_settings
from worker.telemetry.logs import configure_logs, log_crashes, log_dropped
from worker.telemetry.progress import Progress
from worker.telemetry.unblocked import UnblockedLines

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ports import DeadLetters, Map, PutEvents
    from worker.replay.selection import Selection
    from worker.replay.source import ReplayStore
    from worker.settings import Settings

log = structlog.get_logger(__name__)

_QUOTA_SHARE: Final = 0.05
_LOOK_SECONDS: Final = 0.5
_SAY_SECONDS: Final = 30.0
_FAILED: Final = 1


class Plan(Struct, frozen=True):
    """How to replay."""

    dry_run: bool
    from_start: bool
    calls_per_second: float | None
    """None: a small part of the quota."""
    wave_letters: int


class WithoutSource(Struct, frozen=True):
    """The adapters of a replay, other than its source of dead letters."""

    map_record: Map
    put_events: PutEvents
    dead_letters: DeadLetters


class Parts(Struct, frozen=True):
    """A replay that is ready to run."""

    worker: Worker
    tally: Tally
    is_over: asyncio.Event
    """Set when every letter is settled and committed."""


def replay(settings: Settings, selection: Selection, plan: Plan) -> int:
    """Replay until all is done, or told to stop; return the exit code. A real replay ends the process."""
    line_format = settings.log.format
    lines = UnblockedLines(sys.stderr.fileno(), log_dropped)
    configure_logs(settings.log.level, None if line_format == "auto" else line_format, lines)
    log_crashes()
    group = replay_group(settings, selection)
    store = TopicReplayStore(open_topic(settings, group, CLIENT_LOG), settings, selection, plan.wave_letters)
    store.begin(from_start=plan.from_start)
    if plan.dry_run:
        return asyncio.run(_rehearse(settings, store))
    if plan.from_start:
        store.forget()
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    code = runner.run(_run_to_the_end(settings, store, group, plan, lines))
    # Not by closing the runner or sys.exit, because both wait for threads that may hang on a broker.
    sys.stdout.flush()
    lines.drain(LAST_LINES_SECONDS)
    os._exit(code)


def join(
    settings: Settings, store: ReplayStore, adapters: WithoutSource, rate: float, clock: Callable[[], float]
) -> Parts:
    """Build a replay of ``store``: the worker as configured, at its own rate."""
    tally, is_over = Tally(), asyncio.Event()

    def on_over() -> None:
        is_over.set()
        worker.pipeline.stop()

    source = ReplaySource(
        store,
        settings.dead_letters.topic,
        commit_seconds=settings.kafka.commit_seconds,
        on_over=on_over,
        clock=clock,
    )
    background_rate = BackgroundSender(adapters.put_events, BackgroundRate(rate), clock)
    personalize = structs.replace(settings.personalize, requests_per_second=rate)
    # Letters that fail again become dead letters again, however many they are; nothing is lost by that.
    dead_letters = structs.replace(settings.dead_letters, hold_after_unmappable=None)
    worker = assemble(
        structs.replace(settings, personalize=personalize, dead_letters=dead_letters),
        Adapters(source, adapters.map_record, background_rate, adapters.dead_letters, tally, time.time),
        clock,
    )
    return Parts(worker, tally, is_over)


async def _rehearse(settings: Settings, store: TopicReplayStore) -> int:
    progress = Progress(sys.stderr)
    try:
        summary = await rehearse(
            store,
            record_mapping(settings),
            lambda: progress.show(f"{store.topic.left():,} to go"),
        )
    finally:
        progress.end()
        await store.close()
    sys.stdout.write(summary.text(store.gathering.left_out))
    return 0


async def _run_to_the_end(
    settings: Settings, store: TopicReplayStore, group: str, plan: Plan, lines: UnblockedLines
) -> int:
    stopping = asyncio.Event()
    heed_signals(stopping, lines)
    try:
        return await _run(settings, store, group, plan, stopping)
    except Exception as error:  # noqa: BLE001  outermost: the unexpected is reported, not swallowed
        return max(_tell(each, group) for each in causes(error))


def _tell(error: Exception, group: str) -> int:
    match error:
        case ReplayedElsewhere():
            log.error("replay.elsewhere", group=group, advice="one replay of the same letters at a time")
        case LettersUnreadable():
            log.error("replay.unreadable", reason=str(error))
        case _:
            return tell(error)
    return _FAILED


async def _run(
    settings: Settings, store: TopicReplayStore, group: str, plan: Plan, stopping: asyncio.Event
) -> int:
    """Build the parts, run the pipeline, close the parts, and print the summary."""
    rate = plan.calls_per_second or settings.personalize.requests_per_second * _QUOTA_SHARE
    log.info("replay.started", group=group, offsets=store.topic.left(), calls_per_second=rate)
    client = put_events_client(settings)
    try:
        await open_client(client)
        dead_letters = KafkaDeadLetters(
            client_settings(settings.kafka, for_="producer"), settings.dead_letters.topic, version=VERSION
        )
        try:
            adapters = WithoutSource(record_mapping(settings), client, dead_letters)
            parts = join(settings, store, adapters, rate, asyncio.get_running_loop().time)
            await _flow(parts, store, stopping)
        finally:
            await dead_letters.close()
    finally:
        await client.close()
    summary = Summary.of(parts.tally, is_over=parts.is_over.is_set())
    sys.stdout.write(summary.text(store.gathering.left_out))
    return summary.exit_code(store.gathering.left_out)


async def _flow(parts: Parts, store: TopicReplayStore, stopping: asyncio.Event) -> None:
    """Run until all is done, or told to stop and drained; report progress meanwhile."""

    async def stop() -> None:
        await stopping.wait()
        parts.worker.pipeline.stop()

    beside = [asyncio.create_task(stop()), asyncio.create_task(_say(parts, store))]
    try:
        await parts.worker.pipeline.run()
    finally:
        for task in beside:
            task.cancel()


async def _say(parts: Parts, store: TopicReplayStore) -> None:
    """Report progress: on a terminal one line that is rewritten, elsewhere a log line now and then."""
    progress = Progress(sys.stderr) if sys.stderr.isatty() else None
    said_at = time.monotonic()
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        tally, left = parts.tally, store.topic.left()
        if progress is not None:
            progress.show(_line(parts, left))
        elif time.monotonic() - said_at >= _SAY_SECONDS:
            said_at = time.monotonic()
            died_again = tally.died_again.total()
            log.info("replay.under_way", settled=tally.settled, died_again=died_again, to_read=left)


def _line(parts: Parts, left: int) -> str:
    tally, holds = parts.tally, parts.worker.permits.breaker.holds
    held = "".join(f", held: {hold.kind}: {hold.reason}" for hold in holds)
    died_again = tally.died_again.total()
    under_way = parts.worker.unsettled.memory.records
    return (
        f"{tally.delivered:,} accepted, {died_again:,} failed again, {under_way:,} in flight, "
        f"{left:,} to read{held}"
    )
