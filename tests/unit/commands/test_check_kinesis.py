"""The Kinesis part of ``check``, against the stand-in: one line for each thing that could be wrong."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from worker.commands.check import check
from worker.local.kinesis.endpoint import LocalKinesis
from worker.local.kinesis.faults import Faults, Rule
from worker.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Running = Callable[[Callable[[LocalKinesis], object]], None]

pytestmark = pytest.mark.slow


@contextmanager
def running(local: LocalKinesis) -> Iterator[Running]:
    """Serve from a thread, because ``check`` has a loop of its own; yield what changes it there."""
    serving = Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]()

    async def serve() -> None:
        async with local:
            done = asyncio.Event()
            serving.set_result((asyncio.get_running_loop(), done))
            await done.wait()

    def do(change: Callable[[LocalKinesis], object]) -> None:
        async def changed() -> None:
            change(local)

        asyncio.run_coroutine_threadsafe(changed(), loop).result(10)

    # The worker's loop: asyncio's leaves a socket open that it accepted just before its server was closed.
    thread = threading.Thread(target=uvloop.run, args=(serve(),))
    thread.start()
    loop, done = serving.result(10)
    try:
        yield do
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def checked(path: Path, local: LocalKinesis, **kinesis: Any) -> tuple[ExitCode, dict[str, str]]:
    """Return the exit code, and the level and text of what was found of Kinesis, by what it is of."""
    tree = {
        "source": "kinesis",
        "kinesis": {
            "streams": ["clicks"],
            "application_name": "app",
            "region": "eu-west-1",
            "endpoint_url": local.url,
            "dynamodb_endpoint_url": local.url,
        }
        | kinesis,
        "personalize": {"tracking_id": "t", "region": "eu-west-1", "endpoint_url": local.url},
        "dead_letters": {"stream": "letters"},
    }
    file = path / "config.yaml"
    file.write_text(json.dumps(tree))
    lines: list[str] = []
    code = check(file, {}, lines.append)
    found = (line.split(": ", 1) for line in lines)
    return code, {what[6:]: f"{what[:4].strip()} {text}" for what, text in found}


def made(*streams: str) -> LocalKinesis:
    local = LocalKinesis()
    for each in streams:
        local.streams.create(each, 2)
    return local


def test_all_is_well_and_the_table_will_be_made(tmp_path: Path) -> None:
    local = made("clicks", "letters")
    with running(local):
        code, found = checked(tmp_path, local, create_table=True)
    assert code == ExitCode.OK
    assert found["kinesis stream clicks"] == "ok can be listed and read (2 open shards)"
    assert found["lease table app"].startswith("warn is not there yet: a worker makes it")
    assert found["kinesis dead letters letters"] == "ok the stream is there"


def test_a_table_that_may_not_be_made_comes_with_its_command(tmp_path: Path) -> None:
    local = made("clicks", "letters")
    with running(local):
        code, found = checked(tmp_path, local)
    assert code == ExitCode.FAILED
    assert "aws dynamodb create-table --table-name app" in found["lease table app"]


def test_that_a_start_does_not_count_for_shards_with_a_lease_is_told(tmp_path: Path) -> None:
    """Elsewhere it was found out by what was not read (awslabs/amazon-kinesis-client, issue 552)."""
    local = made("clicks", "letters")
    local.tables.create("app", "leaseKey").put(
        {
            "leaseKey": {"S": "shardId-000000000000"},
            "leaseCounter": {"N": "7"},
            "checkpoint": {"S": "TRIM_HORIZON"},
            "checkpointSubSequenceNumber": {"N": "0"},
            "ownerSwitchesSinceCheckpoint": {"N": "0"},
        }
    )
    with running(local):
        code, found = checked(tmp_path, local, start="latest")
    assert code == ExitCode.OK
    assert found["lease table app"] == "ok holds 1 leases of 0 workers, 0 of them of finished shards"
    assert found["kinesis.start"].startswith("warn latest counts only for shards without a lease")


def test_leases_of_a_stream_that_was_made_anew_are_told(tmp_path: Path) -> None:
    local = made("clicks", "letters")
    table = local.tables.create("app", "leaseKey")
    table.put(
        {
            "leaseKey": {"S": "shardId-000000000000"},
            "leaseCounter": {"N": "7"},
            "checkpoint": {"S": "SHARD_END"},
            "personalizeWorkerStreamCreatedAt": {"N": "1700000000"},
        }
    )
    with running(local):
        code, found = checked(tmp_path, local)
    assert code == ExitCode.FAILED
    assert "delete its rows from the lease table" in found["lease table app, a stream"]


def test_streams_that_are_not_there_are_each_told(tmp_path: Path) -> None:
    local = made()
    with running(local):
        code, found = checked(tmp_path, local, create_table=True)
    assert code == ExitCode.FAILED
    said = found["kinesis stream clicks, DescribeStreamSummary"]
    assert said.startswith("FAIL ResourceNotFoundException: there is no such stream")
    assert "aws kinesis create-stream --stream-name letters" in found["kinesis dead letters"]


@pytest.mark.parametrize(
    ("call", "code", "what", "advice"),
    [
        (
            "DescribeStreamSummary",
            "AccessDeniedException",
            "kinesis stream clicks, DescribeStreamSummary",
            "DescribeStreamSummary",
        ),
        ("ListShards", "AccessDeniedException", "kinesis shards", "kinesis:ListShards"),
        (
            "GetShardIterator",
            "AccessDeniedException",
            "kinesis stream clicks, GetShardIterator",
            "GetShardIterator",
        ),
        ("GetRecords", "KMSAccessDeniedException", "kinesis stream clicks, GetRecords", "kms:Decrypt"),
        ("DescribeTable", "AccessDeniedException", "lease table app", "dynamodb:DescribeTable"),
    ],
)
def test_each_missing_permission_is_told_by_itself(
    tmp_path: Path, call: str, code: str, what: str, advice: str
) -> None:
    local = made("clicks", "letters")
    local.faults = Faults(rules=(Rule(does="refuse", calls=(call,), code=code),))
    with running(local):
        exit_code, found = checked(tmp_path, local, create_table=True)
    assert exit_code == ExitCode.FAILED
    assert found[what].startswith(f"FAIL {code}")
    assert advice in found[what]
