"""No commit passes a record before it is settled; Kafka's own log of commits is read right."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.commits import OFFSETS_TOPIC, Commit, ahead_of_the_truth, backwards, passed_by, read_commits
from tests.support.kafka_topics import KafkaTopics
from tests.unit.chaos.evidence import cut_at, evidence_of


def test_a_commit_may_pass_what_was_accepted_dead_lettered_or_a_tombstone() -> None:
    evidence = evidence_of(3, accepted={0: [1.0, 9.0]}, dead_lettered={1: 2.0}, tombstones={2})
    commits = [Commit(0, 0, 0.5), Commit(0, 1, 1.0), Commit(0, 2, 2.0), Commit(0, 3, 2.0)]
    assert ahead_of_the_truth(commits, evidence) == []


def test_a_commit_before_the_record_was_settled_is_found() -> None:
    evidence = evidence_of(2, accepted={0: [1.0], 1: [3.0]})
    early = Commit(0, 2, 2.0)
    assert ahead_of_the_truth([Commit(0, 1, 2.0), early, Commit(0, 2, 3.0)], evidence) == [early]


def test_a_commit_past_a_record_that_never_was_settled_is_found() -> None:
    evidence = evidence_of(2, accepted={1: [1.0]})
    assert ahead_of_the_truth([Commit(0, 2, 99.0)], evidence) == [Commit(0, 2, 99.0)]


@given(st.lists(st.floats(1, 100), min_size=1, max_size=20), st.data())
def test_a_commit_is_right_just_when_all_before_it_are_settled(
    times: list[float], data: st.DataObject
) -> None:
    evidence = evidence_of(len(times), accepted={offset: [at] for offset, at in enumerate(times)})
    offset = data.draw(st.integers(1, len(times)))
    last = max(times[:offset])
    assert ahead_of_the_truth([Commit(0, offset, last)], evidence) == []
    assert ahead_of_the_truth([Commit(0, offset, last - 0.1)], evidence)


CUT = [cut_at(offset, since_seconds=10.0) for offset in (2, 3)]


def test_a_commit_before_a_cut_counts_by_the_log_as_it_was() -> None:
    evidence = evidence_of(
        3, accepted={0: [1.0], 1: [1.0], 2: [20.0]}, cut=CUT, cut_accepted={2: 2.0, 3: 3.0}
    )
    commits = [Commit(0, 3, 2.0), Commit(0, 4, 3.0), Commit(0, 2, 11.0), Commit(0, 3, 20.0)]
    assert ahead_of_the_truth(commits, evidence) == []
    # Of the log as it was one was not settled, of the one to come nothing can be committed yet.
    assert ahead_of_the_truth([Commit(0, 4, 2.5)], evidence) == [Commit(0, 4, 2.5)]


def test_a_cut_excuses_no_commit_past_what_stands_below_it() -> None:
    evidence = evidence_of(3, accepted={0: [1.0], 2: [12.0]}, cut=CUT, cut_accepted={2: 2.0, 3: 3.0})
    commits = [Commit(0, 2, 11.0), Commit(0, 3, 13.0)]
    assert ahead_of_the_truth(commits, evidence) == commits


def test_once_a_commit_is_of_the_log_as_it_is_none_counts_by_what_was_cut() -> None:
    evidence = evidence_of(4, accepted={0: [1.0], 1: [1.0], 2: [12.0]}, cut=CUT[:1], cut_accepted={2: 30.0})
    of_the_new = Commit(0, 3, 12.0)
    assert ahead_of_the_truth([of_the_new, Commit(0, 4, 40.0)], evidence) == [Commit(0, 4, 40.0)]


def test_a_commit_may_pass_what_was_deleted_unread() -> None:
    evidence = evidence_of(2, accepted={1: [1.0]}, deleted={0: 5.0})
    assert ahead_of_the_truth([Commit(0, 2, 5.0)], evidence) == []
    assert ahead_of_the_truth([Commit(0, 2, 4.0)], evidence) == [Commit(0, 2, 4.0)]


def test_a_new_owner_who_can_not_know_of_a_cut_begins_where_the_log_was_committed_to() -> None:
    evidence = evidence_of(9, accepted={}, cut=CUT)
    before = [Commit(0, 3, 9.0)]
    assert passed_by(before, evidence, [9.5]) == {}
    assert passed_by(before, evidence, [11.0]) == {(0, 2): 10.0}
    # Of the log as it is, nothing behind the cut's end is excused, however far it was committed.
    assert passed_by([*before, Commit(0, 9, 12.0)], evidence, [13.0]) == {(0, 2): 10.0, (0, 3): 10.0}


def test_once_a_commit_went_back_nothing_is_passed_by() -> None:
    evidence = evidence_of(9, accepted={}, cut=CUT)
    assert passed_by([Commit(0, 4, 9.0), Commit(0, 2, 11.0)], evidence, [12.0]) == {}


def test_commits_that_went_back_are_counted() -> None:
    commits = [Commit(0, 5, 1.0), Commit(1, 2, 1.0), Commit(0, 3, 2.0), Commit(0, 4, 3.0)]
    assert backwards(commits) == 1


@dataclass(frozen=True)
class Message:
    """As much of confluent_kafka's as is read."""

    its_key: bytes
    its_value: bytes | None

    def key(self) -> bytes:
        return self.its_key

    def value(self) -> bytes | None:
        return self.its_value

    def timestamp(self) -> tuple[int, int]:
        return 1, 1500


def offset_key(group: str, topic: str, partition: int, version: int = 1) -> bytes:
    names = b"".join(struct.pack(">h", len(each)) + each.encode() for each in (group, topic))
    return struct.pack(">h", version) + names + struct.pack(">i", partition)


class KafkaWith(KafkaTopics):
    """Holds these records, whatever the topic."""

    def __init__(self, *messages: Message) -> None:
        super().__init__("nowhere:1")
        self.messages = list(messages)

    def read(self, topic: str, seconds: float = 20) -> list[Message]:  # type: ignore[override]  # as much as is read
        assert (topic, seconds > 0) == (OFFSETS_TOPIC, True)
        return self.messages


def test_only_commits_of_this_group_and_topic_are_read() -> None:
    value = struct.pack(">hq", 3, 42) + b"\0\0\0\0"
    kafka = KafkaWith(
        Message(offset_key("g", "t", 7), value),
        Message(offset_key("g", "t", 7), None),
        Message(offset_key("g", "other", 1), value),
        Message(offset_key("g2", "t", 1), value),
        Message(offset_key("g", "t", 1, version=2), value),
    )
    assert read_commits(kafka, "g", "t") == [Commit(7, 42, 1.5)]
