"""Asks the brokers where logs begin and end, and which topics there are. Blocks.

It uses a client of its own, for two reasons. confluent-kafka allows no other call to the consumer while it
polls. And a broker answers the requests of one connection in order, so a fetch that waits for records delays
all requests after it.
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
    """The partitions whose begin and end to ask for."""
    topics: bool = False
    access: frozenset[str] = frozenset()
    """The topics of which to ask whether they may be read."""


class Answers(Struct, frozen=True):
    """What was answered; anything missing was not answered."""

    begins: dict[Partition, int] = {}
    ends: dict[Partition, int] = {}
    topics: TopicAnswer | None = None
    readable: frozenset[str] = frozenset()


class Admin:
    """Asks on behalf of a consumer. To be used by one thread.

    Args:
        settings: the consumer's.
        topics: the names and patterns to which it subscribes.
    """

    def __init__(self, settings: Mapping[str, object], topics: Sequence[str]) -> None:
        self._stable_only = settings.get("isolation.level") != "read_uncommitted"
        self._topics = topics
        self.renew(settings)

    def renew(self, settings: Mapping[str, object]) -> None:
        """Ask by another client, with these settings. The old one disconnects, which may take a while."""
        own = {name: value for name, value in settings.items() if name not in CONSUMER_ONLY}
        # What goes wrong here goes wrong for the consumer too, which reports it.
        quiet = {"logger": SILENT_LOG, "error_cb": _ignore, "statistics.interval.ms": 0}
        self._settings = cast("dict[str, str | int | float | bool]", own | quiet)
        self._client: AdminClient | None = None

    def answer(self, wanted: Wanted) -> Answers:
        """Ask; this takes some seconds where nobody answers."""
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
        """Ask with one request per broker, whatever the number of partitions."""
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
    """Return the topics that we may read now: for visible topics, no metadata shows that."""
    described = _described(client, topics)
    return frozenset(topic for topic, what in described if not isinstance(what, KafkaError) and what)


def _described(client: AdminClient, topics: Collection[str]) -> Iterator[tuple[str, KafkaError | bool]]:
    """Iterate over topics, each with whether it may be read, or with the error.

    Unlike ``list_topics`` of a name, by a client that is no consumer, this does not create the topic.
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
