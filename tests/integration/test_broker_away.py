"""A broker that crashes, is away or stands still costs nothing but time, and is named."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_replay import assert_all_came_back, produce_and_dead_letter
from tests.integration.test_status import SOON_SECONDS
from tests.support.java_kafka import JavaKafka
from tests.support.samples import only_ci
from tests.support.site import CLIENT, DELIVER_SECONDS, Site
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.kafka_topics import KafkaTopics
    from tests.support.site import Names

pytestmark = pytest.mark.kafka


@pytest.fixture
def site(own_kafka: KafkaTopics, names: Names, tmp_path: Path) -> Iterator[Site]:
    """As elsewhere, on a Kafka that can be killed."""
    with Site(own_kafka, names, tmp_path) as site:
        yield site


@contextmanager
def frozen(kafka: JavaKafka) -> Iterator[None]:
    """Its broker stands still meanwhile."""
    kafka.freeze()
    try:
        yield
    finally:
        kafka.thaw()


def test_a_broker_that_crashes_and_comes_back_costs_nothing(site: Site) -> None:
    """Neither a record nor the worker's life."""
    if not site.kafka.can_be_killed:
        pytest.skip("this Kafka belongs to somebody else")
    site.open_topic()
    site.endpoint.set_faults(answer_seconds=0.1)
    site.produce(6000)
    worker = site.start_worker()
    site.wait_until_accepted(1000)
    site.kafka.kill()
    site.kafka.restart()
    site.produce(1000, seed=2)
    site.wait_until_committed()
    worker.complain_if_ended()
    site.assert_kept()


@only_ci
def test_a_broker_that_is_away_for_a_while_is_waited_for(site: Site) -> None:
    if not site.kafka.can_be_killed:
        pytest.skip("this Kafka belongs to somebody else")
    produced = produce_and_dead_letter(site, 100)
    slow = ("dead-letters", "replay", "--calls-per-second", "10")
    replay = site.start_command(*slow, name="waits", kafka={"commit_seconds": 0.5})
    until(lambda: site.endpoint.summary().accepted_events >= 10, DELIVER_SECONDS)
    site.kafka.kill()
    site.kafka.restart()
    assert replay.exit_code(DELIVER_SECONDS) == 0
    assert_all_came_back(site, produced)


@only_ci
def test_a_broker_that_stands_still_is_named(site: Site) -> None:
    if not isinstance(site.kafka, JavaKafka):
        pytest.skip("only a broker of our own can be stopped")
    site.open_topic()
    # In the group for longer than it takes.
    client = {**CLIENT, "statistics.interval.ms": 500, "session.timeout.ms": 30_000}
    worker = site.start_worker(kafka={"client": client})
    worker.wait_until_ready()
    with frozen(site.kafka):
        until(lambda: "has not answered (for" in worker.ready()[1], SOON_SECONDS)
        silent, *_ = until(lambda: worker.events("kafka.silent"), SOON_SECONDS)
        assert silent["broker"].startswith(site.kafka.bootstrap_servers)
    site.produce(200)
    site.wait_until_committed()
    until(lambda: worker.ready()[0], SOON_SECONDS)
    site.assert_kept()
