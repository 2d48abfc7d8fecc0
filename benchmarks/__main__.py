"""``python -m benchmarks NAME...``; without a name, the four of ``make bench``."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from benchmarks import (
    bounds,
    compare,
    formats,
    holding,
    kinesis,
    mapping,
    memory,
    outage,
    partitions,
    profiling,
    quota,
    replay,
    scaling,
    sizing,
    soak,
    start,
    tracing,
)
from benchmarks.ground import ground
from benchmarks.report import Table, render, surroundings
from tests.support.kafka_topics import NoKafka

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.ground import Ground

    Benchmark: TypeAlias = Callable[[Ground, argparse.Namespace], Sequence[Table]]

BENCHMARKS: dict[str, Benchmark] = {
    "compare": lambda on, chosen: compare.tables(
        compare.measure(on, records=chosen.records, turns=chosen.turns, limit_seconds=chosen.limit_seconds)
    ),
    "quota": lambda on, chosen: (
        quota.table(on, seconds=chosen.quota_seconds),
        quota.shared(on, seconds=chosen.shared_quota_seconds),
    ),
    "memory": lambda on, _: (memory.table(on),),
    "bounds": lambda on, chosen: (bounds.table(on, chosen.only),),
    "partitions": lambda on, _: (partitions.table(on),),
    "outage": lambda on, chosen: (
        outage.table(on, minutes=chosen.minutes, per_second=chosen.records_per_second),
    ),
    "sizing": lambda on, chosen: (sizing.table(on, seconds=chosen.live_seconds),),
    "soak": lambda on, chosen: (
        soak.table(on, minutes=chosen.minutes, per_second=chosen.records_per_second, curve=chosen.curve),
    ),
    "formats": lambda *_: (formats.table(),),
    "holding": lambda *_: (holding.table(),),
    "mapping": lambda *_: mapping.tables(),
    "start": lambda on, _: (start.table(on),),
    "kinesis": lambda _, chosen: kinesis.tables(minutes=chosen.minutes),
    "replay": lambda on, chosen: replay.tables(on, letters=chosen.letters, seconds=chosen.live_seconds),
    "scaling": lambda _, chosen: tuple(scaling.run(chosen.curve)),
    "tracing": lambda on, chosen: tracing.tables(
        on, records=chosen.records, turns=chosen.turns, limit_seconds=chosen.limit_seconds
    ),
    "profile": lambda on, chosen: (profiling.table(on, records=chosen.records),),
}
WITHOUT_KAFKA = frozenset({"holding", "kinesis", "mapping", "scaling"})
NO_GROUND: Any = None
UNLESS_NAMED = ("start", "memory", "quota", "compare")


def main() -> int:
    """Run what is named; 1 when there is no Kafka to run it on."""
    chosen = _parser().parse_args()
    print(surroundings())
    tables = []
    try:
        names = chosen.names or UNLESS_NAMED
        with nullcontext(NO_GROUND) if WITHOUT_KAFKA.issuperset(names) else ground() as on:
            for name in names:
                for table in BENCHMARKS[name](on, chosen):
                    tables.append(table)
                    print(render(table), flush=True)
    except NoKafka as error:
        print(error, file=sys.stderr)
        return 1
    if chosen.json:
        chosen.json.write_bytes(msgspec.json.format(msgspec.json.encode([surroundings(), tables])))
    return 0


def _name(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"{text} is none of {', '.join(BENCHMARKS)}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measures the worker on a real Kafka.")
    parser.add_argument("names", nargs="*", type=_name, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--records", type=int, default=100_000, help="of each load (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=2, help="of each program (default: %(default)s)")
    parser.add_argument(
        "--limit-seconds", type=float, default=30, help="the longest turn (default: %(default)s)"
    )
    parser.add_argument("--quota-seconds", type=float, default=15, help="(default: %(default)s)")
    parser.add_argument("--shared-quota-seconds", type=float, default=40, help="(default: %(default)s)")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="of the bounds, those with this in the name"
    )
    parser.add_argument("--minutes", type=float, default=10, help="of outage, of soak (default: %(default)s)")
    parser.add_argument(
        "--records-per-second", type=int, default=3_000, help="in outage and soak (default: %(default)s)"
    )
    parser.add_argument(
        "--curve",
        type=Path,
        metavar="FILE.svg",
        help="the soak's memory, with a CSV beside it; the days of scaling",
    )
    parser.add_argument("--letters", type=int, default=10_000, help="to replay (default: %(default)s)")
    parser.add_argument(
        "--live-seconds",
        type=float,
        default=20,
        help="without a replay; of sizing, each rate (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the tables there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
