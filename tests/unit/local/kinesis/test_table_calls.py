"""What of a table the contract does not say: what a write returns, what is stale, how pages end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.local.kinesis.asking import KEY, TABLE, Asked, with_table
from worker.local.kinesis.behaviour import Behaviour

ROW = {KEY: {"S": "a"}}


def put(asked: Asked, key: str = "a", **attributes: Any) -> None:
    asked("PutItem", TableName=TABLE, Item={KEY: {"S": key}, **attributes})


@pytest.mark.parametrize(
    ("wanted", "returned"),
    [
        ("NONE", None),
        ("ALL_OLD", {**ROW, "n": {"N": "1"}, "m": {"N": "5"}}),
        ("ALL_NEW", {**ROW, "n": {"N": "2"}}),
        ("UPDATED_OLD", {"n": {"N": "1"}, "m": {"N": "5"}}),
        ("UPDATED_NEW", {"n": {"N": "2"}}),
    ],
)
def test_an_update_returns_what_it_is_asked_for(wanted: str, returned: dict[str, Any] | None) -> None:
    asked = with_table()
    put(asked, n={"N": "1"}, m={"N": "5"})
    answer = asked(
        "UpdateItem",
        TableName=TABLE,
        Key=ROW,
        UpdateExpression="SET n = :n REMOVE m",
        ExpressionAttributeValues={":n": {"N": "2.0"}},
        ReturnValues=wanted,
    )
    assert answer.get("Attributes") == returned


def test_a_read_that_is_not_consistent_may_be_stale() -> None:
    asked = with_table(behaviour=Behaviour(stale_reads=True))
    for number in ("1", "2"):
        put(asked, n={"N": number})
    assert asked("GetItem", TableName=TABLE, Key=ROW)["Item"]["n"] == {"N": "1"}
    assert asked("Scan", TableName=TABLE)["Items"][0]["n"] == {"N": "1"}
    assert asked("GetItem", TableName=TABLE, Key=ROW, ConsistentRead=True)["Item"]["n"] == {"N": "2"}
    asked("DeleteItem", TableName=TABLE, Key=ROW)
    assert asked("Scan", TableName=TABLE)["Count"] == 1
    assert asked("Scan", TableName=TABLE, ConsistentRead=True)["Count"] == 0


def test_a_page_that_is_full_is_not_known_to_be_the_last() -> None:
    asked = with_table()
    for key in "ab":
        put(asked, key)
    page = asked("Scan", TableName=TABLE, Limit=2)
    assert page["Count"] == 2
    page = asked("Scan", TableName=TABLE, Limit=2, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert (page["Count"], "LastEvaluatedKey" in page) == (0, False)


def test_rows_are_scanned_in_an_order_that_is_not_theirs() -> None:
    asked = with_table()
    names = [f"shardId-{number:012d}" for number in range(20)]
    for each in names:
        put(asked, each)
    seen = [each[KEY]["S"] for each in asked("Scan", TableName=TABLE)["Items"]]
    assert sorted(seen) == names
    assert seen != names


def test_a_table_is_made_and_deleted_in_its_own_time() -> None:
    asked = with_table(behaviour=Behaviour(create_seconds=5, delete_seconds=3))

    def status() -> str:
        return str(asked("DescribeTable", TableName=TABLE)["Table"]["TableStatus"])

    assert status() == "CREATING"
    assert asked.code("Scan", TableName=TABLE) == "ResourceNotFoundException"
    assert asked.code("DeleteTable", TableName=TABLE) == "ResourceInUseException"
    asked.clock.now += 5
    assert status() == "ACTIVE"
    asked("DeleteTable", TableName=TABLE)
    assert status() == "DELETING"
    asked.clock.now += 3
    assert asked.code("DescribeTable", TableName=TABLE) == "ResourceNotFoundException"


@pytest.mark.parametrize("mode", [{"BillingMode": "PROVISIONED"}, {}])
def test_what_is_provisioned_says_how_much(mode: dict[str, str]) -> None:
    asked = Asked()
    members: dict[str, Any] = {
        "TableName": "new",
        "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": KEY, "AttributeType": "S"}],
        **mode,
    }
    assert asked.code("CreateTable", **members) == "ValidationException"
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    asked("CreateTable", **members, ProvisionedThroughput=units)


@pytest.mark.parametrize(
    "member",
    [
        {"Expected": {}},
        {"AttributeUpdates": {}},
        {"ConditionalOperator": "AND"},
        {"ReturnConsumedCapacity": "TOTAL"},
    ],
)
def test_a_member_that_is_not_known_is_refused(member: dict[str, Any]) -> None:
    asked = with_table()
    assert asked.code("UpdateItem", TableName=TABLE, Key=ROW, **member) == "ValidationException"


def test_the_table_can_be_read_in_the_process() -> None:
    asked = with_table()
    put(asked, n={"N": "1"})
    items = asked.local.tables[TABLE].items()
    assert items == {"a": {**ROW, "n": {"N": "1"}}}
    items["a"]["n"] = {"N": "9"}
    assert asked.local.tables[TABLE].items() == {"a": {**ROW, "n": {"N": "1"}}}
