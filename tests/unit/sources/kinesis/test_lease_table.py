"""The lease table over HTTP, against a DynamoDB that checks every expression and signature."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.sources.kinesis.clients import Script, dynamodb_at, fault
from worker.aws.json_client import AwsFault
from worker.core.leases.lease import At, Lease, Sentinel
from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.endpoint import LocalKinesis
from worker.local.kinesis.faults import Faults, Rule
from worker.sources.kinesis.lease_rows import row_of
from worker.sources.kinesis.lease_table import DynamoLeaseTable
from worker.sources.kinesis.ports import Conflict, TableFault, Written
from worker.sources.kinesis.table_errors import NOT_THE_API
from worker.sources.kinesis.table_setup import ensure_table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from worker.aws.json_client import JsonClient

NUMBER = 49590338271490256608559692538361571095921575989136588898
LEASE = Lease(key="shardId-000000000000", owner="me", counter=3, checkpoint=At(NUMBER), hash_range=(0, 9))


async def no_sleep(_: float) -> None:
    """Wait for nothing."""


@asynccontextmanager
async def table_at(
    behaviour: Behaviour | None = None,
) -> AsyncIterator[tuple[DynamoLeaseTable, JsonClient, LocalKinesis]]:
    async with LocalKinesis(behaviour) as local, dynamodb_at(local.url) as client:
        await ensure_table(client.call, "leases", create=True, region="eu-west-1", sleep=no_sleep)
        yield DynamoLeaseTable(client.call, "leases"), client, local


async def rows_of(client: JsonClient) -> list[dict[str, Any]]:
    answer = await client.call("DynamoDB_20120810.Scan", b'{"TableName":"leases","ConsistentRead":true}')
    assert not isinstance(answer, AwsFault)
    return list(msgspec.json.decode(answer.body)["Items"])


async def put(client: JsonClient, row: dict[str, Any]) -> None:
    body = msgspec.json.encode({"TableName": "leases", "Item": row})
    assert not isinstance(await client.call("DynamoDB_20120810.PutItem", body), AwsFault)


async def test_a_lease_is_created_once_and_found_as_it_was_written() -> None:
    async with table_at() as (table, client, _):
        assert await table.scan() == ()
        assert await table.create(LEASE) == Written(LEASE)
        assert await table.create(replace(LEASE, owner="you")) == Conflict(LEASE)
        assert await table.scan() == (LEASE,)
        assert await rows_of(client) == [row_of(LEASE)]


@pytest.mark.parametrize("tells_item", [True, False])
async def test_a_condition_that_fails_tells_the_row_as_it_is(*, tells_item: bool) -> None:
    """Also where the endpoint leaves it out: then it is asked for, consistently."""
    async with table_at(Behaviour(tells_item=tells_item, stale_reads=True)) as (table, _, local):
        await table.create(LEASE)
        renewed = replace(LEASE, counter=4)
        assert await table.replace(LEASE, renewed) == Written(renewed)
        assert await table.replace(LEASE, renewed) == Conflict(renewed)
        assert await table.delete(LEASE) == Conflict(renewed)
        assert await table.create(LEASE) == Conflict(renewed)
        assert local.calls.summary() is not None


async def test_only_what_differs_is_written_and_what_is_unknown_stays() -> None:
    async with table_at() as (table, client, _):
        unknown = {"later": {"L": [{"N": "1"}]}}
        await put(client, row_of(LEASE) | unknown)
        after = replace(
            LEASE,
            owner="you",
            counter=4,
            checkpoint=Sentinel.SHARD_END,
            children=frozenset({"shardId-000000000001"}),
            checkpoint_owner="me",
            owner_switches=1,
        )
        assert await table.replace(LEASE, after) == Written(after)
        assert await rows_of(client) == [row_of(after) | unknown]
        again = replace(after, counter=5, owner=None, checkpoint_owner=None, children=frozenset())
        assert await table.replace(after, again) == Written(again)
        assert await rows_of(client) == [row_of(again) | unknown]


async def test_a_checkpoint_removes_what_a_kcl_prepared_before_it_and_other_writes_leave_it() -> None:
    """A KCL gives it to its next owner, whom it lets checkpoint nothing behind the checkpoint."""
    async with table_at() as (table, client, _):
        prepared = {
            "pendingCheckpoint": {"S": str(NUMBER)},
            "pendingCheckpointSubSequenceNumber": {"N": "0"},
            "pendingCheckpointState": {"N": "0"},
        }
        await put(client, row_of(LEASE) | prepared)
        renewed = replace(LEASE, counter=4)
        assert await table.replace(LEASE, renewed) == Written(renewed)
        assert await rows_of(client) == [row_of(renewed) | prepared]
        further = replace(renewed, counter=5, checkpoint=At(NUMBER, 1))
        assert await table.replace(renewed, further) == Written(further)
        assert await rows_of(client) == [row_of(further)]


async def test_a_written_row_is_told_as_it_is_in_the_table() -> None:
    """Another worker's fields, which this one does not change, may have moved meanwhile."""
    async with table_at() as (table, client, _):
        await put(client, row_of(replace(LEASE, throughput_kbps=12.5)))
        renewed = replace(LEASE, counter=4)
        assert await table.replace(LEASE, renewed) == Written(replace(renewed, throughput_kbps=12.5))


