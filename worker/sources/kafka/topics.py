"""The requested topics: which exist, which may be read, how many partitions they have.

librdkafka reports a missing topic once, under KIP-848 never, and it never reports that the topic exists now.
So the brokers are asked from time to time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError
from msgspec import Struct

from worker.core.topics import matches_topic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka.admin import ClusterMetadata  # type: ignore[attr-defined]  # documented, not in __all__

METADATA_SECONDS: Final = 5.0
_NOT_ALLOWED: Final = KafkaError.TOPIC_AUTHORIZATION_FAILED


class TopicAnswer(Struct, frozen=True):
    """What the brokers say about the topics."""

    total: int
    """The partitions of all topics that exist."""
    missing: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


def count_partitions(metadata: ClusterMetadata, topics: Sequence[str]) -> int:
    """Count the partitions of all topics that match these names and patterns."""
    seen = metadata.topics.items()
    return sum(
        len(each.partitions) for name, each in seen if any(matches_topic(topic, name) for topic in topics)
    )


def absent(metadata: ClusterMetadata, topics: Sequence[str]) -> list[str]:
    """Return the names and patterns that match no visible topic."""
    return [each for each in topics if not any(matches_topic(each, name) for name in metadata.topics)]


def answer(metadata: ClusterMetadata, topics: Sequence[str], codes: Mapping[str, int]) -> TopicAnswer:
    """Return what the brokers say about these names and patterns.

    Args:
        metadata: of all topics; those that may not be described are silently missing in it.
        topics: what is to be read.
        codes: the error with which the brokers answered when they were asked for a name.
    """
    gone = absent(metadata, topics)
    forbidden = tuple(each for each in gone if codes.get(each) == _NOT_ALLOWED)
    missing = tuple(_shown(each) for each in gone if each not in forbidden)
    return TopicAnswer(count_partitions(metadata, topics), missing, forbidden)


def is_pattern(topic: str) -> bool:
    """Whether an entry of ``kafka.topics`` is a pattern."""
    return topic.startswith("^")


def _shown(topic: str) -> str:
    return f"like {topic}" if is_pattern(topic) else topic
