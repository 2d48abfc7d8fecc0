"""``make chaos``, or ``python -m tests.chaos``: a seeded plan of faults, and what came of it as a table."""

from __future__ import annotations

import argparse
import platform
import re
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import confluent_kafka

from tests.chaos.defects import DEFECTS, program_with
from tests.chaos.document import Section, write_section
from tests.chaos.network import NoProxy
from tests.chaos.plan import KINDS, make_plan
from tests.chaos.run import run_chaos
from tests.support.java_kafka import KAFKA_VERSION
from tests.support.kafka_topics import NoKafka

PROTOCOLS: Final = ("classic", "consumer")


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201  the script's output


def main() -> int:
    """Run it; 1 where a promise was broken (with a defect: where none was), or it can't be run here."""
    chosen = _chosen()
    seconds = chosen.minutes * 60
    kinds = [each for each in KINDS if re.search(chosen.only, each.name)]
    plan = make_plan(chosen.seed, seconds, kinds)
    say(f"seed {chosen.seed}, {chosen.minutes:g} minutes, protocol {chosen.protocol}:")
    for step in plan:
        say(f"  {step}")
    program = program_with(chosen.defect) if chosen.defect else ("worker",)
    chosen.logs.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=chosen.logs))
    say(f"logs: {folder}")
    try:
        outcome = run_chaos(
            folder,
            plan,
            seconds=seconds,
            protocol=chosen.protocol,
            seed=chosen.seed,
            program=program,
            say=say,
        )
    except (NoKafka, NoProxy) as error:
        say(f"chaos: {error}")
        return 1
    section = Section(outcome, chosen.protocol, chosen.seed, chosen.minutes, _versions(), datetime.now(UTC))
    broken = outcome.broken_promises()
    say(section.text())
    say("\n".join(("broken:", *broken) if broken else ("every promise kept",)))
    if chosen.table and not broken and not chosen.defect:
        write_section(chosen.table, section)
    return int(bool(broken) != bool(chosen.defect))


def _versions() -> dict[str, str]:
    return {
        "Apache Kafka": KAFKA_VERSION,
        "librdkafka": confluent_kafka.libversion()[0],
        "Python": platform.python_version(),
        "worker": version("personalize-worker"),
    }


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--protocol", choices=PROTOCOLS, default=PROTOCOLS[0])
    parser.add_argument("--only", default="", help="only faults whose name this pattern finds")
    parser.add_argument("--table", type=Path, help="write what came of it into this page, where all is well")
    parser.add_argument("--logs", type=Path, default=Path(tempfile.gettempdir()), help="keep logs in here")
    parser.add_argument("--defect", choices=DEFECTS, help="plant a defect, which has to be found")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
