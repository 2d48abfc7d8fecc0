"""One real Kafka a test run; one topic, one group and one site a test."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.support.apache_kafka import start_kafka
from tests.support.java_kafka import JavaKafka
from tests.support.kafka_topics import NoKafka
from tests.support.site import Names, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.kafka_topics import KafkaTopics


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaTopics]:
    """A real Kafka; without one the tests are skipped, or fail where they must not be (``CI=true``)."""
    try:
        running = start_kafka()
    except NoKafka as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def brokers() -> Iterator[JavaKafka]:
    """Three real brokers, of which each can be killed or stand still; else as above."""
    try:
        running = JavaKafka(3, heap_mb=256)
    except NoKafka as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    yield running
    running.stop()


@pytest.fixture
def names() -> Names:
    """Unique names of topic, dead-letter topic and group; nothing is made yet."""
    unique = f"interactions-{uuid.uuid4().hex[:12]}"
    return Names(topic=unique, dead_letters=f"{unique}.dead-letters", group=f"worker-{unique}")


@pytest.fixture
def site(kafka: KafkaTopics, names: Names, tmp_path: Path) -> Iterator[Site]:
    """Dead-letter topic and endpoint; no topic and no worker yet."""
    with Site(kafka, names, tmp_path) as site:
        yield site
