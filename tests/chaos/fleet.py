"""The workers: started, killed, frozen, told to end; who ends without being asked is noted.

Each has a berth: a name, ways of its own to Kafka and to the API, and in the first one a static membership.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from confluent_kafka import ConsumerGroupState, KafkaException

from tests.support.site import CLIENT
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.processes import WorkerProcess
    from tests.support.site import Site

Protocol: TypeAlias = Literal["classic", "consumer"]

CREW: Final = 3
"""So many workers run; there is a berth for one more."""
BERTHS: Final = CREW + 1
STATIC_BERTH: Final = 0
POLL_INTERVAL_MS: Final = 12_000
DRAIN_SECONDS, REVOKE_SECONDS = 10.0, 5.0
# The drain, the seconds that the worker gives the last commit, and a loaded machine.
END_SECONDS: Final = DRAIN_SECONDS + 15.0
EMPTY_SECONDS: Final = 30.0
# Of ten seconds: an outage fills the memory.
HELD_RECORDS: Final = 1_000
ASSIGNMENTS: Final = ("cooperative-sticky", "range")
"""Cooperative and eager: a classic group changes from one to the other when all are replaced."""


@dataclass(frozen=True)
class Berth:
    """Where a worker of this number goes."""

    kafka: str
    api: str


@dataclass
class Fleet:
    """The workers that should run, by their berth."""

    site: Site
    berths: Sequence[Berth]
    protocol: Protocol
    program: Sequence[str] = ("worker",)
    crew: dict[int, WorkerProcess] = field(default_factory=dict)
    frozen: set[int] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    """Ends that nobody asked for, and ends that went wrong."""
    assignment: int = 0

    def start(self, berth: int) -> None:
        """Start a worker."""
        sections: dict[str, dict[str, Any]] = {
            "kafka": {
                "bootstrap_servers": self.berths[berth].kafka,
                "client": self._client(berth),
                "revoke_seconds": REVOKE_SECONDS,
            },
            "personalize": {
                "endpoint_url": self.berths[berth].api,
                "connect_seconds": 2,
                "answer_seconds": 3,
                "requests_per_second": 2000,
            },
            "limits": {"max_unsettled_records": HELD_RECORDS},
            "shutdown": {"drain_seconds": DRAIN_SECONDS},
        }
        self.crew[berth] = self.site.start_worker(f"worker-{berth}", program=self.program, **sections)

    def kill(self, berth: int) -> None:
        """Crash it."""
        self.crew.pop(berth).kill()
        self.frozen.discard(berth)

    def freeze(self, berth: int) -> None:
        """Let it stand still."""
        self.crew[berth].freeze()
        self.frozen.add(berth)

    def thaw(self, berth: int) -> None:
        """Let it go on."""
        self.crew[berth].thaw()
        self.frozen.discard(berth)

    def end(self, *berths: int) -> list[float]:
        """Tell them to end, all at once, and wait; how many seconds each took."""
        ending = {berth: self.crew.pop(berth) for berth in berths}
        began_at = time.monotonic()
        for worker in ending.values():
            worker.told_to_end()
        return [self._await_end(berth, worker, began_at) for berth, worker in ending.items()]

    def replace_all(self) -> list[float]:
        """End all, and start as many when the group is empty: a classic one with the other assignment."""
        berths = sorted(self.crew)
        drains = self.end(*berths)
        until(self._is_empty, EMPTY_SECONDS, forgiving=(KafkaException, TimeoutError), what="an empty group")
        self.assignment += 1
        for berth in berths:
            self.start(berth)
        return drains

    def look(self) -> None:
        """Note whom nobody asked to end, and start another in its place."""
        for berth, worker in list(self.crew.items()):
            if (code := worker.process.poll()) is not None:
                said = worker.log.read_text(errors="replace")[-1500:]
                self.complaints.append(f"worker {berth} ended by itself with {code}: {said}")
                self.start(berth)

    def assigned_at(self) -> list[float]:
        """Epoch seconds of each time that a worker got partitions, by the logs."""
        found = (
            each
            for worker in self.site.workers
            for each in worker.events("group.rebalanced")
            if each["kind"] == "assigned" and each["partitions"]
        )
        return [datetime.fromisoformat(each["timestamp"]).timestamp() for each in found]

    def said(self) -> str:
        """Who is not ready, and why, by the workers' own pages."""
        awake = {berth: each for berth, each in self.crew.items() if berth not in self.frozen}
        pages = {berth: _page(worker) for berth, worker in awake.items()}
        return "; ".join(f"{berth}: {page}" for berth, page in pages.items() if page)

    def _client(self, berth: int) -> dict[str, Any]:
        client: dict[str, Any] = {"max.poll.interval.ms": POLL_INTERVAL_MS}
        if berth == STATIC_BERTH:
            client["group.instance.id"] = f"berth-{berth}"
        if self.protocol == "consumer":
            return client | {"group.protocol": "consumer"}
        strategy = ASSIGNMENTS[self.assignment % len(ASSIGNMENTS)]
        return client | CLIENT | {"partition.assignment.strategy": strategy}

    def _await_end(self, berth: int, worker: WorkerProcess, began_at: float) -> float:
        try:
            code = worker.exit_code(END_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            self.complaints.append(f"worker {berth} was told to end and went on for {END_SECONDS} s")
        else:
            if code != 0:
                self.complaints.append(f"worker {berth} was told to end and ended with {code}")
        return time.monotonic() - began_at

    def _is_empty(self) -> bool:
        group = self.site.names.group
        described = self.site.kafka.admin.describe_consumer_groups([group], request_timeout=5)[group].result(
            5
        )
        return bool(described.state == ConsumerGroupState.EMPTY)


def _page(worker: WorkerProcess) -> str:
    if not worker.events("admin.listening"):
        return "starting"
    try:
        ready, said = worker.ready()
    except OSError as error:
        return f"no answer ({error})"
    return "" if ready else " ".join(said.split())
