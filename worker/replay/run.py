"""``dead-letters replay``: the real worker with the dead-letter topic as its source, at a background rate.

Mapping, queues, retries, holds and dead letters are those of the live worker. A letter that fails again is
written past the end that was noted at the start, so it is left for the next replay.
"""

from __future__ import annotations

import asyncio
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct, structs

from worker.assembly import Adapters, Worker, assemble
from worker.core.flow_control.background_rate import BackgroundRate
from worker.formats.schemas import Schemas
from worker.replay.background_sender import BackgroundSender
from worker.replay.letter_topic import LettersUnreadable
from worker.replay.opening import opening
from worker.replay.source import ReplayedElsewhere, ReplaySource
from worker.replay.store import replay_group
from worker.replay.summary import Summary, rehearse
from worker.replay.tally import Tally
from worker.runtime.exit_codes import ExitCode
from worker.runtime.failures import report_failure
from worker.runtime.life_cycle import LifeCycle, run_until_stopped
from worker.runtime.mapping_once import MappingOnce
from worker.runtime.startup import open_client
from worker.runtime.tracing import open_tracing, traced
from worker.runtime.wiring import put_events_client, record_mapping, registry_client
from worker.telemetry.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.ports import DeadLetters, Map, PutEvents, SchemaRegistry
    from worker.replay.opening import Open, Plan, WaveStore
    from worker.replay.selection import Selection
    from worker.replay.source import ReplayStore
    from worker.settings import Settings

log = structlog.get_logger(__name__)

_QUOTA_SHARE: Final = 0.05
_PROGRESS_SECONDS: Final = 0.5
_LOGGED_PROGRESS_SECONDS: Final = 30.0


class ReplayAdapters(Struct, frozen=True):
    """The adapters of a replay, other than its source of dead letters."""

    map_record: Map
    put_events: PutEvents
    dead_letters: DeadLetters
    tally: Tally
    registry: SchemaRegistry | None = None
    schemas: Schemas | None = None


class Replay(Struct, frozen=True):
    """A replay that is ready to run."""

    worker: Worker
    tally: Tally
    is_over: asyncio.Event
    """Set when every letter is settled and committed."""


def replay(settings: Settings, selection: Selection, plan: Plan) -> ExitCode:
    """Replay until all is done, or told to stop; return the exit code. A real replay ends the process.

    Raises:
        LettersUnreadable: the letters can't be read.
    """
    life_cycle = LifeCycle(settings.log, sys.stderr.fileno())
    group = replay_group(settings, selection)
    open_ = opening(settings, selection, plan)
    if plan.dry_run:
        return asyncio.run(_rehearse(settings, open_))
    code = life_cycle.run(partial(replay_all, settings, open_, group, plan), partial(_report, group))
    sys.stdout.flush()
    return life_cycle.exit(code)


def assemble_replay(
    settings: Settings, store: ReplayStore, adapters: ReplayAdapters, rate: float, clock: Callable[[], float]
) -> Replay:
    """Build a replay of ``store``: the worker as configured, at its own rate."""
    is_over = asyncio.Event()

    def on_over() -> None:
        is_over.set()
        worker.pipeline.stop()

    source = ReplaySource(
        store,
        settings.dead_letters.place,
        commit_seconds=settings.kafka.commit_seconds,
        on_over=on_over,
        clock=clock,
    )
    put_events = BackgroundSender(adapters.put_events, BackgroundRate(rate), clock)
    personalize = structs.replace(settings.personalize, requests_per_second=rate)
    # Letters that fail again become dead letters again, however many they are; nothing is lost by that.
    dead_letters = structs.replace(settings.dead_letters, hold_after_unmappable=None)
    worker = assemble(
        structs.replace(settings, personalize=personalize, dead_letters=dead_letters),
        Adapters(
            source,
            adapters.map_record,
            put_events,
            adapters.dead_letters,
            adapters.tally,
            time.time,
            registry=adapters.registry,
            schemas=adapters.schemas,
        ),
        clock,
    )
    return Replay(worker, adapters.tally, is_over)


