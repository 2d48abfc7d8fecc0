"""The crash test: two workers of a group, one or the other killed hard every few seconds; calls fail.

Half of the records wait from the start, the others come in meanwhile; the killing ends when nine tenths are
committed. Then the books of PutEvents, the dead letters and the group's offsets are held against what was
produced.

``python -m tests.support.crash_test --records 200000 [--protocol consumer]`` prints the figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.support.apache_kafka import start_kafka
from tests.support.crash_test_records import make_records
from tests.support.evidence import gather
from tests.support.feed import Feed
from tests.support.kafka_topics import NoKafka
from tests.support.processes import DoorsProcess
from tests.support.site import CLIENT, Names, Site
from tests.support.waiting import until
from worker.local.traffic import POISON_ITEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.crash_test_figures import Figures
    from tests.support.crash_test_records import CrashTestRecord
    from tests.support.kafka_topics import KafkaTopics
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


@dataclass
class CrashTest:
    """One run at one site, whose endpoint has a door for each worker."""

    site: Site
    doors: DoorsProcess
    records: list[CrashTestRecord]
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
        seconds = time.monotonic() - started_at
        return gather(self.site, self.doors, feed).figures(kills=self.kills, seconds=seconds)

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


def run_crash_test(  # noqa: PLR0913  where it runs, and how
    kafka: KafkaTopics, names: Names, folder: Path, *, records: int, protocol: str = "classic", seed: int = 1
) -> Figures:
    """Run one; nothing of it runs on when this returns."""
    doors = DoorsProcess(folder / "doors.log", len(WORKERS), FAULTS, seed)
    with Site(kafka, names, folder, doors) as site:
        return CrashTest(site, doors, make_records(seed, records), protocol, seed).run()


def main() -> int:
    """Run it on a Kafka of its own; 1 where a promise was broken or there is no Kafka."""
    parser = argparse.ArgumentParser(prog="tests.support.crash_test")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--protocol", choices=CLIENTS, default="classic")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    topic = f"crash-test-{uuid.uuid4().hex[:8]}"
    names = Names(topic, f"{topic}.dead-letters", f"worker-{topic}")
    try:
        kafka = start_kafka()
    except NoKafka as error:
        print(error, file=sys.stderr)  # noqa: T201  the script's answer
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="crash-test-") as folder:
            figures = run_crash_test(kafka, names, Path(folder), **vars(chosen))
    finally:
        kafka.stop()
    broken = figures.broken_promises()
    print(figures.table(), *broken, sep="\n")  # noqa: T201  the script's answer
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
