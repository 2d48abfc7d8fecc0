"""The ordeal: two workers of one group, one or the other killed hard every few seconds, calls that fail.

Half of the records wait from the start, the others come in meanwhile; the killing ends when nine tenths are
committed. Then the books of PutEvents, the dead letters and the group's offsets are held against what was
produced.

``python -m tests.support.ordeal --records 200000 [--protocol consumer]`` prints the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, cast

from confluent_kafka import KafkaException, Producer

from tests.support import builders
from tests.support.apache_kafka import start_kafka
from tests.support.kafka_topics import QUIET, NoKafka
from tests.support.ordeal_figures import Figures, Letter
from tests.support.ordeal_records import make_records
from tests.support.processes import DoorsProcess
from tests.support.site import CLIENT, Names, Site
from tests.support.waiting import until
from worker.core.dead_letter_headers import ERROR_CLASS, ORIGINAL_OFFSET, ORIGINAL_PARTITION, REASON
from worker.core.mapping.event_ids import derived_event_id
from worker.local.books import Produced, audit
from worker.local.traffic import POISON_ITEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import KafkaError, Message

    from tests.support.kafka_topics import KafkaTopics
    from tests.support.ordeal_records import OrdealRecord
    from tests.support.processes import WorkerProcess

PARTITIONS: Final = 8
WORKERS: Final = ("first", "second")
FAULTS: Final = {
    "throttle": 0.1,
    "fail": 0.05,
    "reset": 0.02,
    "lose": 0.02,
    "answer_seconds": 0.02,
    "poison": POISON_ITEM,
}
CLIENTS: Final[dict[str, dict[str, Any]]] = {"classic": CLIENT, "consumer": {"group.protocol": "consumer"}}
# A killed member is missed for the 6 s of its session: some kills come while the group still rebalances.
KILL_SECONDS: Final = (4.0, 12.0)
KILL_UNTIL_COMMITTED: Final = 0.9
BACKLOG_SHARE: Final = 0.5
FEED_SECONDS, FEED_PER_SECOND = 15.0, 1_500
LOOK_SECONDS: Final = 1.0
LIMIT_SECONDS: Final = 1_200.0


class Feed:
    """Puts the records on the topic, in order, and knows where each landed."""

    def __init__(self, kafka: KafkaTopics, topic: str, records: list[OrdealRecord]) -> None:
        """Connect by itself; nothing is put yet."""
        self.landed: list[tuple[int, int, int]] = [(-1, -1, -1)] * len(records)
        """Partition, offset and timestamp of each record."""
        self._topic, self._records, self._put = topic, records, 0
        settings: dict[str, Any] = {"enable.idempotence": True, "partitioner": "murmur2_random"}
        settings["queue.buffering.max.messages"] = 1_000_000
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, **settings, **QUIET})

    @property
    def is_over(self) -> bool:
        """Whether all are on the topic."""
        return self._put == len(self._records)

    def put_until(self, share: float) -> None:
        """Put what is missing of so large a share of the records; return once the broker has them."""
        count = int(min(1.0, share) * len(self._records))
        for number in range(self._put, count):
            each = self._records[number]
            landed = partial(self._landed, number)
            self._producer.produce(self._topic, each.value, each.session_id, on_delivery=landed)
            self._put += 1
        if self._producer.flush(30):
            raise TimeoutError("the records did not reach the topic")

    def _landed(self, number: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            raise KafkaException(error)
        self.landed[number] = (message.partition() or 0, message.offset() or 0, message.timestamp()[1])


@dataclass
class Ordeal:
    """One run at one site, whose endpoint has a door for each worker."""

    site: Site
    doors: DoorsProcess
    records: list[OrdealRecord]
    protocol: str = "classic"
    seed: int = 1
    workers: dict[str, WorkerProcess] = field(default_factory=dict)
    kills: int = 0

    def run(self) -> Figures:
        """From the first record to the last commit."""
        self.site.open_topic(PARTITIONS)
        feed = Feed(self.site.kafka, self.site.names.topic, self.records)
        feed.put_until(BACKLOG_SHARE)
        started_at = time.monotonic()
        for name in WORKERS:
            self._start(name)
        turns = self._turns(feed, started_at)
        until(lambda: next(turns), LIMIT_SECONDS, what="most of it being committed")
        self.site.wait_until_committed(LIMIT_SECONDS)
        return self._figures(feed, time.monotonic() - started_at)

    def _turns(self, feed: Feed, started_at: float) -> Iterator[bool]:
        """Feed and kill, by and by; True once enough was committed."""
        random = Random(self.seed)  # noqa: S311  moments, not secrets
        feed_seconds = FEED_SECONDS + len(self.records) / FEED_PER_SECOND
        victims = cycle(WORKERS)
        kill_at = started_at + random.uniform(*KILL_SECONDS)
        look_at = started_at
        while True:
            now = time.monotonic()
            for each in self.workers.values():
                each.complain_if_ended()
            feed.put_until(BACKLOG_SHARE + (1 - BACKLOG_SHARE) * (now - started_at) / feed_seconds)
            if now >= kill_at:
                self._kill(next(victims))
                kill_at = now + random.uniform(*KILL_SECONDS)
            is_enough = False
            if feed.is_over and now >= look_at:
                is_enough = sum(self.site.committed().values()) >= KILL_UNTIL_COMMITTED * len(self.records)
                look_at = now + LOOK_SECONDS
            yield is_enough

    def _kill(self, name: str) -> None:
        """Crash a worker, and start another in its place."""
        self.workers[name].kill()
        self.kills += 1
        self._start(name)

    def _start(self, name: str) -> None:
        door = self.doors.doors[WORKERS.index(name)]
        client = {"client": CLIENTS[self.protocol]}
        self.workers[name] = self.site.start_worker(name, kafka=client, personalize={"endpoint_url": door})

    def _figures(self, feed: Feed, seconds: float) -> Figures:
        produced = list(self._produced(feed))
        poison = {
            each.event_id
            for each, record in zip(produced, self.records, strict=True)
            if record.fate == "refused"
        }
        due = [each for each, record in zip(produced, self.records, strict=True) if record.is_an_event]
        accepted = self.doors.accepted()
        ends, committed = self.site.kafka.end_offsets(self.site.names.topic), self.site.committed()
        return Figures(
            records={landed[:2]: record for landed, record in zip(feed.landed, self.records, strict=True)},
            audit=audit(due, accepted, excused=poison),
            accepted=frozenset(event_id for call in accepted for event_id in call.event_ids),
            poison=frozenset(poison),
            letters=tuple(self._letters()),
            summary=self.doors.summary(),
            lost_answers=self.doors.told("lost"),
            max_concurrent_at_a_door=self.doors.max_concurrent_in_session(),
            overlaps=self.doors.told("overlap"),
            uncommitted={each: end - committed.get(each, 0) for each, end in ends.items()},
            kills=self.kills,
            seconds=seconds,
        )

    def _produced(self, feed: Feed) -> Iterator[Produced]:
        """Each record with the one id that its event may have: its own, else by where it landed."""
        for record, (partition, offset, timestamp_ms) in zip(self.records, feed.landed, strict=True):
            lease = builders.lease(self.site.names.topic, partition)
            derived = derived_event_id(builders.record(offset, under=lease, timestamp_ms=timestamp_ms))
            yield Produced(record.session_id, record.sequence, record.event_id or derived)

    def _letters(self) -> Iterator[Letter]:
        for each in self.site.kafka.read(self.site.names.dead_letters):
            # The records have no headers of their own, and the worker's are text.
            own = cast("list[tuple[str, bytes]]", each.headers())
            headers = {name: value.decode() for name, value in own}
            place = int(headers[ORIGINAL_PARTITION]), int(headers[ORIGINAL_OFFSET])
            yield Letter(place, headers[ERROR_CLASS], headers[REASON])


def run_ordeal(  # noqa: PLR0913  where it runs, and how
    kafka: KafkaTopics, names: Names, folder: Path, *, records: int, protocol: str = "classic", seed: int = 1
) -> Figures:
    """Run one; nothing of it runs on when this returns."""
    doors = DoorsProcess(folder / "doors.log", len(WORKERS), FAULTS, seed)
    with Site(kafka, names, folder, doors) as site:
        return Ordeal(site, doors, make_records(seed, records), protocol, seed).run()


def main() -> int:
    """Run it on a Kafka of its own; 1 where a promise was broken or there is no Kafka."""
    parser = argparse.ArgumentParser(prog="tests.support.ordeal")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--protocol", choices=CLIENTS, default="classic")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    topic = f"ordeal-{uuid.uuid4().hex[:8]}"
    names = Names(topic, f"{topic}.dead-letters", f"worker-{topic}")
    try:
        kafka = start_kafka()
    except NoKafka as error:
        print(error, file=sys.stderr)  # noqa: T201  the script's answer
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="ordeal-") as folder:
            figures = run_ordeal(kafka, names, Path(folder), **vars(chosen))
    finally:
        kafka.stop()
    broken = figures.broken_promises()
    print(figures.table(), *broken, sep="\n")  # noqa: T201  the script's answer
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
