"""A consumer of librdkafka with threads of its own, so that one can take the place of another."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import structlog
from confluent_kafka.aio import AIOConsumer
from msgspec import Struct

from worker.sources.kafka.client_settings import start_of
from worker.sources.kafka.statistics import statistics_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger(__name__)

# poll, the callback for which it waits, and what that callback calls.
_THREADS: Final = 4
# Above the flush of a revoke and its commit. A consumer whose brokers do not take it any more may hang.
_LEAVE_SECONDS: Final = 60.0


class Client(Struct, frozen=True):
    """A consumer and its threads."""

    consumer: AIOConsumer
    threads: ThreadPoolExecutor

    async def close(self) -> None:
        """Leave the group; this may be cancelled."""
        try:
            await self.consumer.close()
        finally:
            self.threads.shutdown(wait=False)


def make_client(settings: Mapping[str, object], callbacks: Mapping[str, object]) -> Client:
    """Make a consumer on the loop that runs; nothing is subscribed to.

    Raises:
        KafkaException: librdkafka can't use the settings, or a file that they name.
    """
    ours: dict[str, object] = {"statistics.interval.ms": statistics_ms(settings)}
    # After an offset out of range, a log is read from its start. Only a partition without a committed
    # offset begins at the end, and that is done here.
    if start_of(settings) == "latest":
        ours["auto.offset.reset"] = "earliest"
    # close would wait for the executor that the consumer creates itself, however long a broker blocks it.
    threads = ThreadPoolExecutor(_THREADS, "kafka")
    return Client(AIOConsumer({**settings, **ours, **callbacks}, executor=threads), threads)


async def leave(client: Client) -> None:
    """Leave the group for a successor, which must not wait for ever where brokers take this one no more."""
    try:
        async with asyncio.timeout(_LEAVE_SECONDS):
            await client.close()
    except TimeoutError:
        log.warning("kafka.leave_timed_out", effect="the group notices after session.timeout.ms")
