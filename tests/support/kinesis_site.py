"""A whole site of Kinesis for one test: streams, lease table, endpoint, workers by need, and what they wrote.

While it stands, a watch reads the lease table at random moments, and then what was accepted: a checkpoint
that is ahead of that is a record that a crash would lose.
"""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections import Counter
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.kinesis_ledger import Entry, Feed, Ledger
from tests.support.processes import EndpointProcess, Process, WorkerProcess
from tests.support.waiting import until
from worker.local.audit import Audit, audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

# Short, for the sake of tests that wait for it, and not shorter: on a busy machine, renewals come late.
FAILOVER_SECONDS: Final = 5.0
CALM: Final = {"failover_seconds": 15.0}
"""For tests that no lease is to be lost in, however busy the machine is."""
DELIVER_SECONDS: Final = 120.0
_SESSION: Final = boto3.Session("local", "local", region_name="us-east-1")
_SHARD_END: Final = "SHARD_END"
_ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@cache
def client(service: str, url: str) -> Any:
    """Return a client that tries as often as boto3 does."""
    config = Config(read_timeout=20, connect_timeout=5, max_pool_connections=32)
    return _SESSION.client(service, endpoint_url=url, config=config)  # type: ignore[call-overload]  # by its name


class KinesisSite(AbstractContextManager["KinesisSite"]):
    """Everything around the workers; what was started ends with the block.

    Args:
        folder: for logs and configurations.
        streams_url: where Kinesis is.
        tables_url: where DynamoDB is.
        worker_tables_url: where the workers are told that it is; by default there.
        shards: of the first stream.
        letter_shards: of that of dead letters.
    """

    def __init__(  # noqa: PLR0913  where it is, and how large
        self,
        folder: Path,
        streams_url: str,
        tables_url: str,
        *,
        worker_tables_url: str | None = None,
        shards: int = 4,
        letter_shards: int = 1,
    ) -> None:
        self.folder = folder
        self.kinesis, self.dynamodb = client("kinesis", streams_url), client("dynamodb", tables_url)
        self._streams_url, self._tables_url = streams_url, worker_tables_url or tables_url
        unique = uuid.uuid4().hex[:12]
        self.table = f"leases-{unique}"
        self.stream = f"interactions-{unique}"
        self.letters = f"letters-{unique}"
        self.ledger = Ledger(self.kinesis)
        self.make_stream(self.stream, shards)
        self.make_stream(self.letters, letter_shards)
        self.endpoint = EndpointProcess(folder / "endpoint.log")
        self.workers: list[WorkerProcess] = []
        self.commands: list[Process] = []
        self.feeds: list[Feed] = []
        self.others: list[Callable[[], Iterable[str]]] = []
        """What consumers beside the workers had: the ids of events."""
        self.watch = Watch(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill what still runs; of a failed test, show what its workers said last."""
        for feed in self.feeds:
            feed.stop()
        self.watch.stop()
        for each in (*self.workers, *self.commands, self.endpoint):
            each.kill()
        if error is not None:
            for log in sorted(self.folder.glob("*.log")):
                error.add_note(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")

    def make_stream(self, name: str, shards: int) -> None:
        """Make a stream, and wait until it is there."""
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)
        self.wait_until_active(name)

    def wait_until_active(self, stream: str | None = None) -> None:
        """Return once no change of the stream is under way."""
        name = stream or self.stream

        def is_active() -> bool:
            told = self.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            return bool(told["StreamStatus"] == "ACTIVE")

        until(is_active, 20, what=f"{name} being active")

    def start_worker(self, name: str = "worker", **sections: dict[str, Any]) -> WorkerProcess:
        """Start a worker; ``sections`` go over the site's own configuration, key by key."""
        worker = WorkerProcess(self.settings(**sections), self.folder / f"{name}.log", _ENVIRONMENT)
        self.workers.append(worker)
        return worker

    def start_command(self, *words: str, **sections: dict[str, Any]) -> Process:
        """Start one of the other commands, with the site's configuration; ``sections`` go over it."""
        name = f"{len(self.commands)}-{words[-1].strip('-')}"
        config = self.folder / f"{name}.yaml"
        config.write_text(json.dumps(self.settings(**sections)))
        log = self.folder / f"{name}.log"
        command = Process(("worker", *words, "--config", str(config)), log, _ENVIRONMENT)
        self.commands.append(command)
        return command

    def feed(self, events_per_second: float = 100, stream: str | None = None) -> Feed:
        """Put events at this rate, until told to stop, or until the block ends."""
        feed = Feed(self.ledger, stream or self.stream, events_per_second)
        self.feeds.append(feed)
        return feed

    def settings(self, **sections: dict[str, Any]) -> dict[str, Any]:
        """Return a configuration."""
        own: dict[str, dict[str, Any]] = {
            "kinesis": {
                "streams": [self.stream],
                "application_name": self.table,
                "region": "us-east-1",
                "endpoint_url": self._streams_url,
                "dynamodb_endpoint_url": self._tables_url,
                "create_table": True,
                "failover_seconds": FAILOVER_SECONDS,
            },
            "personalize": {
                "tracking_id": "site",
                "region": "eu-west-1",
                "endpoint_url": self.endpoint.url,
            },
            "batching": {"linger_seconds": 0.1},
            "retry": {"first_wait_seconds": 0.05, "max_wait_seconds": 0.5},
            "dead_letters": {"stream": self.letters},
            "admin": {"host": "127.0.0.1", "port": 0},
            "log": {"format": "json"},
        }
        merged = own | {name: {**own.get(name, {}), **section} for name, section in sections.items()}
        return {"source": "kinesis", **merged}

    def rows(self) -> dict[str, dict[str, Any]]:
        """Read the leases of the table: rows by key, values without their types."""
        found: dict[str, dict[str, Any]] = {}
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        for page in pages:
            for item in page["Items"]:
                row = {name: next(iter(value.values())) for name, value in item.items()}
                # KCL 3 has rows of other kinds there.
                if row.get("entityType", "LEASE") == "LEASE":
                    found[row["leaseKey"]] = row
        return found

    def shares(self) -> list[int]:
        """How many leases each worker has that are not finished, ascending; none while one is handed over."""
        counts: Counter[str] = Counter()
        for row in self.rows().values():
            if "checkpointOwner" in row:
                return []
            if row["checkpoint"] != _SHARD_END and "leaseOwner" in row:
                counts[row["leaseOwner"]] += 1
        return sorted(counts.values())

    def wait_until_shares(self, *shares: int, seconds: float = DELIVER_SECONDS) -> None:
        """Return once the leases are shared so."""
        until(
            lambda: self.shares() == sorted(shares),
            seconds,
            forgiving=(ClientError, BotoCoreError),
            what=f"shares {shares}",
        )

    def wait_until_flowing(self, events: int = 60, seconds: float = DELIVER_SECONDS) -> None:
        """Return once so many more events are accepted."""
        enough = self.endpoint.summary().accepted_events + events
        until(
            lambda: self.endpoint.summary().accepted_events >= enough, seconds, what=f"{events} more accepted"
        )

    def finish(self, seconds: float = DELIVER_SECONDS) -> Audit:
        """Stop the feeds; everything arrives and is checkpointed, and every promise is kept."""
        for feed in self.feeds:
            feed.stop()
        self.wait_until_delivered(seconds)
        self.wait_until_checkpointed(seconds)
        found = self.assert_kept()
        assert self.watch.looks > 0
        produced = len(self.ledger.produced())
        told = f"{produced} events, {len(found.repeated)} repeated, {self.watch.looks} looks"
        print(f"\n{self.folder.name}: {told}")  # noqa: T201  to be read
        return found

    def wait_until_delivered(self, seconds: float = DELIVER_SECONDS) -> None:
        """Return once all that was put is accepted."""
        awaited = {each.event_id for each in self.ledger.produced()}

        def is_delivered() -> bool:
            for worker in self.workers:
                if worker.process.poll() not in {None, 0, -9}:
                    worker.complain_if_ended()
            if self.endpoint.summary().accepted_events < len(awaited):
                return False
            return awaited <= self.endpoint.accepted_ids()

        until(is_delivered, seconds, forgiving=TimeoutError, what="everything being delivered")

    def wait_until_checkpointed(self, seconds: float = DELIVER_SECONDS) -> None:
        """Return once the table says of every shard that all of it is done."""
        until(lambda: not self.unfinished(), seconds, what="everything being checkpointed")

    def unfinished(self) -> dict[str, str]:
        """The checkpoints of shards with records behind them."""
        behind = {}
        for key, row in self.rows().items():
            last = max((each.sequence for each in self.entries(key)), default=0)
            done = row["checkpoint"]
            if last and done != _SHARD_END and (not done.isdigit() or int(done) < last):
                behind[key] = done
        return behind

    def entries(self, key: str) -> list[Entry]:
        """What the shard of a lease took; with several streams the key is ``account:stream:epoch:shard``."""
        stream = key.split(":")[1] if ":" in key else self.stream
        return [each for each in self.ledger.of(stream) if each.shard == key.rpartition(":")[2]]

    def wait_until_ended(self, stream: str | None = None, seconds: float = DELIVER_SECONDS) -> None:
        """Return once the leases of all closed shards say that all of them is done."""

        def ended() -> bool:
            shards = self.kinesis.list_shards(StreamName=stream or self.stream)["Shards"]
            closed = {
                each["ShardId"] for each in shards if "EndingSequenceNumber" in each["SequenceNumberRange"]
            }
            rows = self.rows()
            assert closed
            return {each["ShardId"] for each in shards} <= rows.keys() and all(
                rows[each]["checkpoint"] == _SHARD_END for each in closed
            )

        until(ended, seconds, what="closed shards being at their end")

    def done_ids(self) -> set[str | None]:
        """The events that the endpoint accepted, or that other consumers had."""
        return {*self.endpoint.accepted_ids(), *(event for ids in self.others for event in ids())}

    def audit(self) -> Audit:
        """Compare what was put with what was accepted."""
        return audit(self.ledger.produced(), self.endpoint.accepted())

    def assert_kept(self) -> Audit:
        """Nothing lost, nothing out of order, nothing that was never put, and no checkpoint ahead."""
        self.watch.look()
        found = self.audit()
        wrong = {"lost": len(found.lost), "overtook": len(found.out_of_order), "unknown": len(found.unknown)}
        assert not any(wrong.values()), wrong
        assert self.watch.ahead == []
        assert self.watch.backwards == []
        return found


class Watch:
    """Reads the lease table at random moments, in a thread."""

    def __init__(self, site: KinesisSite) -> None:
        self._site = site
        self._random = random.Random()  # noqa: S311  moments, not secrets
        self._stopping = threading.Event()
        self._done: dict[str, int] = {}
        self._lock = threading.Lock()
        self.looks = 0
        self.ahead: list[str] = []
        """Of checkpoints that say of what was not accepted that it is done: which, and how much."""
        self.backwards: list[str] = []
        """Of checkpoints that were further before."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()

    def look(self) -> None:
        """Look once; what was accepted is asked for after the table, so what is ahead then was ahead."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        checkpoints = self._checkpoints()
        if not any(checkpoints.values()):
            return
        accepted = self._site.done_ids()
        for shard, done in checkpoints.items():
            entries = self._site.entries(shard)
            ahead = sum(each.sequence <= done and each.event_id not in accepted for each in entries)
            if ahead:
                self.ahead.append(f"{shard} at {done}: {ahead}")
            if done < self._done.get(shard, 0):
                self.backwards.append(f"{shard} at {done}, was {self._done[shard]}")
            self._done[shard] = max(done, self._done.get(shard, 0))
        self.looks += 1

    def _checkpoints(self) -> dict[str, int]:
        """The last sequence number of each shard that is done; the shard's end is behind all."""
        values = {key: row["checkpoint"] for key, row in self._site.rows().items()}
        return {
            key: 10**60 if value == _SHARD_END else int(value) if value.isdigit() else 0
            for key, value in values.items()
        }

    def _run(self) -> None:
        while not self._stopping.wait(self._random.uniform(0.05, 0.6)):
            try:
                self.look()
            except (ClientError, BotoCoreError, OSError):
                # The table is not there yet, or what is asked stands still.
                continue
