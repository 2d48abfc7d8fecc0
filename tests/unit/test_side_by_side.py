"""Tests run in several processes: who shares a Kafka, and which tests stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.kafka_topics import KafkaTopics, NoKafka
from tests.support.shared_kafka import shared_kafka
from tests.support.side_by_side import GROUPS, LONGEST, group_of, rank_of

if TYPE_CHECKING:
    from pathlib import Path


class CountedKafka(KafkaTopics):
    """Starts nothing, and says whether it was stopped."""

    stopped = 0

    def stop(self) -> None:
        self.stopped += 1


def never() -> KafkaTopics:
    raise AssertionError("started a second one")


def test_the_second_user_gets_the_kafka_of_the_first(tmp_path: Path) -> None:
    own = CountedKafka("127.0.0.1:1")
    with shared_kafka(tmp_path, lambda: own) as first:
        with shared_kafka(tmp_path, never) as second:
            assert second.bootstrap_servers == first.bootstrap_servers
            assert not second.can_be_killed
        assert not own.stopped
    assert own.stopped == 1


def test_after_the_last_user_the_next_one_starts_another(tmp_path: Path) -> None:
    with shared_kafka(tmp_path, lambda: CountedKafka("127.0.0.1:1")):
        pass
    with shared_kafka(tmp_path, lambda: CountedKafka("127.0.0.1:2")) as kafka:
        assert kafka.bootstrap_servers == "127.0.0.1:2"


def test_where_there_is_none_the_others_are_told_why_without_trying(tmp_path: Path) -> None:
    def refused() -> KafkaTopics:
        raise NoKafka("no Java")

    for start in (refused, never):
        with pytest.raises(NoKafka, match="no Java"), shared_kafka(tmp_path, start):
            pass


def test_a_group_is_told_by_the_beginning_of_a_node_id() -> None:
    alone = "tests/integration/test_commits.py::test_a"
    assert group_of(alone) == alone
    assert {group_of(f"{group}test_a") for group in GROUPS} == set(GROUPS)


def test_what_takes_longest_is_sent_out_first_and_all_else_in_the_order_of_its_kind() -> None:
    ranks = [rank_of(f"{beginning}test_a") for beginning in LONGEST]
    assert ranks == sorted(ranks)
    assert rank_of("tests/unit/core/test_a.py::test_a") > max(ranks)
