"""``personalize-worker run``: deliver until told to stop, drain, and end the process."""

from __future__ import annotations

import os
import resource
import sys
from functools import partial
from typing import TYPE_CHECKING

import structlog

from worker.malloc import give_back_large_blocks
from worker.runtime.exit_codes import ExitCode
from worker.runtime.life_cycle import LifeCycle, run_until_stopped
from worker.runtime.startup import start_up
from worker.runtime.wiring import (
    VERSION,
    build_telemetry,
    build_worker,
    dead_letter_writer,
    put_events_client,
    registry_client,
)
from worker.sources.kafka.security import exposed
from worker.status.readiness import Watched

if TYPE_CHECKING:
    import asyncio
    from typing import NoReturn

    from worker.delivery.put_events import PutEventsClient
    from worker.runtime.wiring import Telemetry
    from worker.settings import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings) -> NoReturn:
    """Deliver until told to stop, then end the process with its exit code."""
    life_cycle = LifeCycle(settings.log, _standard_output())
    # A core dump of a crashed library would leave users' data and keys on disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    give_back_large_blocks()
    kafka = settings.kafka
    log.info("worker.started", version=VERSION, topics=" ".join(kafka.topics), group=kafka.group_id)
    if reason := exposed(kafka):
        log.warning("kafka.exposed", reason=reason)
    code = life_cycle.run(partial(_deliver, settings))
    log.info("worker.ended", exit_code=int(code))
    life_cycle.exit(code)


def _standard_output() -> int:
    """Return its descriptor; if closed, that of /dev/null, or the first connection would get its number."""
    return os.open(os.devnull, os.O_WRONLY) if sys.stdout is None else sys.stdout.fileno()


async def _deliver(settings: Settings, stopping: asyncio.Event) -> ExitCode:
    """Serve the admin pages, wait for AWS and Kafka, and deliver; close the parts in the opposite order."""
    telemetry = build_telemetry(settings)
    log.info("admin.listening", port=await telemetry.admin.start())
    client = put_events_client(settings)
    try:
        if await start_up(settings, client, telemetry.status, stopping):
            await _run_worker(settings, telemetry, client, stopping)
    finally:
        await client.close()
        await telemetry.admin.stop()
    return ExitCode.OK


async def _run_worker(
    settings: Settings, telemetry: Telemetry, client: PutEventsClient, stopping: asyncio.Event
) -> None:
    dead_letters = dead_letter_writer(settings)
    registry = registry_client(settings)
    try:
        if registry is not None:
            await registry.open()
        worker, source = build_worker(settings, telemetry.counts, client, dead_letters, registry)
        telemetry.status.watch(Watched(worker, source, client.clock_ahead_seconds, client.keys_status))
        await run_until_stopped(worker.pipeline, stopping)
    finally:
        await dead_letters.close()
        if registry is not None:
            await registry.close()
