"""Whatever is asked, the stand-in raises nothing: it does it, or says in AWS's words why not."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.local.kinesis.asking import (
    KEY,
    SHARD,
    STREAM,
    TABLE,
    TARGETS,
    Asked,
    body_of,
    encoded,
    headers,
)
from worker.local.http import Request
from worker.local.kinesis.behaviour import Behaviour

ROW = {KEY: {"S": "a"}, "leaseCounter": {"N": "1"}, "parentShardId": {"SS": ["x", "y"]}}
WRITE: dict[str, Any] = {
    "TableName": TABLE,
    "ConditionExpression": "leaseCounter = :seen OR attribute_not_exists(#o)",
    "ExpressionAttributeNames": {"#o": "leaseOwner"},
    "ExpressionAttributeValues": {":seen": {"N": "1"}},
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}
VALID: dict[str, dict[str, Any]] = {
    "CreateStream": {"StreamName": "other", "ShardCount": 3},
    "DeleteStream": {"StreamName": "other"},
    "DescribeStream": {"StreamName": STREAM, "Limit": 2, "ExclusiveStartShardId": SHARD},
    "DescribeStreamSummary": {"StreamARN": f"arn:aws:kinesis:eu-west-1:000000000000:stream/{STREAM}"},
    "GetRecords": {"ShardIterator": "AAAA", "Limit": 10},
    "GetShardIterator": {
        "StreamName": STREAM,
        "ShardId": SHARD,
        "ShardIteratorType": "AT_TIMESTAMP",
        "Timestamp": 1.5,
    },
    "ListShards": {
        "StreamName": STREAM,
        "MaxResults": 1,
        "ShardFilter": {"Type": "AT_TIMESTAMP", "Timestamp": 1e9},
    },
    "MergeShards": {
        "StreamName": STREAM,
        "ShardToMerge": SHARD,
        "AdjacentShardToMerge": "shardId-000000000001",
    },
    "PutRecord": {"StreamName": STREAM, "Data": encoded(b"x"), "PartitionKey": "k", "ExplicitHashKey": "5"},
    "PutRecords": {"StreamName": STREAM, "Records": [{"Data": encoded(b"x"), "PartitionKey": "k"}]},
    "SplitShard": {"StreamName": STREAM, "ShardToSplit": SHARD, "NewStartingHashKey": str(2**126)},
    "UpdateShardCount": {
        "StreamName": STREAM,
        "TargetShardCount": 3,
        "ScalingType": "UNIFORM_SCALING",
    },
    "CreateTable": {
        "TableName": "more",
        "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": KEY, "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
    "DeleteItem": {**WRITE, "Key": {KEY: {"S": "a"}}},
    "DeleteTable": {"TableName": "more"},
    "DescribeTable": {"TableName": TABLE},
    "GetItem": {"TableName": TABLE, "Key": {KEY: {"S": "a"}}, "ConsistentRead": True},
    "PutItem": {**WRITE, "Item": ROW, "ReturnValues": "ALL_OLD"},
    "Scan": {"TableName": TABLE, "Limit": 1, "ExclusiveStartKey": {KEY: {"S": "a"}}},
    "UpdateItem": {
        **WRITE,
        "Key": {KEY: {"S": "a"}},
        "UpdateExpression": "SET leaseCounter = :seen REMOVE #o",
        "ReturnValues": "UPDATED_NEW",
    },
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "\ud800", "\0", "9" * 400, "-1", "1e400", "1E-200", "=", "=" * 5, "(" * 4000, "((((a = :seen",
         "#o", "SET", "a = :seen AND", "NaN", "4" * 56, SHARD, "ä" * 300, "NOT a", "size(a) = :seen"]
    ),
    st.text(max_size=20),
    st.just([]),
    st.just({}),
    st.just({"S": "a", "N": "1"}),
    st.just({"N": "1" * 39}),
    st.recursive(st.just({"S": ""}), lambda inner: st.builds(lambda x: {"L": [x]}, inner), max_leaves=40),
)  # fmt: skip


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something can be changed."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [before, *(found for key, each in inner for found in places(each, (*before, key)))]


def changed(value: Any, place: tuple[Any, ...], new: Any, how: str) -> Any:
    if not place:
        return new
    first, *rest = place
    copy = dict(value) if isinstance(value, dict) else list(value)
    if not rest and how == "drop":
        del copy[first]
    elif not rest and how == "rename" and isinstance(copy, dict):
        copy[str(new)] = copy.pop(first)
    else:
        copy[first] = changed(value[first], tuple(rest), new, how)
    return copy


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, Any]:
    operation = draw(st.sampled_from(sorted(VALID)))
    body: Any = VALID[operation]
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(places(body)))
        body = changed(body, place, draw(ODD), draw(st.sampled_from(["put", "put", "drop", "rename"])))
    return operation, body


def ready() -> Asked:
    asked = Asked(behaviour=Behaviour(read_limits=False, stale_reads=True))
    asked.local.streams.create(STREAM, 2).put("k", b"x")
    asked.local.streams.create("other", 1)
    asked.local.tables.create(TABLE, KEY)
    asked.local.tables.create("more", KEY)
    asked("PutItem", TableName=TABLE, Item=ROW)
    return asked


def said(asked: Asked, request: Request) -> tuple[int, dict[str, Any]]:
    """What is said; an error names itself, and is never the stand-in's own."""
    status, body = body_of(asked.local.respond(request))
    if status != 200:
        assert body.get("__type") or "message" in body, body
        assert 400 <= status < 500, body
    return status, body


