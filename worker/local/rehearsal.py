"""A rehearsal: somebody's own records go through the real worker, from a Kafka inside to a PutEvents inside.

Nothing is injected, and nothing of the user's is touched: no brokers, no group, no AWS.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Producer
from msgspec import Struct

from worker.local.demo import END_SECONDS, worker_settings
from worker.local.faults import Faults
from worker.local.kafka import EmbeddedKafka
from worker.local.put_events import LocalPutEvents
from worker.local.topics import FLUSH_SECONDS, SILENT, TopicWatch
from worker.local.venue import DEAD_LETTERS, GROUP, NAME, kafka_settings
from worker.local.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from worker.core.model.records import Record
    from worker.local.call_log import Summary
    from worker.telemetry.progress import Progress

# The embedded Kafka keeps 5 MiB per partition, and records without a key are spread by chance.
_BYTES_PER_PARTITION: Final = 2 * 1024 * 1024
_ABOUT_A_RECORD: Final = 200
_LARGEST_RECORD_BYTES: Final = 16 * 1024 * 1024
_TICK_SECONDS: Final = 0.2
_STANDSTILL_SECONDS: Final = 30.0


class Rehearsed(Struct, frozen=True):
    """What became of the records."""

    summary: Summary
    letters: Mapping[tuple[str, str], int]
    """Dead letters, by kind and text of the reason."""
    unsettled: int
    """How many records come after what was committed: 0 if all is well."""
    last_lines: str
    """The end of the worker's log."""


async def rehearse(
    records: Sequence[Record], record_section: Mapping[str, object], folder: Path, progress: Progress
) -> Rehearsed:
    """Deliver the records, and return what became of them.

    Args:
        records: in their order; those without a timestamp get the present one.
        record_section: ``record`` of the configuration.
        folder: for the worker's configuration and log.
        progress: is shown how far it has come.

    Raises:
        KafkaUnavailable: the embedded Kafka can't run here.
    """
    with EmbeddedKafka({NAME: partitions_for(records), DEAD_LETTERS: 1}) as kafka:
        await asyncio.to_thread(_fill, kafka.bootstrap_servers, records)
        with closing(TopicWatch(kafka.bootstrap_servers, GROUP)) as watch:
            async with LocalPutEvents(Faults()) as endpoint:
                settings = rehearsal_settings(kafka.bootstrap_servers, endpoint.url, record_section)
                faults = endpoint.faults
                worker = WorkerProcess(folder, settings, faults.access_key, faults.secret_key)
                await worker.start()
                await _wait(worker, watch, endpoint, progress)
                await worker.end(END_SECONDS)
                letters = await asyncio.to_thread(watch.letters, DEAD_LETTERS)
                return Rehearsed(
                    endpoint.call_log.summary(),
                    Counter((letter.reason, letter.text) for letter in letters),
                    await asyncio.to_thread(watch.uncommitted, NAME),
                    worker.last_lines(),
                )


def rehearsal_settings(servers: str, url: str, record_section: Mapping[str, object]) -> dict[str, Any]:
    """Return the worker's configuration: what can't be mapped is shown, and not waited with."""
    settings = worker_settings(kafka_settings(servers), url)
    settings["dead_letters"]["hold_after_unmappable"] = None
    return settings | {"record": dict(record_section)}


def partitions_for(records: Sequence[Record]) -> int:
    """Return how many partitions hold the records; small samples have one, and so stay in order."""
    total = sum(len(each.value or b"") + len(each.key or b"") + _ABOUT_A_RECORD for each in records)
    return 1 + total // _BYTES_PER_PARTITION


def _fill(servers: str, records: Sequence[Record]) -> None:
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "partitioner": "murmur2_random",
            "message.max.bytes": _LARGEST_RECORD_BYTES,
            "queue.buffering.max.messages": len(records) + 1,
        }
        | SILENT
    )
    for each in records:
        producer.produce(
            NAME, each.value, each.key, headers=list(each.headers), timestamp=each.timestamp_ms or 0
        )
    producer.flush(FLUSH_SECONDS)


async def _wait(
    worker: WorkerProcess, watch: TopicWatch, endpoint: LocalPutEvents, progress: Progress
) -> None:
    """Return when all is committed, the worker has ended, or nothing has moved for half a minute."""
    before, moved = None, monotonic()
    while worker.is_running and monotonic() - moved < _STANDSTILL_SECONDS:
        await asyncio.sleep(_TICK_SECONDS)
        left = await asyncio.to_thread(watch.uncommitted, NAME)
        if not left:
            return
        now = left, endpoint.call_log.summary().calls
        if now != before:
            before, moved = now, monotonic()
        progress.show(f"{endpoint.call_log.summary().accepted_events:,} events accepted")
