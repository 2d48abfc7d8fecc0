"""Over HTTP: signatures are checked, keys are told apart, and what is not answered is not."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.unit.local.kinesis.asking import KEY, STREAM, TABLE, headers
from worker.local.kinesis.endpoint import LocalKinesis
from worker.local.kinesis.faults import Faults, Rule


def client(service: str, url: str, key: str = "local", secret: str = "local", wait: float = 10) -> Any:  # noqa: S107  no secret
    config = Config(retries={"total_max_attempts": 1}, read_timeout=wait, parameter_validation=False)
    session = boto3.Session(key, secret, region_name="eu-west-1")
    return session.client(service, endpoint_url=url, config=config)  # type: ignore[call-overload]  # by its name


async def asked(made: Any, operation: str, **members: Any) -> Any:
    return await asyncio.to_thread(getattr(made, operation), **members)


async def refused(made: Any, operation: str, **members: Any) -> str:
    with pytest.raises(ClientError) as caught:
        await asked(made, operation, **members)
    return caught.value.response["Error"]["Code"]


async def test_both_services_are_at_one_address() -> None:
    async with LocalKinesis() as local:
        local.streams.create(STREAM)
        local.tables.create(TABLE, KEY)
        assert (await asked(client("kinesis", local.url), "list_shards", StreamName=STREAM))["Shards"]
        assert (await asked(client("dynamodb", local.url), "scan", TableName=TABLE))["Items"] == []
        assert local.calls.summary() == {"ListShards": {"done": 1}, "Scan": {"done": 1}}


@pytest.mark.parametrize("service", ["kinesis", "dynamodb"])
async def test_a_signature_is_checked(service: str) -> None:
    operation, members = {
        "kinesis": ("list_shards", {"StreamName": STREAM}),
        "dynamodb": ("scan", {"TableName": TABLE}),
    }[service]
    async with LocalKinesis(access_keys={"w1": "one", "w2": "two"}) as local:
        for key, secret, code in (
            ("w1", "one", "ResourceNotFoundException"),
            ("w2", "two", "ResourceNotFoundException"),
            ("w1", "two", "InvalidSignatureException"),
            ("w3", "one", "UnrecognizedClientException"),
        ):
            assert await refused(client(service, local.url, key, secret), operation, **members) == code


async def test_without_a_signature_nothing_is_done() -> None:
    async with LocalKinesis() as local, aiohttp.ClientSession() as http:
        for change in (
            {"authorization": ""},
            {"x-amz-date": "20200101T000000Z"},
            {"content-type": "text/plain"},
        ):
            head = headers("ListShards", "local") | change
            async with http.post(local.url, headers=head, data=b"{}") as answer:
                assert answer.status == 400
                assert (await answer.json(content_type=None))["__type"] != "ResourceNotFoundException"


async def test_faults_are_for_one_worker_and_set_over_http() -> None:
    async with LocalKinesis(access_keys=None) as local, aiohttp.ClientSession() as http:
        local.tables.create(TABLE, KEY)
        plan = {"rules": [{"does": "refuse", "code": "AccessDeniedException", "access_key": "w1"}]}
        async with http.post(f"{local.url}/faults", json=plan) as answer:
            assert answer.status == 200
        one, other = client("dynamodb", local.url, "w1"), client("dynamodb", local.url, "w2")
        assert await refused(one, "scan", TableName=TABLE) == "AccessDeniedException"
        await asked(other, "scan", TableName=TABLE)
        assert local.calls.count("Scan", access_key="w1", outcome="done") == 0
        assert local.calls.count("Scan", access_key="w2", outcome="done") == 1
        async with http.post(f"{local.url}/faults", json={"rules": [{"does": "x"}]}) as answer:
            assert answer.status == 400
        async with http.get(f"{local.url}/calls") as answer:
            assert await answer.json() == {"Scan": {"AccessDeniedException": 1, "done": 1}}
        async with http.get(f"{local.url}/faults") as answer:
            assert (await answer.json())["rules"][0]["access_key"] == "w1"


@pytest.mark.parametrize(
    ("rule", "error", "is_there"),
    [
        (Rule(does="reset"), ConnectionClosedError, False),
        (Rule(does="lose"), ConnectionClosedError, True),
        (Rule(does="silence"), ReadTimeoutError, True),
        (Rule(does="slow", seconds=60), ReadTimeoutError, True),
        (Rule(does="deny"), ClientError, True),
    ],
)
async def test_an_answer_that_does_not_come(rule: Rule, error: type[Exception], is_there: bool) -> None:  # noqa: FBT001  given by parametrize
    async with LocalKinesis(faults=Faults(rules=(rule,))) as local:
        table = local.tables.create(TABLE, KEY)
        with pytest.raises(error):
            await asked(
                client("dynamodb", local.url, wait=0.3), "put_item", TableName=TABLE, Item={KEY: {"S": "a"}}
            )
        assert bool(table.items()) is is_there


async def test_a_call_of_many_records_is_taken_and_a_larger_one_is_not() -> None:
    async with LocalKinesis() as local:
        stream = local.streams.create(STREAM)
        kinesis = client("kinesis", local.url)
        entry = {"PartitionKey": "k", "Data": b"x" * (1 << 20)}
        small = {"PartitionKey": "k", "Data": b"x" * ((1 << 20) - 100)}
        await asked(kinesis, "put_records", StreamName=STREAM, Records=[small] * 5)
        code = await refused(kinesis, "put_records", StreamName=STREAM, Records=[entry] * 11)
        assert code == "InvalidArgumentException"
        code = await refused(kinesis, "put_records", StreamName=STREAM, Records=[entry] * 13)
        assert code in {"413", "RequestEntityTooLargeException"}
        assert len(stream.shards["shardId-000000000000"]) == 5
