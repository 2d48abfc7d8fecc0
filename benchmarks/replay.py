"""Dead letters replayed while live traffic runs: what the live records feel of it, and whether all came back.

Live records come at a steady pace, so many that their calls take a given part of the quota; the API throttles
above it. Latency is from a record's production to its acceptance, by one clock. The letters are of sessions
whose events lie shuffled over the dead-letter topic.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from random import Random
from statistics import median, quantiles
from typing import TYPE_CHECKING

from confluent_kafka import Producer
from msgspec import Struct

from benchmarks.compare import first_call
from benchmarks.ground import PARTITIONS
from benchmarks.processes import endpoint, running
from benchmarks.report import Table
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.partition import Partition
from worker.core.model.records import Reason, Record
from worker.core.offsets.assignment import Assignment
from worker.dead_letters.letter import letter_headers
from worker.local.audit import Audit, Produced, audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.ground import Ground
    from benchmarks.processes import Endpoint
    from benchmarks.report import Cell
    from worker.local.call_log import AcceptedCall

QUOTA_CALLS_PER_SECOND = 400
ANSWER_SECONDS = 0.03
# How much of the quota the live traffic takes, and the calls a second that the replay is told: a twentieth of
# the quota unless said, and far more than is left.
LOADS: tuple[tuple[float, float | None], ...] = ((0.7, None), (0.95, QUOTA_CALLS_PER_SECOND / 2))
LIVE_SESSIONS = 20_000
EVENTS_PER_SESSION = 10
REPLAY_SECONDS = 140
TICK_SECONDS = 0.02
SETTLE_SECONDS = 5.0
REASON = Reason("missing", "session_id: nothing at visit")


class Phase(Struct, frozen=True):
    """What the live traffic was like for a while."""

    seconds: float
    latencies_seconds: tuple[float, ...]
    throttled_calls: int

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        return 1000 * quantiles(self.latencies_seconds, n=100)[percent - 1]


class Live:
    """A thread that produces records of many sessions at a steady pace."""

    def __init__(self, bootstrap_servers: str, topic: str, records_per_second: float) -> None:
        """Begin with ``start``."""
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 5, "log_level": 0})
        self._topic = topic
        self._rate = records_per_second
        self._random = Random(1)  # noqa: S311  made-up visitors, not secrets
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.produced_at: dict[str, float] = {}

    @contextmanager
    def running(self) -> Iterator[Live]:
        """Produce for as long as the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()
            self._producer.flush(10)

    def _run(self) -> None:
        began, sent = time.monotonic(), 0
        while not self._stop.wait(TICK_SECONDS):
            while sent < (time.monotonic() - began) * self._rate:
                self._produce(sent)
                sent += 1
            self._producer.poll(0)

    def _produce(self, number: int) -> None:
        session_id, event_id = f"live-{self._random.randrange(LIVE_SESSIONS)}", f"event-{number}"
        now = time.time()
        event = {"eventId": event_id, "eventType": "view", "sentAt": int(now), "sessionId": session_id}
        self.produced_at[event_id] = now
        self._producer.produce(self._topic, json.dumps(event | {"itemId": "item"}).encode(), session_id)


def tables(ground: Ground, *, letters: int, seconds: float) -> tuple[Table, ...]:
    """One a load."""
    return tuple(_table(ground, *load, letters, seconds) for load in LOADS)


def _table(ground: Ground, share: float, told: float | None, letters: int, seconds: float) -> Table:
    topic = ground.empty_topic()
    faults = {"calls_per_second": QUOTA_CALLS_PER_SECOND, "answer_seconds": ANSWER_SECONDS}
    live = Live(ground.kafka.bootstrap_servers, topic, share * QUOTA_CALLS_PER_SECOND)
    with (
        endpoint(ground.folder(), faults) as api,
        ground.worker(topic, api.url, requests_per_second=QUOTA_CALLS_PER_SECOND) as process,
    ):
        # Live traffic begins when the worker is there: a backlog from before would be in the figures.
        ground.fill(topic, "dense", 1)
        first_call(process, api)
        dead_letters = write_dead_letters(ground, f"{topic}.dead-letters", letters)
        with live.running():
            time.sleep(SETTLE_SECONDS)
            without = _watch(api, live, lambda: time.sleep(seconds))
            run = Replay(ground, topic, api.url, told)
            beside = _watch(api, live, run)
        found = audit(dead_letters, [each for each in api.accepted() if each.session_id.startswith("dead-")])
    return Table(
        f"{letters:,} dead letters replayed, live traffic at {100 * share:g} % of "
        f"{QUOTA_CALLS_PER_SECOND} calls a second, the replay told {_of(told)}",
        ("live records, from production to acceptance", "without", "with a replay"),
        tuple(_rows(without, beside)),
        (_told(found, letters - len(found.lost), beside.seconds, run.exit_code),),
    )


