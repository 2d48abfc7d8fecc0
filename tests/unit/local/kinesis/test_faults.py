"""A plan strikes the calls that it names, as often as it says, and in the same order each time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.local.kinesis.asking import KEY, SHARD, STREAM, TABLE, TARGETS, Asked, with_stream, with_table
from worker.local.answers import Reply, Reset, Silence
from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.faults import Faults, Rule, Schedule, plan
from worker.local.kinesis.operations import OPERATIONS

GET = OPERATIONS[TARGETS["GetRecords"]]
SCAN = OPERATIONS[TARGETS["Scan"]]
ITEM: dict[str, Any] = {"TableName": TABLE, "Item": {KEY: {"S": "a"}}}


def struck(rule: Rule, calls: int = 8, access_key: str = "w1", now: float = 0.0) -> list[int]:
    """Which of so many calls of GetRecords it strikes."""
    schedule = Schedule(Faults(rules=(rule,)), 0.0)
    return [number for number in range(calls) if schedule.fate(GET, access_key, now).does(rule.does)]


def faulty(*rules: Rule, table: bool = False) -> Asked:
    made = with_table if table else with_stream
    return made(faults=Faults(rules=rules), behaviour=Behaviour(read_limits=False))


@pytest.mark.parametrize(
    ("rule", "which"),
    [
        (Rule(does="reset"), [*range(8)]),
        (Rule(does="reset", every=3), [2, 5]),
        (Rule(does="reset", skip=5), [5, 6, 7]),
        (Rule(does="reset", skip=1, every=2, times=2), [2, 4]),
        (Rule(does="reset", calls=("Scan", "DynamoDB")), []),
        (Rule(does="reset", calls=("Kinesis",), times=1), [0]),
        (Rule(does="reset", access_key="w2"), []),
        (Rule(does="reset", access_key="w1", times=1), [0]),
        (Rule(does="reset", from_seconds=1), []),
    ],
)
def test_a_rule_strikes_what_it_names(rule: Rule, which: list[int]) -> None:
    assert struck(rule) == which


def test_a_service_is_away_for_a_while() -> None:
    asked = faulty(Rule(does="reset", calls=("DynamoDB",), from_seconds=10, until_seconds=20), table=True)
    seen = []
    for _ in range(4):
        seen.append(isinstance(asked.respond("Scan", TableName=TABLE), Reset))
        asked.clock.now += 7
    assert seen == [False, False, True, False]


def test_a_new_plan_is_counted_from_its_beginning() -> None:
    asked = faulty(Rule(does="fail", every=2))
    assert asked.code("ListShards", StreamName=STREAM) == ""
    asked.local.faults = Faults(rules=(Rule(does="fail", every=2),))
    assert asked.code("ListShards", StreamName=STREAM) == ""
    assert asked.code("ListShards", StreamName=STREAM) == "InternalFailure"


@pytest.mark.parametrize(
    ("rule", "of_records", "of_shards", "of_tables"),
    [
        (
            Rule(does="throttle"),
            "ProvisionedThroughputExceededException",
            "LimitExceededException",
            "ProvisionedThroughputExceededException",
        ),
        (Rule(does="throttle", code="ThrottlingException"), *["ThrottlingException"] * 3),
        (Rule(does="fail"), "InternalFailure", "InternalFailure", "InternalServerError"),
        (Rule(does="refuse", code="KMSAccessDeniedException"), *["KMSAccessDeniedException"] * 3),
        (Rule(does="refuse", code="AccessDeniedException"), *["AccessDeniedException"] * 3),
    ],
)
def test_codes_are_those_of_the_service(rule: Rule, of_records: str, of_shards: str, of_tables: str) -> None:
    asked = faulty(rule)
    assert asked.code("GetRecords", ShardIterator="A") == of_records
    assert asked.code("ListShards", StreamName=STREAM) == of_shards
    assert asked.code("Scan", TableName=TABLE) == of_tables


@pytest.mark.parametrize(("does", "answer"), [("lose", Reset), ("silence", Silence), ("deny", Reply)])
def test_what_is_done_may_not_be_told(does: Any, answer: type) -> None:
    asked = faulty(Rule(does=does, calls=("PutItem",), times=1), table=True)
    assert isinstance(asked.respond("PutItem", **ITEM), answer)
    assert asked("Scan", TableName=TABLE)["Count"] == 1
    outcome = "InternalServerError" if does == "deny" else does
    assert asked.local.calls.count("PutItem", outcome=outcome) == 1


@pytest.mark.parametrize("does", ["reset", "throttle", "fail"])
def test_what_is_refused_is_not_done(does: Any) -> None:
    asked = faulty(Rule(does=does, calls=("PutItem",)), table=True)
    asked.respond("PutItem", **ITEM)
    assert asked("Scan", TableName=TABLE)["Count"] == 0


def test_an_answer_may_be_empty_with_more_behind_it() -> None:
    asked = faulty(Rule(does="empty", calls=("GetRecords",), times=2))
    asked.local.streams[STREAM].put("k", b"a")
    asked.local.streams[STREAM].split(SHARD)
    asked.clock.now += 1
    iterator = asked.iterator()
    for _ in range(2):
        answer = asked("GetRecords", ShardIterator=iterator)
        assert answer["Records"] == []
        assert answer["MillisBehindLatest"] == 1000
        iterator = answer["NextShardIterator"]
    assert len(asked("GetRecords", ShardIterator=iterator)["Records"]) == 1


def test_an_iterator_may_be_said_to_be_expired() -> None:
    asked = faulty(Rule(does="expire", every=2))
    iterator = asked.iterator()
    assert asked.code("GetRecords", ShardIterator=iterator) == "ExpiredIteratorException"
    assert asked.code("GetRecords", ShardIterator=iterator) == ""


def test_slow_and_something_else_may_come_together() -> None:
    schedule = Schedule(Faults(rules=(Rule(does="slow", seconds=2), Rule(does="lose"), Rule(does="fail"))), 0)
    fate = schedule.fate(SCAN, None, 0)
    assert (fate.after_seconds, fate.does("lose"), fate.does("fail")) == (2, True, False)


@pytest.mark.parametrize(
    "content",
    [
        *(b"[]", b'{"rules": [{}]}', b'{"rules": [{"does": "no"}]}', b'{"rules": [{"does": "refuse"}]}'),
        *(b'{"rules": [{"does": "fail", "every": 0}]}', b'{"rule": []}', b"x"),
    ],
)
def test_a_plan_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        plan(content)
