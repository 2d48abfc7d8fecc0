"""A real Apache Kafka for tests and benchmarks, by the first way that is open.

1. ``WORKER_TEST_KAFKA``: the address of one that runs. It is never stopped, and cannot be killed.
2. Java and Maven: brokers of our own (``java_kafka``).
3. Docker, where its daemon answers (``docker_kafka``).

As a script it prints the address and runs until SIGTERM: ``python -m tests.support.apache_kafka``.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from tests.support.docker_kafka import DockerKafka
from tests.support.java_kafka import JavaKafka
from tests.support.kafka_topics import KafkaTopics, NoKafka

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ADDRESS_VARIABLE = "WORKER_TEST_KAFKA"


def start_kafka(java: Sequence[str] | None = None) -> KafkaTopics:
    """Start one broker, or use the one given; raise ``NoKafka``, which names every way that is closed.

    Args:
        java: options of a Java of our own; without them it is quick to start and not to be measured.
    """
    given = os.environ.get(ADDRESS_VARIABLE)
    if given:
        kafka = KafkaTopics(given)
        kafka.wait_until_up(1, seconds=20)
        return kafka
    closed = [f"{ADDRESS_VARIABLE} is not set"]
    ways: dict[str, Callable[[], KafkaTopics]] = {
        "Java and Maven": lambda: JavaKafka(java=java),
        "Docker": DockerKafka,
    }
    for name, way in ways.items():
        try:
            return way()
        except NoKafka as error:
            closed.append(f"{name}: {error}")
    raise NoKafka("no real Kafka: " + "; ".join(closed))


def main() -> int:
    """Print the address, run until SIGTERM or Ctrl-C, leave nothing behind."""
    # Blocked before the start, so that neither signal can end us with a broker running.
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    try:
        kafka = start_kafka()
    except NoKafka as error:
        print(error, file=sys.stderr)  # noqa: T201  the script's answer
        return 1
    try:
        print(kafka.bootstrap_servers, flush=True)  # noqa: T201  the script's answer
        signal.sigwait(ending)
    finally:
        kafka.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
