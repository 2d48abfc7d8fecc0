"""A whole site for one test: topic, dead-letter topic, group, endpoint, and workers by need."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from confluent_kafka import Producer

from tests.support.kafka_topics import QUIET
from tests.support.processes import EndpointProcess, Process, WorkerProcess
from tests.support.waiting import until
from worker.core.model import dead_letter_headers
from worker.local.audit import Audit, Produced, audit
from worker.local.traffic import TopicRecord, Traffic, make_traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from tests.support.kafka_topics import KafkaTopics

PARTITIONS = 4
DELIVER_SECONDS = 60.0
CREDENTIALS = "[default]\naws_access_key_id = local\naws_secret_access_key = {secret}\n"
# Any broker allows 6 s, and a killed member is missed no longer than that.
CLIENT = {
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 500,
    "topic.metadata.refresh.interval.ms": 1000,
    "reconnect.backoff.max.ms": 500,
}


@dataclass(frozen=True)
class Names:
    """Names that no other test uses."""

    topic: str
    dead_letters: str
    group: str


class Site(AbstractContextManager["Site"]):
    """Everything around a worker; what was started ends with the block."""

    def __init__(
        self, kafka: KafkaTopics, names: Names, folder: Path, endpoint: EndpointProcess | None = None
    ) -> None:
        """Make the dead-letter topic and, unless given, the endpoint; the topic comes with ``open_topic``."""
        self.kafka, self.names, self.folder = kafka, names, folder
        kafka.create_topic(names.dead_letters, PARTITIONS)
        self.endpoint = endpoint or EndpointProcess(folder / "endpoint.log")
        self.workers: list[WorkerProcess] = []
        self.commands: list[Process] = []
        self.produced: list[Produced] = []
        self._producer: Producer | None = None
        self.set_secret("local")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill what still runs; of a failed test, show what its workers said last."""
        for each in (*self.workers, *self.commands, self.endpoint):
            each.kill()
        if error is not None:
            for log in sorted(self.folder.glob("*.log")):
                error.add_note(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")

    def open_topic(self, partitions: int = PARTITIONS) -> None:
        """Make the topic of the records."""
        self.kafka.create_topic(self.names.topic, partitions)

    def set_secret(self, secret: str) -> None:
        """Write the credentials file that the workers read; ``local`` is the right one."""
        (self.folder / "credentials").write_text(CREDENTIALS.format(secret=secret))

    def start_worker(
        self, name: str = "worker", *, program: Sequence[str] = ("worker",), **sections: dict[str, Any]
    ) -> WorkerProcess:
        """Start a worker; ``sections`` go over the site's own configuration, key by key."""
        log = self.folder / f"{name}.log"
        worker = WorkerProcess(self._settings(sections), log, self._environment(), program)
        self.workers.append(worker)
        return worker

    def start_command(self, *words: str, name: str = "command", **sections: dict[str, Any]) -> Process:
        """Start one of the other commands, with the site's configuration; ``sections`` go over it."""
        config = self.folder / f"{name}.yaml"
        config.write_text(json.dumps(self._settings(sections)))
        command = Process(
            ("worker", *words, "--config", str(config)), self.folder / f"{name}.log", self._environment()
        )
        self.commands.append(command)
        return command

    def produce(self, count: int, seed: int = 1) -> Traffic:
        """Put so many records on the topic: sessions that overlap, broken records, tombstones, one poison."""
        traffic = make_traffic(seed, count, int(time.time()))
        self.put(traffic.records)
        self.produced += traffic.produced
        return traffic

    def put(self, records: Iterable[TopicRecord], timestamp_ms: int = 0) -> None:
        """Put records on the topic, a key's in order; return once the broker has them; 0 is now."""
        if self._producer is None:
            servers = {"bootstrap.servers": self.kafka.bootstrap_servers, "enable.idempotence": True}
            self._producer = Producer({**servers, "partitioner": "murmur2_random", **QUIET})
        for each in records:
            self._producer.produce(self.names.topic, each.value, each.key, timestamp=timestamp_ms)
        if self._producer.flush(30):
            raise TimeoutError("the records did not reach the topic")

    def wait_until_committed(self, seconds: float = DELIVER_SECONDS) -> None:
        """Return once the group's offsets stand at the end of the topic: all is settled."""
        ends = {each: end for each, end in self.kafka.end_offsets(self.names.topic).items() if end}

        def committed() -> bool:
            for worker in self.workers:
                if worker.process.poll() not in {None, 0, -9}:
                    worker.complain_if_ended()
            return self.committed() == ends

        until(committed, seconds, what=f"{self.names.group} being at {ends}")

    def committed(self) -> dict[int, int]:
        """The group's offsets, by partition."""
        return self.kafka.committed(self.names.group, self.names.topic)

    def wait_until_accepted(self, events: int, seconds: float = DELIVER_SECONDS) -> None:
        """Return once the endpoint has accepted so many events, repeated ones too."""
        until(lambda: self.endpoint.summary().accepted_events >= events, seconds, what=f"{events} accepted")

    def dead_letters(self) -> dict[tuple[int, int], bytes]:
        """The value of each dead letter, by the partition and offset where it stood first."""
        letters = {}
        for each in self.kafka.read(self.names.dead_letters):
            headers = dict(each.headers() or ())
            place = (dead_letter_headers.ORIGINAL_PARTITION, dead_letter_headers.ORIGINAL_OFFSET)
            partition, offset = (int(headers[name] or b"") for name in place)
            letters[partition, offset] = each.value() or b""
        return letters

    def audit(self) -> Audit:
        """Compare what was produced with what was accepted; dead letters are excused."""
        excused = {_event_id(value) for value in self.dead_letters().values()} - {""}
        return audit(self.produced, self.endpoint.accepted(), excused=excused)

    def assert_kept(self) -> None:
        """Nothing lost, nothing out of order, nothing that was never sent."""
        found = self.audit()
        assert (found.lost, found.out_of_order, found.unknown) == ((), (), ())

    def first_unsettled(self) -> dict[int, int]:
        """By partition, the first record that is neither accepted nor a dead letter nor a tombstone."""
        accepted, letters = self.endpoint.accepted_ids(), self.dead_letters()
        first = self.kafka.end_offsets(self.names.topic)
        for each in self.kafka.read(self.names.topic):
            partition, offset, value = each.partition(), each.offset(), each.value()
            settled = value is None or _event_id(value) in accepted or (partition, offset) in letters
            if not settled:
                first[partition] = min(offset, first[partition])
        return first

    def _environment(self) -> dict[str, str]:
        return {
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _settings(self, sections: dict[str, dict[str, Any]]) -> dict[str, Any]:
        own: dict[str, dict[str, Any]] = {
            "kafka": {
                "bootstrap_servers": self.kafka.bootstrap_servers,
                "topics": [self.names.topic],
                "group_id": self.names.group,
                "commit_seconds": 0.5,
                "client": CLIENT,
            },
            "personalize": {
                "tracking_id": "site",
                "region": "eu-west-1",
                "endpoint_url": self.endpoint.url,
            },
            "batching": {"linger_seconds": 0.1},
            "retry": {"first_wait_seconds": 0.05, "max_wait_seconds": 0.5},
            "dead_letters": {"topic": self.names.dead_letters},
            "admin": {"host": "127.0.0.1", "port": 0},
            "log": {"format": "json"},
        }
        return own | {name: {**own.get(name, {}), **section} for name, section in sections.items()}


def _event_id(value: bytes) -> str:
    """The id of a record of the traffic; empty where it is no JSON."""
    try:
        decoded = msgspec.json.decode(value)
    except msgspec.MsgspecError:
        return ""
    return str(decoded.get("eventId", ""))