async def _rehearse(settings: Settings, open_: Open) -> ExitCode:
    opened = await open_()
    store = opened.store
    progress, mapping = Progress(sys.stderr), MappingOnce(settings)
    try:
        summary = await rehearse(
            store,
            mapping.map,
            lambda: progress.show(f"{store.topic.left():,} {store.topic.unit}to go"),
        )
    finally:
        progress.end()
        await mapping.close()
        await store.close()
        await opened.close()
    sys.stdout.write(summary.text(store.wave_reader.left_out))
    return ExitCode.OK


def _report(group: str, error: Exception) -> ExitCode:
    match error:
        case ReplayedElsewhere():
            log.error("replay.elsewhere", group=group, advice="one replay of the same letters at a time")
        case LettersUnreadable():
            log.error("replay.unreadable", reason=str(error))
        case _:
            return report_failure(error)
    return ExitCode.FAILED


async def replay_all(
    settings: Settings, open_: Open, group: str, plan: Plan, stopping: asyncio.Event
) -> ExitCode:
    """Build the parts, run the pipeline, close the parts, and print the summary."""
    opened = await open_()
    store = opened.store
    rate = plan.calls_per_second or settings.personalize.requests_per_second * _QUOTA_SHARE
    log.info("replay.started", group=group, offsets=store.topic.left(), calls_per_second=rate)
    client = put_events_client(settings, opened.access)
    registry, schemas, tally = registry_client(settings), Schemas(), Tally()
    tracing = open_tracing(settings, tally)
    try:
        await open_client(client)
        if registry is not None:
            await registry.open()
        dead_letters = opened.dead_letters()
        try:
            map_record = record_mapping(settings, schemas)
            put_events = traced(tracing, client, group)
            adapters = ReplayAdapters(map_record, put_events, dead_letters, tally, registry, schemas)
            running = assemble_replay(settings, store, adapters, rate, asyncio.get_running_loop().time)
            await _run_pipeline(running, store, stopping)
        finally:
            await dead_letters.close()
    finally:
        await client.close()
        await opened.close()
        if registry is not None:
            await registry.close()
        if tracing is not None:
            await tracing.close()
            log.info("replay.traced", exported=tally.spans_exported, dropped=tally.spans_dropped)
    summary = Summary.of(running.tally, is_over=running.is_over.is_set())
    sys.stdout.write(summary.text(store.wave_reader.left_out))
    return summary.exit_code(store.wave_reader.left_out)


async def _run_pipeline(running: Replay, store: WaveStore, stopping: asyncio.Event) -> None:
    """Run until all is done, or told to stop and drained; report progress meanwhile."""
    reporting = asyncio.create_task(_report_progress(running, store))
    try:
        await run_until_stopped(running.worker.pipeline, stopping)
    finally:
        reporting.cancel()


async def _report_progress(running: Replay, store: WaveStore) -> None:
    """Report progress: on a terminal one line that is rewritten, elsewhere a log line now and then."""
    progress = Progress(sys.stderr) if sys.stderr.isatty() else None
    logged_at = time.monotonic()
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        tally, left = running.tally, store.topic.left()
        if progress is not None:
            progress.show(_progress_line(running, f"{left:,} {store.topic.unit}to read"))
        elif time.monotonic() - logged_at >= _LOGGED_PROGRESS_SECONDS:
            logged_at = time.monotonic()
            died_again = tally.died_again.total()
            log.info("replay.under_way", settled=tally.settled, died_again=died_again, to_read=left)


def _progress_line(running: Replay, left: str) -> str:
    tally, holds = running.tally, running.worker.permits.breaker.holds
    held = "".join(f", held: {hold.kind}: {hold.reason}" for hold in holds)
    died_again = tally.died_again.total()
    under_way = running.worker.unsettled.memory.records
    return f"{tally.delivered:,} accepted, {died_again:,} failed again, {under_way:,} in flight, {left}{held}"
