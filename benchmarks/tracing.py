"""What tracing costs: the same worker on the same records, with it off and on, in turns.

Every record has a ``traceparent``, as from instrumented producers. Off stands in the table twice: what lies
between the two is noise. Endpoint and collector are processes of their own, so their CPU is left out; that of
the exporting thread counts.
"""

from __future__ import annotations

import subprocess
from random import Random
from typing import TYPE_CHECKING

from msgspec import Struct

from benchmarks.compare import NO_QUOTA, watch
from benchmarks.loads import LOADS, SEED
from benchmarks.processes import all_metrics, endpoint, running, url_of
from benchmarks.report import Table
from tests.support.java_kafka import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.compare import Turn
    from benchmarks.ground import Ground
    from benchmarks.report import Cell

LOAD = "dense"
SAMPLED, UNSAMPLED = 1, 0
NOWHERE = "http://127.0.0.1:1"
COLUMNS = (
    "tracing",
    "CPU s per 100,000 records",
    "ns a record above off",
    "us a call above off",
    "records a second",
    "spans exported",
    "spans dropped",
    "peak MB",
)
NOTE = (
    "From the first accepted call on. Off is the mean of both its rows, and what lies between them is noise. "
    "Without quota, so that the CPU is the limit: with the default of 1,000 calls a second fewer spans wait."
)


class Case(Struct, frozen=True):
    """One way to have tracing."""

    name: str
    flags: int = SAMPLED
    is_on: bool = True
    reaches: bool = True
    sampler: str = "parentbased_always_on"


OFF = ("off", "off, again")
CASES = (
    Case(OFF[0], is_on=False),
    Case("on, records not sampled", UNSAMPLED),
    Case("on, 1 % of the calls", sampler="traceidratio"),
    Case(OFF[1], is_on=False),
    Case("on, every record sampled"),
    Case("on, every record sampled, collector away", reaches=False),
)


class Seen(Struct, frozen=True):
    """A turn, and what became of its spans."""

    turn: Turn
    exported: float
    dropped: float


def tables(ground: Ground, *, records: int, turns: int, limit_seconds: float) -> tuple[Table, ...]:
    """All cases, in turns."""
    topics = {flags: _topic(ground, records, flags) for flags in (SAMPLED, UNSAMPLED)}
    seen: dict[str, list[Seen]] = {}
    for _ in range(turns):
        for case in CASES:
            found = _turn(ground, case, topics[case.flags], records, limit_seconds)
            seen.setdefault(case.name, []).append(found)
    return (table(seen),)


def table(seen: dict[str, list[Seen]]) -> Table:
    """A row a case, totals over totals."""
    off = _per_record_and_call([each for name in OFF for each in seen[name]])
    rows = [_row(name, found, off) for name, found in seen.items()]
    return Table("What tracing costs", COLUMNS, tuple(rows), (NOTE,))


def _per_record_and_call(seen: Sequence[Seen]) -> tuple[float, float]:
    cpu_seconds = sum(each.turn.cpu_seconds for each in seen)
    records, calls = (sum(each.turn.records for each in seen), sum(each.turn.calls for each in seen))
    return cpu_seconds / records, cpu_seconds / calls


def _row(name: str, seen: Sequence[Seen], off: tuple[float, float]) -> tuple[Cell, ...]:
    a_record, a_call = _per_record_and_call(seen)
    turns = [each.turn for each in seen]
    return (
        name,
        1e5 * a_record,
        1e9 * (a_record - off[0]),
        1e6 * (a_call - off[1]),
        sum(turn.records for turn in turns) / sum(turn.seconds for turn in turns),
        round(sum(each.exported for each in seen)),
        round(sum(each.dropped for each in seen)),
        max(turn.peak_mb for turn in turns),
    )


def _topic(ground: Ground, records: int, flags: int) -> str:
    topic, random = ground.empty_topic(), Random(SEED)  # noqa: S311  trace ids, not secrets
    with ground.producer() as producer:
        for each in LOADS[LOAD](records):
            context = b"00-%032x-%016x-%02x" % (
                random.getrandbits(128) | 1,
                random.getrandbits(64) | 1,
                flags,
            )
            producer.produce(topic, each.value, each.key, headers=[("traceparent", context)])
            producer.poll(0)
    return topic


def _turn(ground: Ground, case: Case, topic: str, records: int, limit_seconds: float) -> Seen:
    sink = running(("-m", "benchmarks.otlp_sink"), ground.folder(), says=subprocess.PIPE)
    port = free_port()
    with endpoint(ground.folder()) as api, sink as collector:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url_of(collector) if case.reaches else NOWHERE,
            "OTEL_TRACES_SAMPLER": case.sampler,
            "OTEL_TRACES_SAMPLER_ARG": "0.01",
        }
        worker = ground.worker(
            topic,
            api.url,
            admin_port=port,
            sections={"tracing": {"enabled": case.is_on}},
            environ=environ,
            requests_per_second=NO_QUOTA,
        )
        with worker as process:
            turn = watch(process, api, (LOAD, case.name), records, limit_seconds)
            said = all_metrics(port)
    dropped = sum(value for name, value in said.items() if name.startswith("spans_dropped_total{"))
    return Seen(turn, said["spans_exported_total"], dropped)