def test_all_operations_are_mutated_from_what_is_valid() -> None:
    assert set(VALID) == set(TARGETS)
    for operation, body in VALID.items():
        asked = ready()
        if operation == "CreateStream":
            asked.local.streams.delete("other")
        if operation == "CreateTable":
            asked.local.tables.delete("more")
        given_out = {"ShardIterator": asked.iterator()} if operation == "GetRecords" else {}
        sent = json.dumps(body | given_out).encode()
        status, answer = said(asked, Request("POST", "/", headers(operation), sent))
        assert status == 200, (operation, answer)


@given(st.lists(mutated(), min_size=1, max_size=6))
@example([("UpdateItem", {**VALID["UpdateItem"], "ConditionExpression": "(" * 4000})])
@example([("PutItem", {"TableName": TABLE, "Item": {KEY: {"S": "\ud800"}}}), ("Scan", {"TableName": TABLE})])
def test_a_mutated_body_is_answered(calls: list[tuple[str, Any]]) -> None:
    asked = ready()
    for operation, body in calls:
        said(asked, Request("POST", "/", headers(operation), json.dumps(body).encode()))


@given(st.sampled_from(sorted(VALID)), st.data())
def test_a_broken_body_is_answered(operation: str, data: st.DataObject) -> None:
    whole = json.dumps(VALID[operation]).encode()
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole)))))
    body = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]
    said(ready(), Request("POST", "/", headers(operation), body))


@given(
    st.sampled_from(sorted(VALID)),
    st.sampled_from(["content-type", "x-amz-target", "x-amz-date", "authorization"]),
    st.none() | st.text(max_size=60),
)
def test_a_mutated_head_is_answered(operation: str, name: str, value: str | None) -> None:
    head = headers(operation)
    head = {key: each for key, each in head.items() if key != name} | ({} if value is None else {name: value})
    status, _ = said(ready(), Request("POST", "/", head, json.dumps(VALID[operation]).encode()))
    assert status != 200


@given(st.text(max_size=300) | st.binary(max_size=300).map(encoded))
def test_no_other_text_is_taken_for_an_iterator(text: str) -> None:
    asked = ready()
    assert asked.code("GetRecords", ShardIterator=text) in {"InvalidArgumentException", "ValidationException"}


@given(st.sampled_from(["GET", "POST", "PUT", "HEAD"]), st.text(max_size=20), st.binary(max_size=40))
def test_any_other_request_is_answered(method: str, target: str, body: bytes) -> None:
    said(ready(), Request(method, target, {}, body))
    said(ready(), Request("POST", "/faults", {}, body))
