"""What Kafka itself has lost or deleted, written down as it happens: no worker answers for that."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import KafkaException, TopicPartition

from tests.support.log_files import StoredRecord, read_log_files
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from confluent_kafka import Message
    from confluent_kafka.admin._metadata import PartitionMetadata

    from tests.support.java_kafka import JavaKafka
    from tests.support.kafka_topics import KafkaTopics

# The session of a broker, and its start on a machine that is busy.
ELECT_SECONDS: Final = 60.0
DELETE_SECONDS: Final = 20.0
UNCLEAN: Final = {"unclean.leader.election.enable": "true", "min.insync.replicas": "1"}
"""What a topic needs, so that its log can be cut."""


@dataclass(frozen=True)
class Cut:
    """The end of a partition's log, which an unclean election cut away."""

    since_seconds: float
    """Epoch seconds; from then on the log may have been without it."""
    records: tuple[StoredRecord, ...]
    """At least one."""

    @property
    def partition(self) -> int:
        """Of which partition."""
        return self.records[0].partition

    @property
    def offset(self) -> int:
        """Where the log goes on."""
        return self.records[0].offset


@dataclass(frozen=True)
class Deletion:
    """The beginning of a partition's log, which was deleted as retention does it."""

    at_seconds: float
    records: tuple[StoredRecord, ...]


@dataclass(frozen=True)
class Losses:
    """Of one topic, in the order in which they happened."""

    cuts: list[Cut] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)


@dataclass
class UncleanElection:
    """Takes the end of some partitions' logs, that are kept by a leader and a follower.

    The follower stands still, and what is produced from then on only the leader has. Then the leader stands
    still, the follower goes on, and is elected although it lacks that. The old leader follows its log.
    """

    kafka: JavaKafka
    topic: str
    partitions: Collection[int]
    leader: int
    follower: int

    def wait_until_both_keep(self) -> None:
        """Return once both are who they are meant to be.

        Of a topic that was just made, a broker that was away may lead nothing yet, or keep nothing: then
        nothing would be cut.
        """
        both = {self.leader, self.follower}
        self._until(lambda each: each.leader == self.leader and {*each.isrs} == both)

    def leave_behind(self) -> None:
        """Let the follower stand still; return once the leader is on its own, and may be."""
        self.kafka.freeze(self.follower)
        self._until(lambda each: each.isrs == [self.leader])

    def elect(self) -> list[Cut]:
        """Return once the follower leads, the leader standing still; what was cut of each partition.

        A producer that is to go on has to be a new one: of the old one's numbers some are missing.
        """
        since_seconds = time.time()
        self.kafka.freeze(self.leader)
        self.kafka.thaw(self.follower)
        self._until(lambda each: each.leader == self.follower)
        lost = (self._lost(each) for each in self.partitions)
        return [Cut(since_seconds, tuple(records)) for records in lost if records]

    def end(self) -> None:
        """Let the old leader go on; return once it has what the new one has."""
        self.kafka.thaw(self.leader)
        self._until(lambda each: {*each.isrs} >= {self.leader, self.follower})

    def _until(self, is_so: Callable[[PartitionMetadata], bool]) -> None:
        def all_are() -> bool:
            self.kafka.complain_if_dead()
            partitions = self.kafka.partitions(self.topic)
            return all(is_so(partitions[each]) for each in self.partitions)

        until(all_are, ELECT_SECONDS, forgiving=KafkaException, what=f"{self.topic} being so")

    def _lost(self, partition: int) -> list[StoredRecord]:
        """By the logs of both: what was written since the election has a later epoch."""
        had, has = (
            read_log_files(self.kafka.brokers[node - 1].folder / "data", self.topic, partition)
            for node in (self.leader, self.follower)
        )
        latest = max((each.leader_epoch for each in had), default=-1)
        kept = max((each.offset for each in has if each.leader_epoch <= latest), default=-1)
        return [each for each in had if each.offset > kept]


def delete_to_the_end(kafka: KafkaTopics, topic: str, partitions: Sequence[int]) -> list[Deletion]:
    """Delete all that stands in these partitions now."""
    ends = {each: end for each, end in kafka.end_offsets(topic).items() if each in partitions}
    standing = [stored(each) for each in kafka.read(topic) if each.partition() in ends]
    asked = [TopicPartition(topic, partition, end) for partition, end in ends.items()]
    # Before it is so: what is committed past them from now on may be due to it.
    at_seconds = time.time()
    for future in kafka.admin.delete_records(asked).values():
        future.result(DELETE_SECONDS)
    deleted = (
        tuple(each for each in standing if each.partition == partition and each.offset < end)
        for partition, end in ends.items()
    )
    return [Deletion(at_seconds, records) for records in deleted if records]


def stored(message: Message) -> StoredRecord:
    """A record that was read."""
    # Both set, for it is no error.
    place = cast("int", message.partition()), cast("int", message.offset())
    return StoredRecord(*place, message.key() or b"", message.value(), message.timestamp()[1])
