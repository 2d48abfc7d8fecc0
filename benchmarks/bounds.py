"""The odd and the huge: each record or load alone on a topic, with a worker of its own.

Said of each: what became of it, how long that took, the most memory, and how late the loop was at worst. What
was produced is compared with the endpoint's books: nothing lost, order kept.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from benchmarks.processes import MB, endpoint
from benchmarks.report import Table
from benchmarks.watch import Watch, dead_letters
from tests.support.java_kafka import free_port
from worker.local.audit import Produced, audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.ground import Ground
    from benchmarks.report import Cell

SENT_AT_SECONDS = 1_767_225_600
DEPTH, DIGITS, HEADERS = 100_000, 1_000_000, 10_000
MILLION = 1_000_000
# Topics take 1 MiB unless told: the producer's limit and the topic's are raised together.
LARGE = {"max.message.bytes": str(12 * MB)}
LARGE_PRODUCER = {"message_max_bytes": 12 * MB}
NO_QUOTA = {"requests_per_second": 100_000}
COLUMNS = (
    "records",
    "what became of them",
    "seconds",
    "peak MB",
    "peak MB counted",
    "loop late at most, s",
    "lost",
    "out of order",
)
HELD = 'held{kind="dead_letters"}'
WAIT_SECONDS = 280.0


class Odd(Struct, frozen=True):
    """A record to produce: its session and its place there, and what stands in it."""

    session: int
    sequence: int
    more: bytes = b""
    headers: dict[str, bytes] | None = None

    @property
    def event_id(self) -> str:
        """Says session and place."""
        return f"{self.session}-{self.sequence}"

    @property
    def session_id(self) -> str:
        """Its session's."""
        return f"session-{self.session:08d}"

    @property
    def value(self) -> bytes:
        """A valid event, but for what ``more`` adds."""
        return b'{"eventId":"%b","eventType":"view","sentAt":%d,"sessionId":"%b","itemId":"item-1"%b}' % (
            self.event_id.encode(),
            SENT_AT_SECONDS,
            self.session_id.encode(),
            self.more,
        )


class Case(Struct, frozen=True):
    """One load and what is special about its topic and worker."""

    records: Callable[[], Iterator[Odd]]
    count: int = 1
    topic: Mapping[str, str] = {}
    producer: Mapping[str, Any] = {}
    sections: Mapping[str, Any] = {}
    personalize: Mapping[str, Any] = {}
    outage: bool = False
    """Whether the API answers 503 until the worker is full."""
    small_letters: bool = False
    """Whether the dead-letter topic takes 1 MiB until the worker holds."""


def padding(size: int, name: bytes = b"note") -> bytes:
    """A member of so many bytes."""
    return b',"%b":"%b"' % (name, b"x" * size)


def one(more: bytes = b"", headers: dict[str, bytes] | None = None) -> Callable[[], Iterator[Odd]]:
    """A single record."""
    return lambda: iter((Odd(0, 0, more, headers),))


def sessions(count: int, more: bytes = b"") -> Callable[[], Iterator[Odd]]:
    """So many sessions of one event."""
    return lambda: (Odd(number, 0, more) for number in range(count))


def one_session(count: int) -> Callable[[], Iterator[Odd]]:
    """One session of so many events."""
    return lambda: (Odd(0, number) for number in range(count))


def _limits(records: int, size: int) -> dict[str, Any]:
    return {"limits": {"max_unsettled_records": records, "max_unsettled_bytes": size}}


