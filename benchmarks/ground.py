"""What every benchmark stands on: one real Kafka, a topic a load, and the two programs ready to start."""

from __future__ import annotations

import json
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from zlib import crc32

from confluent_kafka import Producer

from benchmarks.loads import LOADS
from benchmarks.processes import running
from tests.support.apache_kafka import start_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.processes import Process
    from tests.support.kafka_topics import KafkaTopics

PARTITIONS = 8
TRACKING_ID = "benchmark"
REGION = "eu-west-1"
# Of librdkafka: the key decides about the partition.
PARTITION_UA = -1
PRODUCER = {"linger.ms": 50, "queue.buffering.max.messages": 1_000_000, "log_level": 0}
FLUSH_SECONDS = 60


class Ground:
    """A Kafka to measure on, and a folder for what is written meanwhile."""

    def __init__(self, kafka: KafkaTopics, folder: Path) -> None:
        """Begin without topics."""
        self.kafka = kafka
        self._folder = folder
        self._topics: dict[tuple[str, int], str] = {}

    def topic(self, load: str, records: int) -> str:
        """The topic that holds so many records of that load; made at first use, never changed."""
        if (load, records) not in self._topics:
            topic = self.empty_topic()
            self.fill(topic, load, records)
            self._topics[load, records] = topic
        return self._topics[load, records]

    def empty_topic(self, partitions: int = PARTITIONS, config: Mapping[str, str] | None = None) -> str:
        """A new topic."""
        return self.kafka.create_topic(f"benchmark-{uuid.uuid4().hex[:8]}", partitions, config)

    def fill(self, topic: str, load: str, records: int, *, hot: bool = False) -> None:
        """Produce so many records of that load; of a hot one 19 of 20 sessions are in the first partition."""
        with self.producer() as producer:
            for record in LOADS[load](records):
                partition = 0 if hot and crc32(record.key) % 20 else PARTITION_UA
                producer.produce(topic, record.value, record.key, partition)
                producer.poll(0)

    @contextmanager
    def producer(self, **more: object) -> Iterator[Producer]:
        """A producer, all of whose records are on the topic after the block; ``more`` with ``_`` for dots."""
        own = {name.replace("_", "."): value for name, value in more.items()}
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap_servers, **PRODUCER, **own})
        yield producer
        left = producer.flush(FLUSH_SECONDS)
        if left:
            raise RuntimeError(f"{left} records could not be produced")

    def folder(self) -> Path:
        """A new folder."""
        return Path(tempfile.mkdtemp(dir=self._folder))

    @contextmanager
    def worker(  # noqa: PLR0913  what the benchmarks differ in
        self,
        topic: str,
        url: str,
        *,
        admin_port: int = 0,
        runner: tuple[str, ...] = ("-m", "worker", "run"),
        group: str | None = None,
        sections: Mapping[str, object] | None = None,
        environ: Mapping[str, str] = MappingProxyType({}),
        **personalize: float,
    ) -> Iterator[Process]:
        """The worker as deployed, from the topic's beginning, or from where its group is.

        ``personalize`` goes over that section's defaults, ``sections`` in the place of whole sections.
        """
        folder = self.folder()
        self.configure(
            folder, topic, url, admin_port=admin_port, group=group, sections=sections, **personalize
        )
        words = (*runner, "--config", str(folder / "config.yaml"))
        with running(words, folder, environ=environ) as process:
            yield process

    def configure(  # noqa: PLR0913  what the benchmarks differ in
        self,
        folder: Path,
        topic: str,
        url: str,
        *,
        admin_port: int = 0,
        group: str | None = None,
        sections: Mapping[str, object] | None = None,
        **personalize: float,
    ) -> None:
        """Write ``config.yaml``, for a new group unless one is given."""
        settings = {
            "kafka": {
                "bootstrap_servers": self.kafka.bootstrap_servers,
                "topics": [topic],
                "group_id": group or f"worker-{uuid.uuid4().hex[:8]}",
            },
            "personalize": {"tracking_id": TRACKING_ID, "region": REGION, "endpoint_url": url, **personalize},
            # What a benchmark breaks on purpose is no wrong mapping, however many there are in a row.
            "dead_letters": {
                "topic": f"{topic}.dead-letters",
                "create_topic": True,
                "hold_after_unmappable": None,
            },
            "admin": {"host": "127.0.0.1", "port": admin_port},
            **(sections or {}),
        }
        # JSON is YAML.
        (folder / "config.yaml").write_text(json.dumps(settings), encoding="utf-8")

    @contextmanager
    def straightforward(self, topic: str, url: str) -> Iterator[Process]:
        """The straightforward consumer, from the topic's beginning."""
        words = ["-m", "benchmarks.straightforward", "--topic", topic, "--endpoint", url]
        words += ["--bootstrap-servers", self.kafka.bootstrap_servers, "--tracking-id", TRACKING_ID]
        words += ["--group", f"straightforward-{uuid.uuid4().hex[:8]}"]
        with running(words, self.folder()) as process:
            yield process


@contextmanager
def ground() -> Iterator[Ground]:
    """A ground for as long as the block; nothing of it is left after."""
    # Compiled as well as Java can: it takes its time, and is part of what is measured.
    kafka = start_kafka(java=())
    try:
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
            yield Ground(kafka, Path(folder))
    finally:
        kafka.stop()
