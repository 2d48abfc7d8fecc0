from __future__ import annotations

import asyncio
import shlex
from typing import Any

import msgspec
import pytest

from tests.unit.sources.kinesis.clients import Script, dynamodb_at, fault
from worker.aws.json_client import AwsFault
from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.endpoint import LocalKinesis
from worker.local.kinesis.faults import Faults, Rule
from worker.sources.kinesis.table_setup import (
    LeaseTableAway,
    LeaseTableUnusable,
    create_command,
    ensure_table,
)

MISSING = fault("ResourceNotFoundException")


def described(status: str, key: str = "leaseKey", kind: str = "S", **more: object) -> dict[str, Any]:
    return {
        "Table": {
            "TableStatus": status,
            "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind}],
            **more,
        }
    }


async def ensure(script: Script, *, create: bool = True) -> tuple[bool, int]:
    """Return whether it was made, and how often it was waited for."""
    waits = 0

    async def sleep(_: float) -> None:
        nonlocal waits
        waits += 1

    return await ensure_table(script, "leases", create=create, region="eu-west-1", sleep=sleep), waits


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
async def test_a_table_that_is_there_is_used_at_once(status: str) -> None:
    script = Script(described(status))
    assert await ensure(script, create=False) == (False, 0)
    assert script.asked == [("DynamoDB_20120810.DescribeTable", {"TableName": "leases"})]


async def test_a_table_that_is_missing_is_made_billed_on_demand_and_waited_for() -> None:
    script = Script(
        MISSING, {}, described("CREATING"), MISSING, fault("ResourceInUseException"), described("ACTIVE")
    )
    assert await ensure(script) == (True, 3)
    assert script.asked[1] == (
        "DynamoDB_20120810.CreateTable",
        {
            "TableName": "leases",
            "AttributeDefinitions": [{"AttributeName": "leaseKey", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "leaseKey", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )


async def test_a_table_that_another_worker_makes_meanwhile_is_that_ones() -> None:
    script = Script(MISSING, fault("ResourceInUseException"), described("CREATING"), described("ACTIVE"))
    assert await ensure(script) == (False, 2)


async def test_a_table_that_is_being_deleted_is_made_anew_when_it_is_gone() -> None:
    assert await ensure(Script(described("DELETING"), MISSING, {}, described("ACTIVE"))) == (True, 2)


async def test_what_makes_a_missing_table_is_told() -> None:
    with pytest.raises(LeaseTableUnusable, match=r"'leases' does not exist.*kinesis\.create_table") as told:
        await ensure(Script(MISSING), create=False)
    assert told.value.command == (
        "aws dynamodb create-table --table-name leases --attribute-definitions "
        "AttributeName=leaseKey,AttributeType=S --key-schema AttributeName=leaseKey,KeyType=HASH "
        "--billing-mode PAY_PER_REQUEST --region eu-west-1"
    )


def test_the_command_is_one_of_the_shell_whatever_the_name() -> None:
    command = create_command("x; rm -rf /", "eu-west-1")
    assert shlex.split(command)[4] == "x; rm -rf /"


@pytest.mark.parametrize(
    "table",
    [
        described("ACTIVE", key="id"),
        described("ACTIVE", kind="N"),
        described(
            "ACTIVE",
            KeySchema=[
                {"AttributeName": "leaseKey", "KeyType": "HASH"},
                {"AttributeName": "at", "KeyType": "RANGE"},
            ],
        ),
        described("ACTIVE", KeySchema=[]),
    ],
)
async def test_a_table_that_is_no_lease_table_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(LeaseTableUnusable, match=r"no lease table.*kinesis\.application_name") as told:
        await ensure(Script(table))
    assert not told.value.command


@pytest.mark.parametrize("status", ["ARCHIVED", "INACCESSIBLE_ENCRYPTION_CREDENTIALS"])
async def test_a_table_that_never_will_be_ready_is_refused(status: str) -> None:
    with pytest.raises(LeaseTableUnusable, match=status):
        await ensure(Script(described(status)))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([AwsFault(code="ConnectTimeout")], "ConnectTimeout: "),
        ([AwsFault(code="AccessDeniedException", status=400)], "allow dynamodb:DescribeTable"),
        (
            [MISSING, AwsFault(code="AccessDeniedException", status=400)],
            "CreateTable with kinesis.create_table",
        ),
        ([b"<html>"], "NotTheApi: "),
        ([b"{}"], "NotTheApi: "),
    ],
)
async def test_what_may_be_put_right_meanwhile_is_told_and_tried_later(
    answers: list[object], words: str
) -> None:
    with pytest.raises(LeaseTableAway) as told:
        await ensure(Script(*answers))
    assert words in str(told.value)


async def test_two_workers_that_start_at_once_make_one_table() -> None:
    """Over HTTP, where a table takes its time to be made."""
    behaviour = Behaviour(create_seconds=0.05)
    async with LocalKinesis(behaviour) as local, dynamodb_at(local.url) as client:
        made = await asyncio.gather(
            *[
                ensure_table(
                    client.call,
                    "leases",
                    create=True,
                    region="eu-west-1",
                    sleep=lambda _: asyncio.sleep(0.01),
                )
                for _ in range(2)
            ]
        )
        assert sorted(made) == [False, True]
        body = msgspec.json.encode({"TableName": "leases"})
        assert not isinstance(await client.call("DynamoDB_20120810.Scan", body), AwsFault)
        local.faults = Faults(rules=(Rule(does="deny", calls=("DescribeTable",)),))
        with pytest.raises(LeaseTableAway):
            await ensure_table(client.call, "leases", create=True, region="eu-west-1", sleep=asyncio.sleep)