NOISE = Random(1).randbytes(5 * MB).hex().encode()  # noqa: S311  not a secret
DEEP = b"[" * DEPTH + b"]" * DEPTH
HUGE: dict[str, Any] = {"topic": LARGE, "producer": LARGE_PRODUCER}
CASES: dict[str, Case] = {
    "1 MB, most of it in a member that is not mapped": Case(one(padding(MB - 2_000))),
    "1 MB of properties": Case(one(padding(MB - 2_000, b"properties"))),
    "10 MB, not mapped": Case(one(padding(10 * MB)), **HUGE),
    "10 MB of properties": Case(one(b',"properties":{"note":"%b"}' % (b"x" * 10 * MB)), **HUGE),
    "a million properties, 10 MB": Case(
        one(b',"properties":{%b}' % b",".join(b'"%06d":1' % number for number in range(MILLION))), **HUGE
    ),
    "10 MB of properties, the dead-letter topic takes 1 MiB at first": Case(
        # What compresses well would fit after all.
        one(padding(0, b"properties")[:-1] + NOISE + b'"'),
        **HUGE,
        small_letters=True,
    ),
    "JSON 100,000 deep": Case(one(b',"note":' + DEEP)),
    "JSON 100,000 deep, as text": Case(one(b',"properties":"' + DEEP + b'"')),
    "a number of 1 MB": Case(one(b',"eventValue":' + b"7" * (DIGITS - 1_000))),
    "10,000 headers": Case(one(headers={f"header-{number}": b"value" for number in range(HEADERS)})),
    "500 of 1 MB, API away until full": Case(sessions(500, padding(MB - 2_000)), 500, outage=True),
    "500 of 1 MB, in compressed batches": Case(
        sessions(500, padding(MB - 2_000)),
        500,
        producer={"compression_type": "zstd", "message_max_bytes": 50 * MB, "batch_size": 50 * MB},
        outage=True,
    ),
    "500 of 1 MB, all dead letters": Case(sessions(500, padding(MB - 2_000, b"properties")), 500),
    "a million sessions of one event": Case(sessions(MILLION), MILLION, personalize=NO_QUOTA),
    "a million sessions of one event, all held first": Case(
        sessions(MILLION),
        MILLION,
        sections=_limits(2 * MILLION, 2_000 * MB),
        personalize=NO_QUOTA,
        outage=True,
    ),
    "one session of a million events": Case(one_session(MILLION), MILLION, personalize=NO_QUOTA),
    "one session of a million events, all held first": Case(
        one_session(MILLION),
        MILLION,
        sections=_limits(2 * MILLION, 2_000 * MB),
        personalize=NO_QUOTA,
        outage=True,
    ),
}


def table(ground: Ground, names: str) -> Table:
    """Every case whose name holds ``names``."""
    notes: list[str] = []
    rows = [_row(ground, name, case, notes) for name, case in CASES.items() if names in name]
    return Table("The odd and the huge", COLUMNS, tuple(rows), tuple(notes))


def _row(ground: Ground, name: str, case: Case, notes: list[str]) -> tuple[Cell, ...]:
    topic, port = ground.empty_topic(config=case.topic), free_port()
    if case.small_letters:
        ground.kafka.create_topic(f"{topic}.dead-letters")
    _produce(ground, topic, case)
    with (
        endpoint(ground.folder(), {"fail": 1} if case.outage else None) as api,
        ground.worker(topic, api.url, admin_port=port, sections=case.sections, **case.personalize) as process,
    ):
        watch = Watch(process, port)
        if case.outage:
            watch.until(lambda now: _is_full(now, case.count), WAIT_SECONDS, "being full")
            api.set_faults({"fail": 0})
        if case.small_letters:
            watch.until(lambda now: now.get(HELD) == 1, WAIT_SECONDS, "a hold")
            notes.append(f"{name}: /ready says {watch.ready()}")
            ground.kafka.set_topic_config(
                f"{topic}.dead-letters", "max.message.bytes", LARGE["max.message.bytes"]
            )
        seconds = watch.until(lambda now: _done(now) >= case.count, WAIT_SECONDS, "every record's end")
        letters = dead_letters(watch.look())
        verdict = audit(_produced(case), api.accepted())
        became = Counter(accepted=api.books().accepted_events) + Counter(letters)
        return (
            name,
            ", ".join(f"{count:,} {word}" for word, count in became.items()),
            seconds,
            process.peak_mb(),
            watch.most_unsettled_bytes / MB,
            watch.worst_lag_seconds,
            len(verdict.lost) - sum(letters.values()),
            len(verdict.out_of_order),
        )


def _produce(ground: Ground, topic: str, case: Case) -> None:
    with ground.producer(**case.producer) as producer:
        for each in case.records():
            headers: list[tuple[str, str | bytes | None]] = list((each.headers or {}).items())
            while True:
                try:
                    producer.produce(topic, each.value, each.session_id.encode(), headers=headers)
                    break
                except BufferError:
                    producer.poll(1)
            producer.poll(0)


def _produced(case: Case) -> Iterator[Produced]:
    return (Produced(each.session_id, each.sequence, each.event_id) for each in case.records())


def _is_full(now: Mapping[str, float], count: int) -> bool:
    """Whether it holds all, or has stopped taking in."""
    return bool(now.get("paused")) or now.get("unsettled_records", 0) >= count


def _done(now: Mapping[str, float]) -> float:
    """How many records are settled."""
    return sum(count for name, count in now.items() if name.startswith("records_dead_lettered")) + now.get(
        "events_accepted_total", 0
    )
