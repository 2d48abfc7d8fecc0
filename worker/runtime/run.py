"""``personalize-worker run``: deliver until told to stop, drain, and end the process."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
from functools import partial
from typing import TYPE_CHECKING

import structlog

from worker.malloc import give_back_large_blocks
from worker.runtime.exit_codes import ExitCode
from worker.runtime.life_cycle import LifeCycle, run_until_stopped
from worker.runtime.source_parts import source_parts
from worker.runtime.startup import start_up
from worker.runtime.tracing import open_tracing, traced
from worker.runtime.wiring import (
    Connections,
    aws_access,
    build_telemetry,
    build_worker,
    put_events_client,
    registry_client,
)
from worker.sources.kafka.security import exposed
from worker.status.readiness import Watched
from worker.version import VERSION

if TYPE_CHECKING:
    from typing import NoReturn

    from worker.delivery.put_events import PutEventsClient
    from worker.runtime.login_files import LoginFiles
    from worker.runtime.source_parts import SourceParts
    from worker.runtime.wiring import Telemetry
    from worker.settings import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings, login: LoginFiles) -> NoReturn:
    """Deliver until told to stop, then end the process with its exit code.

    Args:
        settings: the configuration.
        login: what the login to Kafka is made of.
    """
    life_cycle = LifeCycle(settings.log, _standard_output())
    # A core dump of a crashed library would leave users' data and keys on disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    give_back_large_blocks()
    _log_start(settings)
    code = life_cycle.run(partial(_deliver, settings, login))
    log.info("worker.ended", exit_code=int(code))
    life_cycle.exit(code)


def _log_start(settings: Settings) -> None:
    if settings.source == "kinesis":
        streams = " ".join(settings.kinesis.streams)
        log.info("worker.started", version=VERSION, streams=streams, application=settings.group)
    else:
        topics = " ".join(settings.kafka.topics)
        log.info("worker.started", version=VERSION, topics=topics, group=settings.group)
    if settings.kafka.bootstrap_servers and (reason := exposed(settings.kafka)):
        log.warning("kafka.exposed", reason=reason)


def _standard_output() -> int:
    """Return its descriptor; if closed, that of /dev/null, or the first connection would get its number."""
    return os.open(os.devnull, os.O_WRONLY) if sys.stdout is None else sys.stdout.fileno()


async def _deliver(settings: Settings, login: LoginFiles, stopping: asyncio.Event) -> ExitCode:
    """Serve the admin pages, wait for AWS and the source, deliver; close the parts in the opposite order."""
    telemetry, access = build_telemetry(settings), aws_access(settings)
    log.info("admin.listening", port=await telemetry.admin.start())
    client, parts = put_events_client(settings, access), source_parts(settings, access, login)
    _collect_garbage()
    try:
        if await start_up(parts, client, telemetry.status, stopping):
            await _run_worker(settings, telemetry, client, parts, stopping)
    finally:
        await parts.close()
        await client.close()
        await telemetry.admin.stop()
    return ExitCode.OK


def _collect_garbage() -> None:
    """Turn the collector on again. It never looks at what is there by now, which is what was imported."""
    gc.freeze()
    gc.enable()


async def _run_worker(
    settings: Settings,
    telemetry: Telemetry,
    client: PutEventsClient,
    parts: SourceParts,
    stopping: asyncio.Event,
) -> None:
    dead_letters = parts.dead_letters()
    registry, tracing = registry_client(settings), open_tracing(settings, telemetry.counts)
    try:
        if registry is not None:
            await registry.open()
        source = parts.source(asyncio.get_running_loop().time)
        put_events = traced(tracing, client, settings.group)
        connections = Connections(source, put_events, dead_letters, registry)
        worker = build_worker(settings, connections, telemetry.counts)
        telemetry.status.watch(Watched(worker, source, client.clock_ahead_seconds, client.keys_status))
        await run_until_stopped(worker.pipeline, stopping)
    finally:
        await dead_letters.close()
        if registry is not None:
            await registry.close()
        if tracing is not None:
            await tracing.close()