@pytest.mark.parametrize(
    "there", [replace(LEASE, owner="you"), replace(LEASE, owner=None), replace(LEASE, counter=4)]
)
async def test_neither_another_owner_nor_another_counter_is_overwritten(there: Lease) -> None:
    async with table_at() as (table, _, __):
        await table.create(there)
        wanted = replace(LEASE, counter=LEASE.counter + 1, checkpoint=At(NUMBER + 1))
        assert await table.replace(LEASE, wanted) == Conflict(there)
        assert await table.scan() == (there,)


async def test_a_lease_of_nobody_is_taken_only_while_it_is_nobodys() -> None:
    nobodys = replace(LEASE, owner=None)
    async with table_at() as (table, _, __):
        await table.create(nobodys)
        taken = replace(nobodys, owner="me", counter=4)
        assert await table.replace(nobodys, taken) == Written(taken)
        assert await table.replace(nobodys, replace(taken, owner="you")) == Conflict(taken)


async def test_a_handing_over_is_asked_for_without_touching_the_counter() -> None:
    async with table_at() as (table, client, _):
        await table.create(LEASE)
        asked = replace(LEASE, owner="thief", checkpoint_owner="me")
        assert await table.replace(LEASE, asked) == Written(asked)
        assert (await rows_of(client))[0]["leaseCounter"] == {"N": "3"}


async def test_a_row_that_is_gone_is_told_as_gone_and_not_made_again() -> None:
    async with table_at() as (table, _, __):
        await table.create(LEASE)
        assert await table.delete(LEASE) == Written(LEASE)
        assert await table.replace(LEASE, replace(LEASE, counter=4)) == Conflict(None)
        assert await table.delete(LEASE) == Conflict(None)
        assert await table.scan() == ()


async def test_of_many_writers_at_once_one_wins() -> None:
    async with table_at() as (table, _, __):
        await table.create(LEASE)
        wanted = [replace(LEASE, owner=f"w{each}", counter=4) for each in range(16)]
        outcomes = await asyncio.gather(*[table.replace(LEASE, each) for each in wanted])
        (winner,) = [each.lease for each in outcomes if isinstance(each, Written)]
        assert [each for each in outcomes if isinstance(each, Conflict)] == [Conflict(winner)] * 15


async def test_a_scan_reads_all_pages_and_leaves_out_what_is_no_lease() -> None:
    async with table_at(Behaviour(scan_page_bytes=1)) as (table, client, _):
        leases = [replace(LEASE, key=f"shardId-{each:012d}") for each in range(7)]
        for each in leases:
            await table.create(each)
        await put(client, {"leaseKey": {"S": "w"}, "entityType": {"S": "WORKER_METRIC_STATS"}})
        found = await table.scan()
        assert not isinstance(found, TableFault)
        assert sorted(found, key=lambda each: each.key) == leases
        assert len(await rows_of(client)) == 1


