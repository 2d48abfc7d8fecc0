"""Waits at start for credentials, region and endpoint; for Kafka; and for the dead-letter topic."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from worker.blocking import run_blocking
from worker.core.log_throttle import LogThrottle
from worker.dead_letters.topic import KafkaAway, ensure_topic
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.cluster import unreachable_reason

if TYPE_CHECKING:
    from worker.delivery.put_events import PutEventsClient
    from worker.settings import Settings
    from worker.status import Status

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS: Final = 5.0
_AWAY_SECONDS: Final = 1.0


async def start_up(
    settings: Settings, client: PutEventsClient, status: Status, stopping: asyncio.Event
) -> bool:
    """Wait for AWS and Kafka; return False if told to stop meanwhile, even if a call still hangs."""

    async def open_both() -> None:
        async with asyncio.TaskGroup() as tasks:
            # boto3 takes as long as Kafka does.
            tasks.create_task(open_client(client))
            tasks.create_task(_wait_for_dead_letter_topic(settings, status))

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
    """Find credentials, region and endpoint, and log which."""
    await client.open()
    endpoint = client.endpoint
    log.info("aws.resolved", region=endpoint.region, endpoint=endpoint.endpoint_url)
    if endpoint.region_warning:
        log.warning("aws.region_doubtful", reason=endpoint.region_warning)


async def _wait_for_dead_letter_topic(settings: Settings, status: Status) -> None:
    """Wait until the topic is known to exist.

    Raises:
        DeadLetterTopicUnusable: it does not exist and may not be created, or it would lose letters.
    """
    log_throttle, clock = LogThrottle(), asyncio.get_running_loop().time
    while True:
        try:
            is_new = await _ensure_dead_letter_topic(settings)
        except KafkaAway as away:
            status.waiting_for = f"kafka: {away}"
            if times := log_throttle.note("away", clock()):
                log.warning("kafka.away", reason=str(away), times=times)
            await asyncio.sleep(_AWAY_SECONDS)
            continue
        status.waiting_for = None
        if is_new:
            log.info("dead_letters.topic_made", topic=settings.dead_letters.topic)
        return


async def _ensure_dead_letter_topic(settings: Settings) -> bool:
    """Check that the topic exists, or create it if configured; return whether it was created.

    Raises:
        DeadLetterTopicUnusable: as above.
        KafkaAway: Kafka does not answer.
    """
    if why := await run_blocking(unreachable_reason, settings.kafka, _PATIENCE_SECONDS):
        raise KafkaAway(why)
    return await ensure_topic(
        client_settings(settings.kafka, for_="admin"),
        settings.dead_letters.topic,
        source_topics=settings.kafka.topics,
        create=settings.dead_letters.create_topic,
    )
