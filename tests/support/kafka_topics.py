"""What every Kafka of the tests can do, wherever it runs: make topics, and say what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it does not say what it exports
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka.admin._metadata import PartitionMetadata

QUIET: Final[dict[str, Any]] = {"log_level": 0, "error_cb": lambda _: None}
"""Client settings for tests: a broker that is away on purpose should not fill the terminal."""


class NoKafka(Exception):  # noqa: N818  it names a state: this way leads to no Kafka
    """A way to a real Kafka that is not open on this machine; ``str()`` says why."""


class KafkaTopics:
    """A running Kafka, seen from the tests."""

    can_be_killed = False
    """Whether ``kill()`` and ``restart()`` work: not on a Kafka that belongs to somebody else."""
    replicas = 1
    """How often each topic is kept."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Know the address; connects at first use."""
        self.bootstrap_servers = bootstrap_servers
        # Kept in a variable: an AdminClient that is collected fails its futures with _DESTROY.
        self._admin: AdminClient | None = None
        self._looks: AdminClient | None = None

    @property
    def admin(self) -> AdminClient:
        """The admin client of the tests."""
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, **QUIET})
        return self._admin

    def kill(self, node: int = 1) -> None:
        """Crash a broker."""
        raise NotImplementedError

    def restart(self) -> None:
        """Bring back what was killed, and wait until it answers."""
        raise NotImplementedError

    def stop(self) -> None:
        """End what was started; nothing, where nothing was."""

    def forget_clients(self) -> None:
        """End the clients of the tests: some of their questions must not outlive the brokers."""
        self._admin = self._looks = None

    def complain_if_dead(self) -> None:
        """Raise when a broker ended by itself."""

    def wait_until_up(self, brokers: int, seconds: float) -> None:
        """Return when so many brokers answer; raise ``TimeoutError`` when they don't."""

        def up() -> bool:
            self.complain_if_dead()
            return len(self.admin.list_topics(timeout=1).brokers) >= brokers

        until(up, seconds, forgiving=KafkaException)

    def create_topic(
        self,
        name: str,
        partitions: int = 1,
        config: Mapping[str, str] | None = None,
        kept_by: Sequence[int] = (),
    ) -> str:
        """Make a topic, at these brokers or at any, and return its name once its partitions answer."""
        where: dict[str, Any] = {"num_partitions": partitions, "replication_factor": self.replicas}
        if kept_by:
            where = {"num_partitions": partitions, "replica_assignment": [list(kept_by)] * partitions}
        new = NewTopic(name, **where, config=dict(config or {}))
        self.admin.create_topics([new], operation_timeout=30)[name].result(30)
        # The broker that answers "made" does not lead the partitions at once: NOT_LEADER_FOR_PARTITION.
        until(
            lambda: len(self.end_offsets(name)) == partitions,
            seconds=30,
            forgiving=(KafkaException, TimeoutError),
        )
        return name

    def set_topic_config(self, topic: str, name: str, value: str) -> None:
        """Change one setting of a topic."""
        change = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[change])
        self.admin.incremental_alter_configs([resource])[resource].result(20)

    def delete_topic(self, name: str) -> None:
        """Delete a topic."""
        self.admin.delete_topics([name], operation_timeout=30)[name].result(30)

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """The offsets that a group has committed, by partition; without those that have none."""
        partitions = self._partitions(topic)
        reader = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": group, **QUIET})
        try:
            # A young broker makes its offsets topic at the first question: NOT_COORDINATOR for a while.
            found = until(lambda: reader.committed(partitions, timeout=20), 30, forgiving=KafkaException)
        finally:
            reader.close()
        return {each.partition: each.offset for each in found if each.offset >= 0}

    def partitions(self, topic: str) -> Mapping[int, PartitionMetadata]:
        """Who leads each partition, and who keeps it; soon, or not at all: a broker may stand still."""
        if self._looks is None:
            settings = {"bootstrap.servers": self.bootstrap_servers, "socket.timeout.ms": 2_000}
            self._looks = AdminClient({**settings, **QUIET})
        return self._looks.list_topics(topic, timeout=2).topics[topic].partitions

    def coordinator(self, group: str) -> int:
        """Which broker leads a group, also one that is not there yet."""
        # Of its own, and gone before the brokers: librdkafka aborts the process when one goes that owes the
        # answer to it (https://github.com/confluentinc/librdkafka/issues/4605).
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers, **QUIET})
        # A young broker makes its offsets topic at the first question.
        described = until(
            lambda: client.describe_consumer_groups([group])[group].result(10),
            60,
            forgiving=(KafkaException, TimeoutError),
        )
        return int(described.coordinator.id)

    def end_offsets(self, topic: str) -> dict[int, int]:
        """One past the last record, by partition."""
        return self._offsets(topic, OffsetSpec.latest())

    def start_offsets(self, topic: str) -> dict[int, int]:
        """The first record that was not deleted, by partition."""
        return self._offsets(topic, OffsetSpec.earliest())

    def read(self, topic: str, seconds: float = 20) -> list[Message]:
        """All records that the topic holds now, partition by partition."""
        starts = self.start_offsets(topic)
        missing = {each: end for each, end in self.end_offsets(topic).items() if end > starts[each]}
        settings = {
            "bootstrap.servers": self.bootstrap_servers,
            "group.id": "looks-only",
            "enable.auto.commit": False,
        }
        reader = Consumer({**settings, **QUIET})
        found: list[Message] = []

        def all_read() -> bool:
            for message in reader.consume(1000, timeout=0.2):
                found.append(message)
                place = message.partition()
                assert place is not None
                if message.offset() + 1 >= missing.get(place, 0):
                    missing.pop(place, None)
            return not missing

        try:
            reader.assign([TopicPartition(topic, partition, starts[partition]) for partition in missing])
            until(all_read, seconds)
        finally:
            reader.close()
        return sorted(found, key=lambda each: (each.partition(), each.offset()))

    def _offsets(self, topic: str, which: OffsetSpec) -> dict[int, int]:
        asked = self.admin.list_offsets(dict.fromkeys(self._partitions(topic), which))
        return {partition.partition: future.result(5).offset for partition, future in asked.items()}

    def _partitions(self, topic: str) -> list[TopicPartition]:
        known = self.admin.list_topics(topic, timeout=20).topics[topic].partitions
        return [TopicPartition(topic, partition) for partition in sorted(known)]