async def test_a_row_that_cannot_be_read_is_told_instead_of_passed_over() -> None:
    """Without it, its shard would look as if nobody had begun with it."""
    async with table_at() as (table, client, _):
        await put(client, row_of(LEASE) | {"checkpoint": {"S": "EARLIEST"}})
        for answer in (await table.scan(), await table.create(LEASE)):
            assert isinstance(answer, TableFault)
            assert (answer.code, answer.retryable) == ("UnreadableLease", False)
            assert "checkpoint" in answer.message


@pytest.mark.parametrize(
    ("code", "retryable", "words"),
    [
        ("ProvisionedThroughputExceededException", True, "capacity"),
        ("ThrottlingException", True, "capacity"),
        ("InternalServerError", True, ""),
        ("AccessDeniedException", False, "dynamodb:DescribeTable"),
        ("ResourceNotFoundException", False, "lease table is gone"),
        ("ValidationException", False, "one of the KCL's"),
        ("ExpiredTokenException", False, "keys"),
    ],
)
async def test_what_was_not_done_is_told_with_what_to_do(code: str, *, retryable: bool, words: str) -> None:
    async with table_at() as (table, _, local):
        await table.create(LEASE)
        local.faults = Faults(rules=(Rule(does="refuse", code=code),))
        for answer in (
            await table.scan(),
            await table.create(LEASE),
            await table.replace(LEASE, replace(LEASE, counter=4)),
            await table.delete(LEASE),
        ):
            assert isinstance(answer, TableFault)
            assert (answer.code, answer.retryable) == (code, retryable)
            assert words in answer.message
            assert answer.message


async def test_an_answer_that_is_lost_is_no_failure_of_the_write() -> None:
    """Nothing is known; the next look at the row says that it was written."""
    async with table_at() as (table, _, local):
        await table.create(LEASE)
        local.faults = Faults(rules=(Rule(does="lose", calls=("UpdateItem",)),))
        renewed = replace(LEASE, counter=4)
        answer = await table.replace(LEASE, renewed)
        assert isinstance(answer, TableFault)
        assert answer.retryable
        local.faults = Faults()
        assert await table.replace(LEASE, renewed) == Conflict(renewed)


async def test_a_conflict_whose_row_cannot_be_had_is_no_conflict() -> None:
    """Gone and unknown are different: a row that is gone ends the lease."""
    throttled = AwsFault(code="ThrottlingException", status=400)
    script = Script(fault("ConditionalCheckFailedException"), throttled)
    answer = await DynamoLeaseTable(script, "leases").replace(LEASE, replace(LEASE, counter=4))
    assert isinstance(answer, TableFault)
    assert answer.code == "ThrottlingException"
    assert script.parameters[1]["ConsistentRead"] is True


async def test_an_update_that_does_not_tell_the_row_was_not_dynamodbs() -> None:
    """A page that says 200 to everything must not renew a lease."""
    assert await DynamoLeaseTable(Script(b"{}"), "leases").replace(LEASE, LEASE) == NOT_THE_API


async def test_a_scan_that_never_ends_is_given_up() -> None:
    page = {"Items": [], "LastEvaluatedKey": {"leaseKey": {"S": "x"}}}
    answer = await DynamoLeaseTable(Script(*[page] * 2000), "leases").scan()
    assert isinstance(answer, TableFault)
    assert answer.code == "EndlessListing"


@given(
    st.binary(max_size=60) | st.sampled_from([b"{}", b'{"Items":[{}]}', b'{"Item":5}', b'{"Attributes":{}}'])
)
async def test_whatever_comes_nothing_raises(body: bytes) -> None:
    table = DynamoLeaseTable(Script(*[body] * 4), "leases")
    await table.scan()
    await table.create(LEASE)
    await table.replace(LEASE, LEASE)
    await table.delete(LEASE)
