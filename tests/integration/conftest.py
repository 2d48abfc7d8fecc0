"""One real Kafka a test run, of all its processes; one topic, one group and one site a test.

Tests that kill a broker have brokers of their own. They are one group, so that one process runs them all.
"""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.apache_kafka import start_kafka
from tests.support.java_kafka import KAFKA_VERSION, JavaKafka
from tests.support.kafka_topics import NoKafka
from tests.support.shared_kafka import shared_kafka
from tests.support.site import Names, Site

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.support.kafka_topics import KafkaTopics


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Leave out what the brokers can't do, where older ones are asked for (``make brokers``)."""
    if speaks_kip_848():
        return
    for item in items:
        chosen = getattr(item, "callspec", None)
        if chosen is not None and any(_is_kip_848(value) for value in chosen.params.values()):
            item.add_marker(pytest.mark.skip(reason=f"Kafka {KAFKA_VERSION} does not speak KIP-848"))


def speaks_kip_848() -> bool:
    """Whether the brokers know the group protocol "consumer"."""
    return int(KAFKA_VERSION.split(".")[0]) >= 4


def _is_kip_848(value: object) -> bool:
    return value == "consumer" or (isinstance(value, dict) and value.get("group.protocol") == "consumer")


@contextmanager
def skipping() -> Iterator[None]:
    """Without a Kafka a test is skipped, or fails where it must not be (``CI=true``)."""
    try:
        yield
    except NoKafka as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaTopics]:
    """A real Kafka that other processes of the run use at the same time: nobody may stop it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each process has a folder of its own in that of the run.
        folder = folder.parent
    with skipping(), shared_kafka(folder) as running:
        yield running


@pytest.fixture(scope="session")
def own_kafka() -> Iterator[KafkaTopics]:
    """A real Kafka of this process alone, which can be killed."""
    with skipping():
        running = start_kafka()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def brokers() -> Iterator[JavaKafka]:
    """Three real brokers of this process alone, of which each can be killed or stand still."""
    with skipping():
        running = JavaKafka(3, heap_mb=256)
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
