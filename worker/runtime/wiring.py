"""The only builder of real parts: decides nothing, joins everything, and ends it in good order.

A stop by SIGTERM or SIGINT drains and gives exit code 0; a second one ends the process at once. Threads of
librdkafka may hang on a broker that is away, so the process never waits for them at its end.
"""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import signal
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import confluent_kafka
import structlog
import uvloop
from confluent_kafka import KafkaException

from worker.assembly import Adapters, Worker, assemble
from worker.core.log_throttle import LogThrottle
from worker.core.mapping import compile_mapping
from worker.core.model.error_codes import ERROR_CODES
from worker.dead_letters.topic import DeadLetterTopicUnusable, KafkaAway, ensure_topic
from worker.dead_letters.writer import KafkaDeadLetters
from worker.delivery.aws.endpoint import UnusableSettings
from worker.delivery.http.errors import DELIVERY_CODES
from worker.delivery.put_events import ClientSettings, PutEventsClient
from worker.formats import FORMATS
from worker.sources.kafka.client_settings import client_settings, refusal_of
from worker.sources.kafka.cluster import why_away
from worker.sources.kafka.error_monitor import KafkaUnusable
from worker.sources.kafka.security import exposed
from worker.sources.kafka.source import KafkaSource
from worker.sources.memory import give_back_large_blocks
from worker.status import Status
from worker.status.readiness import Watched
from worker.telemetry.admin import AdminServer
from worker.telemetry.definition import Build
from worker.telemetry.health import LoopLag
from worker.telemetry.logs import configure_logs, log_crashes, log_dropped
from worker.telemetry.meter import Counts
from worker.telemetry.metrics import Metrics
from worker.telemetry.unblocked import UnblockedLines

if TYPE_CHECKING:
    from worker.ports import Map
    from worker.settings import Settings

log = structlog.get_logger(__name__)

VERSION: Final = version("personalize-worker")
_EXIT_OK: Final = 0
_EXIT_FAILED: Final = 1
_EXIT_MISCONFIGURED: Final = 2
# As a shell tells of a process that a signal ended.
_EXIT_SIGNALLED: Final = 128
_PATIENCE_SECONDS: Final = 5.0
_AWAY_SECONDS: Final = 1.0
# At the end, for whoever still reads the log.
LAST_LINES_SECONDS: Final = 1.0


def run(settings: Settings) -> int:
    """Deliver until told to stop; the exit code."""
    line_format = settings.log.format
    lines = UnblockedLines(_standard_output(), log_dropped)
    configure_logs(settings.log.level, None if line_format == "auto" else line_format, lines)
    log_crashes()
    # What a crash of a library would leave on a disk holds users' data and keys.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    give_back_large_blocks()
    kafka = settings.kafka
    log.info("worker.started", version=VERSION, topics=" ".join(kafka.topics), group=kafka.group_id)
    if reason := exposed(kafka):
        log.warning("kafka.exposed", reason=reason)
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    code = runner.run(_run_to_the_end(settings, lines))
    log.info("worker.ended", exit_code=code)
    # Neither closing the runner nor sys.exit: both would wait for threads that may hang on a broker.
    lines.drain(LAST_LINES_SECONDS)
    os._exit(code)


def _standard_output() -> int:
    """Its descriptor; where there is none, that of nothing, or the first connection would be taken for it."""
    return os.open(os.devnull, os.O_WRONLY) if sys.stdout is None else sys.stdout.fileno()


async def _run_to_the_end(settings: Settings, lines: UnblockedLines) -> int:
    """Run, and turn what ended it into an exit code and a line that says what to do."""
    stopping = asyncio.Event()
    heed_signals(stopping, lines)
    try:
        await _run(settings, stopping)
    except Exception as error:  # noqa: BLE001  the last stop: what nobody expected is told, not swallowed
        return max(tell(each) for each in causes(error))
    return _EXIT_OK


def tell(error: Exception) -> int:
    """Say what ended the process, and give the exit code for it."""
    match error:
        case DeadLetterTopicUnusable():
            log.error("worker.misconfigured", reason=str(error).partition("\n")[0], command=error.command)
            return _EXIT_MISCONFIGURED
        case UnusableSettings():
            log.error("worker.misconfigured", reason=str(error))
            return _EXIT_MISCONFIGURED
        case KafkaException() if reason := refusal_of(error):
            log.error("worker.misconfigured", reason=reason)
            return _EXIT_MISCONFIGURED
        case OSError():
            log.error("worker.failed", reason=error.strerror or str(error))
        case KafkaUnusable():
            log.error("worker.failed", reason=str(error))
        case _:
            log.critical("worker.crashed", exc_info=error)
    return _EXIT_FAILED


def causes(error: Exception) -> list[Exception]:
    """Each by itself: what tasks raised comes in groups."""
    if isinstance(error, ExceptionGroup):
        return [cause for each in error.exceptions for cause in causes(each)]
    return [error]