class Replay:
    """The command, to be run once."""

    def __init__(self, ground: Ground, topic: str, url: str, calls_per_second: float | None) -> None:
        """Replay the dead letters of ``topic``, at this rate unless None."""
        self._rate = () if calls_per_second is None else ("--calls-per-second", f"{calls_per_second:g}")
        self._folder = ground.folder()
        ground.configure(self._folder, topic, url, requests_per_second=QUOTA_CALLS_PER_SECOND)
        self.exit_code: int | None = None
        """None: it was ended for taking too long."""

    def __call__(self) -> None:
        """Run it to its end."""
        words = ("-m", "worker", "dead-letters", "replay", "--config", str(self._folder / "config.yaml"))
        with running((*words, *self._rate), self._folder) as process:
            deadline = time.monotonic() + REPLAY_SECONDS
            while process.popen.poll() is None and time.monotonic() < deadline:
                time.sleep(TICK_SECONDS)
            self.exit_code = process.popen.poll()


def write_dead_letters(ground: Ground, topic: str, count: int) -> list[Produced]:
    """Put so many dead letters on ``topic``, shuffled; the events that should come of them."""
    sessions = max(1, count // EVENTS_PER_SESSION)
    under = [Assignment(Partition("incident", partition), 1) for partition in range(PARTITIONS)]
    records = [_dead(under, number, sessions) for number in range(count)]
    producer = Producer({"bootstrap.servers": ground.kafka.bootstrap_servers, "log_level": 0})
    for each in Random(2).sample(records, count):  # noqa: S311  a shuffle
        headers = letter_headers(each, REASON, 0, failed_at_seconds=time.time(), version="1")
        producer.produce(topic, each.value, headers=headers, partition=each.offset % PARTITIONS)
        producer.poll(0)
    producer.flush(30)
    return [Produced((each.key or b"").decode(), each.offset, derived_event_id(each)) for each in records]


def _dead(under: Sequence[Assignment], number: int, sessions: int) -> Record:
    """The record at offset ``number``; each session stays in one partition, as with keys."""
    session = number % sessions
    session_id = f"dead-{session}"
    event = {
        "eventType": "view",
        "sentAt": 1_767_225_600,
        "sessionId": session_id,
        "itemId": f"item-{number}",
    }
    assignment = under[session % len(under)]
    return Record(assignment, number, 1_767_225_600_000, session_id.encode(), json.dumps(event).encode(), ())


def _watch(api: Endpoint, live: Live, doing: Callable[[], None]) -> Phase:
    """The live traffic while something is done."""
    began, throttled_before = time.time(), _throttled(api)
    doing()
    ended = time.time()
    throttled = _throttled(api) - throttled_before
    # What was produced last is to be accepted, too.
    time.sleep(SETTLE_SECONDS)
    latencies = tuple(_latencies(api.accepted(), live, began, ended))
    return Phase(ended - began, latencies, throttled)


def _latencies(calls: Iterator[AcceptedCall], live: Live, began: float, ended: float) -> Iterator[float]:
    for call in calls:
        for event_id in call.event_ids:
            produced_at = live.produced_at.get(event_id or "")
            if produced_at is not None and began <= produced_at < ended:
                yield call.at_seconds - produced_at


def _throttled(api: Endpoint) -> int:
    return api.books().outcomes.get("ThrottlingException", 0)


def _rows(without: Phase, beside: Phase) -> Iterator[tuple[Cell, ...]]:
    both = (without, beside)
    yield "median, ms", *(1000 * median(each.latencies_seconds) for each in both)
    yield "p99, ms", *(each.percentile(99) for each in both)
    yield "records a second", *(len(each.latencies_seconds) / each.seconds for each in both)
    yield "throttled calls a second, all", *(each.throttled_calls / each.seconds for each in both)
    yield "seconds", *(each.seconds for each in both)


def _of(calls_per_second: float | None) -> str:
    return "nothing" if calls_per_second is None else f"{calls_per_second:g} a second"


def _told(found: Audit, came: int, seconds: float, exit_code: int | None) -> str:
    ended = "not done by then" if exit_code is None else f"exit code {exit_code}"
    return (
        f"Replayed: {came:,} in {seconds:.0f} s ({ended}), each under the id that it had; "
        f"out of order {len(found.out_of_order)}, repeated {len(found.repeated)}, "
        f"under another id {len(found.unknown)}."
    )
