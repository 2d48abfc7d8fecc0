"""What the brokers answer when they are asked: where logs begin and end, which topics there are. Blocks.

By a client of its own: confluent-kafka lets nobody ask the consumer anything while it polls, and a broker
answers what comes over one connection in turn, a fetch that waits for records before all that came after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented, but not in its __all__
    AclOperation,
    AdminClient,
    OffsetSpec,
)
from msgspec import Struct

from worker.core.model.partition import Partition
from worker.sources.kafka.client_settings import SILENT_LOG
from worker.sources.kafka.properties import CONSUMER_ONLY
from worker.sources.kafka.topics import METADATA_SECONDS, absent, answer, is_pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from worker.sources.kafka.topics import TopicAnswer

_PATIENCE_SECONDS: Final = 5.0
_EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # it has no annotations
_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as above


class Wanted(Struct, frozen=True):
    """What to ask."""

    places: frozenset[Partition] = frozenset()
    """Of these, where they begin and end."""
    topics: bool = False
    access: frozenset[str] = frozenset()
    """Of these topics, whether they may be read."""


class Answers(Struct, frozen=True):
    """What was answered; what is missing was not."""

    begins: dict[Partition, int] = {}
    ends: dict[Partition, int] = {}
    topics: TopicAnswer | None = None
    readable: frozenset[str] = frozenset()


class Admin:
    """Asks on behalf of a consumer. To be used by one thread."""

    def __init__(self, settings: Mapping[str, object], topics: Sequence[str]) -> None:
        """Prepare; ``settings`` are the consumer's, ``topics`` what it is to read."""
        own = {name: value for name, value in settings.items() if name not in CONSUMER_ONLY}
        # What goes wrong here goes wrong for the consumer too, which says it.
        quiet = {"logger": SILENT_LOG, "error_cb": _ignore, "statistics.interval.ms": 0}
        self._settings = cast("dict[str, str | int | float | bool]", own | quiet)
        self._stable_only = settings.get("isolation.level") != "read_uncommitted"
        self._topics = topics
        self._client: AdminClient | None = None

    def answer(self, wanted: Wanted) -> Answers:
        """Ask; takes some seconds where nobody answers."""
        if self._client is None:
            self._client = AdminClient(self._settings)
        client = self._client
        client.poll(0)
        return Answers(
            begins=self._offsets(client, wanted.places, _EARLIEST),
            ends=self._offsets(client, wanted.places, _LATEST),
            topics=self._ask_topics(client) if wanted.topics else None,
            readable=_readable(client, wanted.access),
        )

    def _ask_topics(self, client: AdminClient) -> TopicAnswer | None:
        try:
            metadata = client.list_topics(timeout=METADATA_SECONDS)
        except (KafkaException, UnicodeError):
            # Names are bytes from outside, and confluent-kafka reads them as UTF-8.
            return None
        names = [each for each in absent(metadata, self._topics) if not is_pattern(each)]
        told = _described(client, names)
        codes = {topic: what.code() for topic, what in told if isinstance(what, KafkaError)}
        return answer(metadata, self._topics, codes)

    def _offsets(
        self, client: AdminClient, keys: Iterable[Partition], which: OffsetSpec
    ) -> dict[Partition, int]:
        """One question a broker, whatever the number of partitions."""
        if not (asked := {TopicPartition(*key): which for key in keys}):
            return {}
        level = IsolationLevel.READ_COMMITTED if self._stable_only else IsolationLevel.READ_UNCOMMITTED
        answers = client.list_offsets(asked, isolation_level=level, request_timeout=_PATIENCE_SECONDS)
        found = {}
        for partition, future in answers.items():
            try:
                found[Partition(partition.topic, partition.partition)] = future.result().offset
            except KafkaException:
                continue
        return {key: offset for key, offset in found.items() if offset >= 0}


def _readable(client: AdminClient, topics: Collection[str]) -> frozenset[str]:
    """Those that we may read now: no metadata says that, of topics that may be seen."""
    described = _described(client, topics)
    return frozenset(topic for topic, what in described if not isinstance(what, KafkaError) and what)


def _described(client: AdminClient, topics: Collection[str]) -> Iterator[tuple[str, KafkaError | bool]]:
    """Of each topic whether it may be read, or the error.

    Unlike ``list_topics`` of a name, by a client that is no consumer, this does not make the topic.
    """
    if not topics:
        return
    answers = client.describe_topics(
        TopicCollection(list(topics)), include_authorized_operations=True, request_timeout=_PATIENCE_SECONDS
    )
    for topic, described in answers.items():
        try:
            yield topic, AclOperation.READ in (described.result().authorized_operations or ())
        except KafkaException as raised:
            yield topic, raised.args[0]


def _ignore(_: object) -> None:
    pass
