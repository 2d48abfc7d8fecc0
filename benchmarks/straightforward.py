"""What the worker is measured beside: the consumer that a good engineer writes in an afternoon.

Chunks of 5,000 records, grouped by session and user into calls of up to 10 events, sent by boto3 from 32
threads; when all calls of a chunk are through, its offsets are committed. Nothing is slower than it has to
be: msgspec reads the JSON, one client is shared, its connections are as many as its threads.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
from botocore.config import Config
from confluent_kafka import Consumer, KafkaException

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from confluent_kafka import Message

CHUNK_RECORDS = 5_000
THREADS = 32
MAX_EVENTS = 10
POLL_SECONDS = 0.5
OF_THE_EVENT = ("eventId", "eventType", "sentAt", "itemId", "properties")

decode = msgspec.json.Decoder(dict[str, Any]).decode


def calls(values: Iterable[bytes], tracking_id: str) -> Iterator[dict[str, Any]]:
    """The arguments of ``put_events`` for these records, a session's events in order."""
    grouped: dict[tuple[str, str | None], list[dict[str, Any]]] = defaultdict(list)
    for value in values:
        record = decode(value)
        event = {name: record[name] for name in OF_THE_EVENT if name in record}
        grouped[record["sessionId"], record.get("userId")].append(event)
    for (session_id, user_id), events in grouped.items():
        user = {} if user_id is None else {"userId": user_id}
        for first in range(0, len(events), MAX_EVENTS):
            event_list = events[first : first + MAX_EVENTS]
            yield {"trackingId": tracking_id, "sessionId": session_id, **user, "eventList": event_list}


def consume(chosen: argparse.Namespace) -> None:
    """Deliver until SIGTERM."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    client = boto3.client(
        "personalize-events",
        region_name="eu-west-1",
        endpoint_url=chosen.endpoint,
        config=Config(max_pool_connections=THREADS),
    )
    consumer = Consumer(
        {
            "bootstrap.servers": chosen.bootstrap_servers,
            "group.id": chosen.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([chosen.topic])
    with ThreadPoolExecutor(THREADS) as pool:
        while not stopping:
            messages = consumer.consume(CHUNK_RECORDS, POLL_SECONDS)
            for future in [
                pool.submit(client.put_events, **call)
                for call in calls(_values(messages), chosen.tracking_id)
            ]:
                future.result()
            if messages:
                consumer.commit(asynchronous=False)
    consumer.close()


def _values(messages: Iterable[Message]) -> Iterator[bytes]:
    for message in messages:
        if (error := message.error()) is not None:
            raise KafkaException(error)
        # A tombstone is no interaction.
        if (value := message.value()) is not None:
            yield value


def main() -> int:
    """Run it as a command."""
    parser = argparse.ArgumentParser(prog="benchmarks.straightforward")
    for name in ("bootstrap-servers", "topic", "group", "endpoint", "tracking-id"):
        parser.add_argument(f"--{name}", required=True)
    consume(parser.parse_args())
    return 0


if __name__ == "__main__":
    sys.exit(main())
