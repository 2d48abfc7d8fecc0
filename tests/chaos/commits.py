"""Every commit of the run, from Kafka's own log of them, held against what was settled by then.

Kafka keeps commits in the topic ``__consumer_offsets``, each with the time at which the coordinator took it,
and removes none of them within hours. So no moment is missed, as it would be by asking now and then.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.evidence import Evidence
    from tests.support.kafka_topics import KafkaTopics

OFFSETS_TOPIC: Final = "__consumer_offsets"
# Kafka's CoordinatorRecordType: 0 and 1 are offsets, the rest is of groups and their members.
OFFSET_KEYS: Final = {0, 1}
READ_SECONDS: Final = 60.0
# Kafka's times are whole milliseconds, cut off.
PRECISION_SECONDS: Final = 0.002


@dataclass(frozen=True)
class Commit:
    """An offset that the group committed."""

    partition: int
    offset: int
    at_seconds: float
    """Epoch seconds."""


def read_commits(kafka: KafkaTopics, group: str, topic: str) -> list[Commit]:
    """All commits of the group for the topic; a partition's in their order."""
    found = []
    for each in kafka.read(OFFSETS_TOPIC, READ_SECONDS):
        partition = _partition_of(each.key() or b"", group, topic)
        value = each.value()
        if partition is not None and value:
            (offset,) = struct.unpack_from(">q", value, 2)
            found.append(Commit(partition, offset, each.timestamp()[1] / 1000))
    return found


def _partition_of(key: bytes, group: str, topic: str) -> int | None:
    """The partition, where the key is that of an offset of this group and topic."""
    (version,) = struct.unpack_from(">h", key)
    start = struct.pack(">h", version) + b"".join(
        struct.pack(">h", len(name)) + name.encode() for name in (group, topic)
    )
    if version not in OFFSET_KEYS or not key.startswith(start):
        return None
    (partition,) = struct.unpack_from(">i", key, len(start))
    return int(partition)


def ahead_of_the_truth(commits: Iterable[Commit], evidence: Evidence) -> list[Commit]:
    """Those that passed a record which was not yet accepted, dead-lettered or a tombstone."""
    all_settled_at = dict(_all_settled_at(evidence))
    return [
        each
        for each in commits
        if each.offset
        and all_settled_at[each.partition][each.offset - 1] > each.at_seconds + PRECISION_SECONDS
    ]


def backwards(commits: Iterable[Commit]) -> int:
    """How many were below one before: the records between were to be delivered again."""
    latest: dict[int, int] = {}
    count = 0
    for each in commits:
        count += each.offset < latest.get(each.partition, 0)
        latest[each.partition] = each.offset
    return count


def _all_settled_at(evidence: Evidence) -> Iterator[tuple[int, list[float]]]:
    """By partition: when a record and all before it were settled, by offset."""
    accepted_at: dict[str | None, float] = {}
    for call in evidence.accepted:
        for event_id in call.event_ids:
            accepted_at.setdefault(event_id, call.at_seconds)
    buried_at: dict[tuple[int, int], float] = {}
    for letter in evidence.letters:
        buried_at[letter.place] = min(letter.at_seconds, buried_at.get(letter.place, inf))
    settled: dict[int, list[float]] = {}
    for place in sorted(evidence.records):
        event_id = evidence.produced[place].event_id
        at = min(accepted_at.get(event_id, inf), buried_at.get(place, inf))
        settled.setdefault(place[0], []).append(0.0 if evidence.records[place].fate == "skipped" else at)
    for partition, times in settled.items():
        yield partition, list(accumulate(times, max))
