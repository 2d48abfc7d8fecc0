"""Why a pod has no partitions, and rebalances that take long."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from worker.sources.kafka.group import Membership
from worker.sources.kafka.statistics import GroupStatistics

STEADY = GroupStatistics(state="up", join_state="steady")


@pytest.mark.parametrize(
    ("group", "total", "says", "advice"),
    [
        (STEADY, 3, "all 3 are other pods'", "more"),
        (STEADY, None, "given all to others", "add partitions"),
        (STEADY, 0, "none of the topics is there", "kafka.topics"),
        (GroupStatistics("up", "wait-join"), 3, "a rebalance is under way", "session.timeout.ms"),
        (GroupStatistics("up", "init"), 3, "a rebalance is under way", "older than Apache Kafka 4.0"),
        (GroupStatistics("wait-coord", "init"), 3, "coordinator is not available", "brokers"),
        (GroupStatistics("query-coord", "steady"), 3, "coordinator is not available", "brokers"),
    ],
)
def test_each_cause_is_told_with_what_to_do(
    group: GroupStatistics, total: int | None, says: str, advice: str
) -> None:
    membership = Membership()
    membership.observe(group, 100.0, own=0, total=total)
    (said,) = membership.observe(group, 160.0, own=0, total=total).values()
    assert says in said.says
    assert advice in str(said.advice) or advice == "more"
    assert said.since == 100.0


def test_with_partitions_there_is_nothing_to_say_and_the_count_begins_anew() -> None:
    membership = Membership()
    membership.observe(STEADY, 0.0, own=0, total=3)
    assert membership.observe(STEADY, 50.0, own=1, total=3) == {}
    (said,) = membership.observe(STEADY, 90.0, own=0, total=3).values()
    assert said.since == 90.0


def test_a_rebalance_that_takes_long_is_told_with_partitions_too() -> None:
    membership = Membership()
    with capture_logs() as lines:
        for second in range(0, 40, 5):
            membership.observe(GroupStatistics("up", "wait-sync"), float(second), own=2, total=3)
        membership.observe(STEADY, 40.0, own=2, total=3)
    assert [line["event"] for line in lines] == ["kafka.rebalance_takes_long"] * 2 + ["kafka.rebalance_ended"]
    assert (lines[0]["seconds"], lines[-1]["seconds"]) == (15.0, 40.0)


def test_an_ordinary_rebalance_is_not_worth_a_line() -> None:
    membership = Membership()
    with capture_logs() as lines:
        membership.observe(GroupStatistics("up", "wait-sync"), 0.0, own=2, total=3)
        membership.observe(STEADY, 5.0, own=2, total=3)
    assert lines == []
