"""Kinesis, from the stand-in: a backlog beside boto3 in threads, idle shards, and an outage of the API."""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import msgspec

from benchmarks.processes import ask, endpoint, running
from benchmarks.report import Table
from benchmarks.watch import Watch
from tests.support.java_kafka import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.processes import Endpoint, Process
    from benchmarks.report import Cell

SHARDS: Final = 8
IDLE_SHARDS: Final = 100
RECORDS: Final = 100_000
RECORD_BYTES: Final = 300
SESSIONS: Final = 4_000
IDLE_SECONDS: Final = 30.0
WAIT_SECONDS: Final = 180.0
DOWN_PER_SECOND: Final = 500
_IN_A_CALL: Final = 500


def tables(*, minutes: float) -> tuple[Table, ...]:
    """Backlog, idle shards, outage."""
    return _backlog(), _idle(), _outage(minutes)


class Local:
    """The stand-in in a process of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.stream = f"clicks-{uuid.uuid4().hex[:8]}"
        self.letters = f"{self.stream}.dead-letters"
        self._client: Any = boto3.Session("local", "local", region_name="us-east-1").client(
            "kinesis", endpoint_url=url
        )
        self._random = random.Random(1)  # noqa: S311  made-up events, not secrets

    def make(self, shards: int) -> None:
        """Make the streams."""
        self._client.create_stream(StreamName=self.stream, ShardCount=shards)
        self._client.create_stream(StreamName=self.letters, ShardCount=1)

    def put(self, records: int) -> None:
        """Put so many records."""
        for first in range(0, records, _IN_A_CALL):
            entries = [self._entry() for _ in range(min(_IN_A_CALL, records - first))]
            self._client.put_records(StreamName=self.stream, Records=entries)

    def calls(self, *names: str) -> int:
        """How many calls there were of these operations."""
        counts = msgspec.json.decode(ask(f"{self.url}/calls"))
        return sum(sum(counts.get(name, {}).values()) for name in names)

    def _entry(self) -> dict[str, Any]:
        session = f"session-{self._random.randrange(SESSIONS)}"
        event = {
            "eventId": uuid.uuid4().hex,
            "eventType": "view",
            "itemId": f"item-{self._random.randrange(2000)}",
            "sentAt": int(time.time()),
            "sessionId": session,
            "properties": {"page": ""},
        }
        event["properties"] = {"page": "p" * (RECORD_BYTES - len(json.dumps(event)))}
        return {"Data": json.dumps(event).encode(), "PartitionKey": session}


@contextmanager
def _local(shards: int) -> Iterator[Local]:
    words = ("-m", "worker.local.kinesis", "--port", "0")
    with running(words, _folder(), says=subprocess.PIPE) as process:
        assert process.popen.stdout is not None
        local = Local(json.loads(process.popen.stdout.readline())["url"])
        local.make(shards)
        yield local


@contextmanager
def _worker(local: Local, api: Endpoint) -> Iterator[tuple[Process, Watch]]:
    port, folder = free_port(), _folder()
    settings = {
        "source": "kinesis",
        "kinesis": {
            "streams": [local.stream],
            "application_name": local.stream,
            "region": "us-east-1",
            "endpoint_url": local.url,
            "dynamodb_endpoint_url": local.url,
            "create_table": True,
        },
        "personalize": {
            "tracking_id": "benchmark",
            "region": "us-east-1",
            "endpoint_url": api.url,
            # Not the quota is measured.
            "requests_per_second": 10_000,
        },
        "dead_letters": {"stream": local.letters},
        "admin": {"host": "127.0.0.1", "port": port},
    }
    config = folder / "config.yaml"
    config.write_text(json.dumps(settings))
    with running(("-m", "worker", "run", "--config", str(config)), folder) as process:
        yield process, Watch(process, port)


def _backlog() -> Table:
    with _local(SHARDS) as local, endpoint(_folder()) as api, endpoint(_folder()) as other:
        local.put(RECORDS)
        with _worker(local, api) as (process, watch):
            ours = _delivered(watch, process, api)
            memory = process.peak_mb(), process.resident_mb()
        words = ("-m", "benchmarks.boto3_in_threads", local.stream, local.url, other.url, str(RECORDS))
        began = time.monotonic()
        with running(words, _folder()) as process:
            theirs = _ended(process, began)
        calls = [each.books().accepted_calls for each in (api, other)]
    rows: tuple[tuple[Cell, ...], ...] = (
        ("records a second", RECORDS / ours[0], RECORDS / theirs[0]),
        ("CPU a record, µs", 1e6 * ours[1] / RECORDS, 1e6 * theirs[1] / RECORDS),
        ("calls", *calls),
        ("peak MB", memory[0], theirs[2]),
        ("resident MB after it", memory[1], None),
    )
    title = f"{RECORDS:,} records of {RECORD_BYTES} bytes in {SHARDS} shards"
    return Table(
        title,
        ("what", "worker", "boto3 in threads"),
        rows,
        ("Start and end are not in the worker's figures.",),
    )


def _delivered(watch: Watch, process: Process, api: Endpoint) -> tuple[float, float]:
    """From the first record until all are accepted: seconds, and of CPU."""
    watch.until(lambda now: now.get("events_accepted_total", 0) > 0, WAIT_SECONDS, "the first record")
    began, before, cpu = time.monotonic(), api.books().accepted_events, process.cpu_seconds()
    watch.until(lambda now: now.get("events_accepted_total", 0) >= RECORDS, WAIT_SECONDS, "all records")
    part = RECORDS / (RECORDS - before)
    return part * (time.monotonic() - began), part * (process.cpu_seconds() - cpu)


def _ended(process: Process, began: float) -> tuple[float, float, float]:
    cpu = peak = 0.0
    while process.popen.poll() is None:
        try:
            cpu, peak = process.cpu_seconds(), process.peak_mb()
        except (OSError, RuntimeError, StopIteration):
            break
        time.sleep(0.1)
    return time.monotonic() - began, cpu, peak


def _idle() -> Table:
    with _local(IDLE_SHARDS) as local, endpoint(_folder()) as api, _worker(local, api) as (process, watch):
        watch.until(lambda now: now.get("partitions_assigned") == IDLE_SHARDS, WAIT_SECONDS, "all shards")
        watch.idle(5)
        names = ("UpdateItem", "Scan", "PutItem", "GetItem", "DeleteItem")
        cpu, reads, table = process.cpu_seconds(), local.calls("GetRecords"), local.calls(*names)
        time.sleep(IDLE_SECONDS)
        minutes = IDLE_SECONDS / 60
        rows: tuple[tuple[Cell, ...], ...] = (
            ("CPU, % of a core", 100 * (process.cpu_seconds() - cpu) / IDLE_SECONDS),
            ("resident MB", process.resident_mb()),
            ("reads a shard a minute", (local.calls("GetRecords") - reads) / IDLE_SHARDS / minutes),
            ("calls of DynamoDB a shard a minute", (local.calls(*names) - table) / IDLE_SHARDS / minutes),
        )
    return Table(f"{IDLE_SHARDS} idle shards", ("what", "figure"), rows)


def _outage(minutes: float) -> Table:
    with _local(SHARDS) as local, endpoint(_folder()) as api, _worker(local, api) as (process, watch):
        local.put(10_000)
        watch.until(lambda now: now.get("events_accepted_total", 0) >= 10_000, WAIT_SECONDS, "a beginning")
        api.set_faults({"fail": 1.0})
        began, put = time.monotonic(), 10_000
        while time.monotonic() - began < 60 * minutes:
            local.put(DOWN_PER_SECOND)
            put += DOWN_PER_SECOND
            watch.idle(1)
        down = process.peak_mb()
        lost = watch.look().get("leases_lost_total", -1.0)
        api.set_faults({"fail": 0.0})
        seconds = watch.until(
            lambda now: now.get("events_accepted_total", 0) >= put, WAIT_SECONDS * 2, "the rest"
        )
        rows: tuple[tuple[Cell, ...], ...] = (
            ("records that came meanwhile", put - 10_000),
            ("leases lost", lost),
            ("peak MB while it lasted", down),
            ("unsettled bytes at most, MB", watch.most_unsettled_bytes / 1e6),
            ("seconds until all was delivered", seconds),
            ("peak MB of all", process.peak_mb()),
            ("events accepted more than once", api.books().accepted_events - put),
        )
    return Table(f"The API fails for {minutes:g} minutes, {SHARDS} shards", ("what", "figure"), rows)


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="benchmarks-"))
