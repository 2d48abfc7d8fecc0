"""Every commit of the run, from Kafka's own log of them, held against what was settled by then.

Kafka keeps commits in the topic ``__consumer_offsets``, each with the time at which the coordinator took it,
and removes none of them within hours. So no moment is missed, as it would be by asking now and then.

When a log was cut, its offsets mean other records. A commit counts by the log as it was, for nobody knows of
a cut at once, until one came that only the log as it is since can explain.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.support.evidence import CutRecord, Evidence
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
    """Those that passed a record which was not yet accepted, dead-lettered, a tombstone or deleted."""
    logs = {each: _Log(versions) for each, versions in _versions(evidence).items()}
    return [each for each in commits if not logs[each.partition].explains(each)]


class _Log:
    """One partition's, in its versions; commits are shown to it in their order."""

    def __init__(self, versions: Sequence[_Version]) -> None:
        self._versions = versions

    def explains(self, commit: Commit) -> bool:
        """Whether all below it was settled: by the version that explained the one before, or a later one."""
        for number, version in enumerate(self._versions):
            if version.explains(commit):
                self._versions = self._versions[number:]
                return True
        return False


@dataclass(frozen=True)
class _Version:
    since_seconds: float
    all_settled_at: Sequence[float]
    """When a record and all before it were settled, by offset."""

    def explains(self, commit: Commit) -> bool:
        at = commit.at_seconds + PRECISION_SECONDS
        if at < self.since_seconds or commit.offset > len(self.all_settled_at):
            return False
        return not commit.offset or self.all_settled_at[commit.offset - 1] <= at


def passed_by(
    commits: Iterable[Commit], evidence: Evidence, assigned_at: Iterable[float]
) -> dict[tuple[int, int], float]:
    """The places that a new owner passes by, with the time of the cut that it could not know of.

    What is committed tells nothing of a cut. So whoever is assigned the partition, before a worker that had
    read what was cut away has seen it, begins where the log as it was had been committed to.
    """
    of_partition: dict[int, list[Commit]] = {}
    for each in commits:
        of_partition.setdefault(each.partition, []).append(each)
    times, passed = sorted(assigned_at), {}
    for partition, its in of_partition.items():
        for cut in _ends(evidence, partition):
            begins = (_committed_unaware(its, cut, at) for at in times if at >= cut.since_seconds)
            for offset in range(cut.offset, min(max(begins, default=0), cut.end)):
                passed[partition, offset] = cut.since_seconds
    return passed


@dataclass(frozen=True)
class _End:
    """Of a log, cut away."""

    since_seconds: float
    offset: int
    end: int


def _ends(evidence: Evidence, partition: int) -> list[_End]:
    places: dict[float, list[int]] = {}
    for each in evidence.cut:
        if each.place[0] == partition:
            places.setdefault(each.since_seconds, []).append(each.place[1])
    return [_End(since_seconds, min(of), max(of) + 1) for since_seconds, of in places.items()]


def _committed_unaware(commits: Sequence[Commit], cut: _End, at: float) -> int:
    """What is committed at that time; 0 once a commit went back, for then the cut is known."""
    latest = 0
    for each in commits:
        if each.at_seconds > at:
            break
        if each.at_seconds >= cut.since_seconds and each.offset < latest:
            return 0
        latest = each.offset
    return latest


def backwards(commits: Iterable[Commit]) -> int:
    """How many were below one before: the records between were to be delivered again."""
    latest: dict[int, int] = {}
    count = 0
    for each in commits:
        count += each.offset < latest.get(each.partition, 0)
        latest[each.partition] = each.offset
    return count


def _versions(evidence: Evidence) -> dict[int, list[_Version]]:
    """By partition: as the log stood from the start, and from each cut on."""
    accepted_at = evidence.accepted_at()
    return {
        partition: list(_backwards_from(settled_at, _cuts(evidence, partition, accepted_at)))[::-1]
        for partition, settled_at in _settled_at(evidence).items()
    }


def _backwards_from(
    settled_at: list[float], cuts: Sequence[tuple[float, int, list[float]]]
) -> Iterator[_Version]:
    """The last version, and each before it: with what a cut took, in place of what came since."""
    for since_seconds, offset, cut in reversed(cuts):
        yield _Version(since_seconds, list(accumulate(settled_at, max)))
        settled_at = [*settled_at[:offset], *cut]
    yield _Version(0.0, list(accumulate(settled_at, max)))


def _settled_at(evidence: Evidence) -> dict[int, list[float]]:
    """By partition and offset: when it was settled, or deleted, for then it can be no more."""
    settled: dict[int, list[float]] = {}
    for place, at in sorted(evidence.settled_at().items()):
        is_skipped = evidence.records[place].fate == "skipped"
        times = settled.setdefault(place[0], [])
        times.append(0.0 if is_skipped else min(at, evidence.deleted_at.get(place, inf)))
    return settled


def _cuts(
    evidence: Evidence, partition: int, accepted_at: Mapping[str | None, float]
) -> list[tuple[float, int, list[float]]]:
    """A partition's, in order: since when, from which offset on, when each record was settled."""
    cuts: dict[float, list[CutRecord]] = {}
    for each in evidence.cut:
        if each.place[0] == partition:
            cuts.setdefault(each.since_seconds, []).append(each)
    return [
        (since_seconds, records[0].place[1], [_cut_settled_at(each, accepted_at) for each in records])
        for since_seconds, records in sorted(cuts.items())
    ]


def _cut_settled_at(cut: CutRecord, accepted_at: Mapping[str | None, float]) -> float:
    if cut.record.fate == "skipped":
        return 0.0
    return min(cut.letter_at_seconds, accepted_at.get(cut.event_id, inf))
