"""What is relied on in a table of leases."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.contract.kinesis.statements import Statements
from tests.contract.kinesis.table import ABSENT, KEY
from worker.local.kinesis.behaviour import Behaviour

if TYPE_CHECKING:
    from tests.contract.kinesis.table import TableStand

STATEMENTS = Statements()
FAILED = "ConditionalCheckFailedException"
INVALID = "ValidationException"
GONE = "ResourceNotFoundException"
SEQUENCE = "49590338271490256608559692538361571095921575989136588898"
AS_SEEN = "leaseCounter = :seen"


def n(number: float | str) -> dict[str, str]:
    return {"N": str(number)}


def s(text: str) -> dict[str, str]:
    return {"S": text}


@STATEMENTS.says()
async def a_table_is_made_once(stand: TableStand) -> None:
    assert await stand.code("create_table", **stand.new(stand.name)) == "ResourceInUseException"


@STATEMENTS.says(Behaviour(create_seconds=0.05))
async def a_table_is_not_there_before_it_is_made(stand: TableStand) -> None:
    name = f"{stand.name}-not"
    assert await stand.code("describe_table", TableName=name) == GONE
    assert await stand.code("scan", TableName=name) == GONE
    assert await stand.code("put_item", TableName=name, Item={KEY: s("a")}) == GONE


@STATEMENTS.says(moto="it takes them")
async def a_name_of_two_letters_is_none(stand: TableStand) -> None:
    assert await stand.code("create_table", **stand.new("ab")) == INVALID


@STATEMENTS.says()
async def a_row_is_made_once(stand: TableStand) -> None:
    await stand.make(leaseCounter=n(0))
    again = {"TableName": stand.name, "Item": {KEY: s("a"), "leaseCounter": n(7)}}
    assert await stand.code("put_item", **again, ConditionExpression=ABSENT) == FAILED
    assert await stand.row() == {"leaseCounter": n(0)}


@STATEMENTS.says()
async def of_16_conditional_writes_one_wins(stand: TableStand) -> None:
    await stand.make(leaseCounter=n(4))

    async def take(worker: str) -> str:
        update = "SET leaseCounter = :next, leaseOwner = :me"
        members = stand.update(update, AS_SEEN, next=n(5), me=s(worker), seen=n(4))
        return "" if await stand.outcome("update_item", **members) == FAILED else worker

    winners = set(await asyncio.gather(*(take(f"w{number}") for number in range(16)))) - {""}
    assert len(winners) == 1
    assert await stand.row() == {"leaseCounter": n(5), "leaseOwner": s(winners.pop())}


@STATEMENTS.says()
async def an_update_leaves_what_it_does_not_name(stand: TableStand) -> None:
    others: dict[str, Any] = {"checkpoint": s(SEQUENCE), "unknownToUs": {"L": [s("x"), {"BOOL": True}]}}
    await stand.put(leaseCounter=n(1), **others)
    await stand.call("update_item", **stand.update("SET leaseCounter = :next", AS_SEEN, next=n(2), seen=n(1)))
    assert await stand.row() == {"leaseCounter": n(2), **others}


@STATEMENTS.says()
async def a_put_wipes_what_it_does_not_name(stand: TableStand) -> None:
    """So no lease is renewed by one."""
    await stand.put(leaseCounter=n(1), checkpoint=s(SEQUENCE))
    await stand.put(leaseCounter=n(2))
    assert await stand.row() == {"leaseCounter": n(2)}


@STATEMENTS.says(dynalite="it never does")
async def a_failed_condition_tells_the_row_as_it_is(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(3), leaseOwner=s("other"))
    members = stand.update("SET leaseCounter = :next", AS_SEEN, next=n(2), seen=n(1))
    refusal = await stand.refusal("update_item", **members, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert refusal["Code"] == FAILED
    assert refusal["Item"] == {KEY: s("a"), "leaseCounter": n(3), "leaseOwner": s("other")}


@STATEMENTS.says(Behaviour(tells_item=False))
async def a_failed_condition_changes_nothing_and_the_row_can_be_read(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(3))
    members = stand.update("SET leaseCounter = :next", AS_SEEN, next=n(2), seen=n(1))
    code = await stand.code("update_item", **members, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert code == FAILED
    assert await stand.row() == {"leaseCounter": n(3)}


@STATEMENTS.says()
async def a_row_that_is_gone_stays_gone_under_a_condition(stand: TableStand) -> None:
    members = stand.update("SET leaseCounter = :next", AS_SEEN, next=n(2), seen=n(1))
    refusal = await stand.refusal("update_item", **members, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert refusal["Code"] == FAILED
    assert "Item" not in refusal
    assert await stand.row() is None


@STATEMENTS.says()
async def without_a_condition_an_update_makes_the_row(stand: TableStand) -> None:
    """So no update goes without one."""
    await stand.call("update_item", **stand.update("SET leaseCounter = :next", next=n(2)))
    assert await stand.row() == {"leaseCounter": n(2)}


@STATEMENTS.says()
async def an_update_sets_and_removes_at_once(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(1), checkpointOwner=s("me"), leaseOwner=s("thief"))
    update = "SET leaseCounter = :next REMOVE checkpointOwner, throughputKBps"
    await stand.call("update_item", **stand.update(update, AS_SEEN, next=n(2), seen=n(1)))
    assert await stand.row() == {"leaseCounter": n(2), "leaseOwner": s("thief")}


@STATEMENTS.says()
async def conditions_are_combined(stand: TableStand) -> None:
    free = f"{AS_SEEN} AND (attribute_not_exists(leaseOwner) OR leaseOwner = :me)"
    await stand.put(leaseCounter=n(1))
    update = "SET leaseCounter = :next, leaseOwner = :me"
    await stand.call("update_item", **stand.update(update, free, next=n(2), me=s("w1"), seen=n(1)))
    await stand.call("update_item", **stand.update(update, free, next=n(3), me=s("w1"), seen=n(2)))
    members = stand.update(update, free, next=n(4), me=s("w2"), seen=n(3))
    assert await stand.code("update_item", **members) == FAILED
    members = stand.update(update, f"attribute_exists({KEY}) AND {free}", next=n(4), me=s("w1"), seen=n(2))
    assert await stand.code("update_item", **members) == FAILED
    assert await stand.row() == {"leaseCounter": n(3), "leaseOwner": s("w1")}


@STATEMENTS.says()
async def names_may_be_placeholders(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(1))
    members = stand.update("SET #c = :next", "#c = :seen", next=n(2), seen=n(1))
    await stand.call("update_item", **members, ExpressionAttributeNames={"#c": "leaseCounter"})
    assert await stand.row() == {"leaseCounter": n(2)}


@STATEMENTS.says()
async def a_row_is_deleted_under_a_condition(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(3))
    row = {"TableName": stand.name, "Key": {KEY: s("a")}, "ConditionExpression": AS_SEEN}
    assert await stand.code("delete_item", **row, ExpressionAttributeValues={":seen": n(2)}) == FAILED
    await stand.call("delete_item", **row, ExpressionAttributeValues={":seen": n(3)})
    assert await stand.row() is None


@STATEMENTS.says()
async def a_write_may_tell_the_row_as_it_is_now(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(1), checkpoint=s(SEQUENCE))
    members = stand.update("SET leaseCounter = :next", AS_SEEN, next=n(2), seen=n(1))
    answer = await stand.call("update_item", **members, ReturnValues="ALL_NEW")
    assert answer["Attributes"] == {KEY: s("a"), "leaseCounter": n(2), "checkpoint": s(SEQUENCE)}


@STATEMENTS.says(Behaviour(scan_page_bytes=100))
async def a_scan_sees_all_rows_in_pages(stand: TableStand) -> None:
    names = {f"shardId-{number:012d}" for number in range(9)}
    for each in names:
        await stand.put(each, leaseCounter=n(0))
    seen: list[str] = []
    page: dict[str, Any] = {}
    pages = 0
    while pages == 0 or page:
        answer = await stand.call("scan", TableName=stand.name, Limit=2, ConsistentRead=True, **page)
        assert answer["Count"] == len(answer["Items"]) <= 2
        seen += [each[KEY]["S"] for each in answer["Items"]]
        page = {"ExclusiveStartKey": each} if (each := answer.get("LastEvaluatedKey")) else {}
        pages += 1
    assert sorted(seen) == sorted(names)
    assert pages >= 5


@STATEMENTS.says(Behaviour(stale_reads=True))
async def a_consistent_read_has_the_last_write(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(1))
    await stand.put(leaseCounter=n(2))
    answer = await stand.call("scan", TableName=stand.name, ConsistentRead=True)
    assert answer["Items"] == [{KEY: s("a"), "leaseCounter": n(2)}]
    assert await stand.row() == {"leaseCounter": n(2)}


@STATEMENTS.says(moto="it takes it")
async def a_sequence_number_is_too_long_for_a_number(stand: TableStand) -> None:
    item = {KEY: s("a"), "checkpoint": n(SEQUENCE)}
    assert await stand.code("put_item", TableName=stand.name, Item=item) == INVALID
    await stand.put(checkpoint=n("9" * 38))
    assert await stand.row() == {"checkpoint": n("9" * 38)}


@STATEMENTS.says()
async def a_sequence_number_is_kept_as_a_text(stand: TableStand) -> None:
    await stand.put(checkpoint=s(SEQUENCE))
    assert await stand.row() == {"checkpoint": s(SEQUENCE)}


@STATEMENTS.says()
async def numbers_are_compared_by_value(stand: TableStand) -> None:
    await stand.put(leaseCounter=n("1.0"))
    await stand.call(
        "update_item", **stand.update("SET leaseCounter = :next", AS_SEEN, next=n(2), seen=n("01"))
    )
    assert await stand.row() == {"leaseCounter": n(2)}


@STATEMENTS.says()
async def a_number_is_no_text(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(1))
    members = stand.update("SET leaseCounter = :next", AS_SEEN, next=n(2), seen=s("1"))
    assert await stand.code("update_item", **members) == FAILED


@STATEMENTS.says()
async def sets_come_back_in_any_order_and_are_never_empty(stand: TableStand) -> None:
    await stand.put(parentShardId={"SS": ["b", "a"]})
    row = await stand.row()
    assert row is not None
    assert sorted(row["parentShardId"]["SS"]) == ["a", "b"]
    item = {KEY: s("a"), "parentShardId": {"SS": []}}
    assert await stand.code("put_item", TableName=stand.name, Item=item) == INVALID


@STATEMENTS.says()
async def a_key_is_a_text_that_is_not_empty(stand: TableStand) -> None:
    for key in ({KEY: s("")}, {KEY: n(1)}, {"other": s("a")}):
        assert await stand.code("put_item", TableName=stand.name, Item=key) == INVALID


@STATEMENTS.says()
async def a_key_is_never_changed(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(1))
    assert await stand.code("update_item", **stand.update(f"SET {KEY} = :other", other=s("b"))) == INVALID


@STATEMENTS.says(moto="it takes values that are not used")
async def placeholders_are_given_and_used(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(1))
    unused = stand.update("SET leaseCounter = :next", next=n(2), other=n(3))
    assert await stand.code("update_item", **unused) == INVALID
    missing = stand.update("SET leaseCounter = :next", AS_SEEN, next=n(2))
    assert await stand.code("update_item", **missing) == INVALID


@STATEMENTS.says(moto="it makes something of most of them")
async def an_expression_that_is_none_is_refused(stand: TableStand) -> None:
    await stand.put(leaseCounter=n(1))
    for update in (
        "",
        "SET",
        "SET a",
        "SET a = :v,",
        "SET a = :v SET b = :v",
        "SET a = :v, a = :v",
        "PUT a = :v",
    ):
        assert await stand.code("update_item", **stand.update(update, v=n(1))) == INVALID, update
    for condition in ("", "a", "a =", "a = :v AND", "(a = :v", "a == :v", "exists(a)", "a = :v)"):
        members = stand.update("SET b = :v", condition, v=n(1))
        assert await stand.code("update_item", **members) == INVALID, condition
    assert await stand.row() == {"leaseCounter": n(1)}
