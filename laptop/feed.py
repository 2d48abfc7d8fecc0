"""Made-up interactions for a laptop: sessions that view, click and buy; one record in a thousand is broken.

python3 feed.py --brokers kafka:9092 --topic interactions --per-second 50
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSIONS = 40
EVENTS = ("view", "view", "view", "click", "purchase")
BROKEN_ONE_IN = 1000


def records(seed: int) -> Iterator[tuple[str, str]]:
    """Key and value of each record, for ever: the key is the session, so that its records stay in order."""
    dice = random.Random(seed)  # noqa: S311  made-up records
    for number in itertools.count(1):
        visit = number // 2000 * SESSIONS + dice.randrange(SESSIONS)
        record = {
            "event": dice.choice(EVENTS),
            "timestamp": int(time.time() * 1000),
            "session": f"session-{visit}",
            "user": f"user-{visit % 25}",
            "item": f"item-{dice.randrange(500)}",
        }
        broken = number % BROKEN_ONE_IN == 0
        yield record["session"], json.dumps(record)[: 40 if broken else None]


def main() -> None:
    """Send them at the rate that is asked for, until told to stop."""
    from confluent_kafka import Producer  # noqa: PLC0415  the records need no Kafka

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--per-second", type=float, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    stopping = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stopping.set())
    producer = Producer({"bootstrap.servers": given.brokers, "linger.ms": 50})
    begun = time.monotonic()
    for sent, (key, value) in enumerate(records(given.seed)):
        producer.produce(given.topic, key=key, value=value)
        producer.poll(0)
        if stopping.wait(max(0.0, begun + sent / given.per_second - time.monotonic())):
            break
    producer.flush(5)


if __name__ == "__main__":
    main()
