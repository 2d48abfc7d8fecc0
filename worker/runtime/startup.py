"""Waits at start for credentials, region and endpoint, and for the places of records and dead letters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from worker.delivery.put_events import PutEventsClient
    from worker.runtime.source_parts import SourceParts
    from worker.status import Status

log = structlog.get_logger(__name__)


async def start_up(
    parts: SourceParts, client: PutEventsClient, status: Status, stopping: asyncio.Event
) -> bool:
    """Wait for AWS and the source; return False if told to stop meanwhile, even if a call still hangs."""

    async def open_both() -> None:
        async with asyncio.TaskGroup() as tasks:
            # boto3 takes as long as the source does.
            tasks.create_task(open_client(client))
            tasks.create_task(parts.wait_until_there(status))

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