async def _run(settings: Settings, stopping: asyncio.Event) -> None:
    """Build the parts, run the flow, end the parts."""
    loop = asyncio.get_running_loop()
    counts = Counts(time.time, ERROR_CODES | DELIVERY_CODES)
    lag = LoopLag()
    status = Status(
        loop.time,
        version=VERSION,
        group=settings.kafka.group_id,
        counts=counts,
        loop_lag_seconds=lambda: lag.worst_seconds,
    )
    metrics = Metrics(counts, status.gauges, _build())
    admin = AdminServer(
        settings.admin.host,
        settings.admin.port,
        readiness=status.readiness,
        render_metrics=metrics.render,
        status=status.status,
        lag=lag,
    )
    log.info("admin.listening", port=await admin.start())
    client = put_events_client(settings)
    try:
        if not await _opened(settings, client, status, stopping):
            return
        dead_letters = KafkaDeadLetters(
            client_settings(settings.kafka, for_="producer"), settings.dead_letters.topic, version=VERSION
        )
        try:
            worker, source = _worker(settings, counts, client, dead_letters)
            status.watch(Watched(worker, source, client.clock_ahead_seconds, client.keys_status))
            await _flow(worker, stopping)
        finally:
            await dead_letters.close()
    finally:
        await client.close()
        await admin.stop()


async def _opened(
    settings: Settings, client: PutEventsClient, status: Status, stopping: asyncio.Event
) -> bool:
    """Open what takes its time; False when told to stop meanwhile, whatever still hangs."""

    async def open_both() -> None:
        async with asyncio.TaskGroup() as tasks:
            # boto3 takes as long as Kafka does.
            tasks.create_task(open_client(client))
            tasks.create_task(_dead_letter_topic(settings, status))

    opening, stopped = asyncio.create_task(open_both()), asyncio.create_task(stopping.wait())
    await asyncio.wait((opening, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if opening.done():
        opening.result()
    else:
        opening.cancel()
        await asyncio.wait((opening,))
    return not stopping.is_set()


async def open_client(client: PutEventsClient) -> None:
    """Find credentials, region and endpoint, and say which."""
    await client.open()
    service = client.service
    log.info("aws.resolved", region=service.region, endpoint=service.endpoint_url)
    if service.region_warning:
        log.warning("aws.region_doubtful", reason=service.region_warning)


async def _flow(worker: Worker, stopping: asyncio.Event) -> None:
    """Run the flow until it is told to stop, and has drained."""

    async def stop() -> None:
        await stopping.wait()
        worker.pipeline.stop()

    stopper = asyncio.create_task(stop())
    try:
        await worker.pipeline.run()
    finally:
        stopper.cancel()


def _worker(
    settings: Settings, counts: Counts, client: PutEventsClient, dead_letters: KafkaDeadLetters
) -> tuple[Worker, KafkaSource]:
    clock = asyncio.get_running_loop().time

    source = KafkaSource(
        client_settings(settings.kafka, for_="consumer"),
        settings.kafka.topics,
        commit_seconds=settings.kafka.commit_seconds,
        clock=clock,
    )
    adapters = Adapters(source, record_mapping(settings), client, dead_letters, counts, time.time)
    return assemble(settings, adapters, clock), source


def record_mapping(settings: Settings) -> Map:
    """How records become interactions, as configured."""
    record = settings.record
    return compile_mapping(
        record.mapping,
        record.placeholder_ids,
        builtin_placeholder_ids=record.builtin_placeholder_ids,
        record_format=FORMATS[record.format],
    )


def put_events_client(settings: Settings) -> PutEventsClient:
    """The API as configured; ``open_client`` it, close it."""
    personalize = settings.personalize
    return PutEventsClient(
        ClientSettings(
            tracking_id=personalize.tracking_id,
            region=personalize.region,
            endpoint_url=personalize.endpoint_url,
            plain_http=personalize.plain_http,
            connect_seconds=personalize.connect_seconds,
            answer_seconds=personalize.answer_seconds,
            max_connections=personalize.max_in_flight,
        )
    )


async def _dead_letter_topic(settings: Settings, status: Status) -> None:
    """Wait until it is known to be there.

    Raises:
        DeadLetterTopicUnusable: it is not, and is not to be made; or letters would be lost there.
    """
    admin = client_settings(settings.kafka, for_="admin")
    log_throttle, clock = LogThrottle(), asyncio.get_running_loop().time
    while True:
        try:
            if why := await asyncio.to_thread(why_away, settings.kafka, _PATIENCE_SECONDS):
                raise KafkaAway(why)  # noqa: TRY301  told in the same words as the other
            made = await ensure_topic(
                admin,
                settings.dead_letters.topic,
                source_topics=settings.kafka.topics,
                create=settings.dead_letters.create_topic,
            )
        except KafkaAway as away:
            status.waiting_for = f"kafka: {away}"
            if times := log_throttle.note("away", clock()):
                log.warning("kafka.away", reason=str(away), times=times)
            await asyncio.sleep(_AWAY_SECONDS)
            continue
        status.waiting_for = None
        if made:
            log.info("dead_letters.topic_made", topic=settings.dead_letters.topic)
        return


def heed_signals(stopping: asyncio.Event, lines: UnblockedLines) -> None:
    """The first signal drains, the second ends at once: nothing is lost by that either, only repeated."""

    def heed(number: int) -> None:
        if stopping.is_set():
            log.warning("worker.ended_at_once", signal=number)
            lines.drain(LAST_LINES_SECONDS)
            os._exit(_EXIT_SIGNALLED + number)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heed, number)


def _build() -> Build:
    return Build(VERSION, platform.python_version(), confluent_kafka.libversion()[0])
