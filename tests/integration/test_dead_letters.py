"""Dead letters on a real Kafka: what is acknowledged is there, whole, and stays."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Final

import pytest
from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]  # it does not say what it exports

from tests.support.builders import record
from tests.support.kafka_topics import QUIET
from worker.core.model.records import Reason
from worker.dead_letters.letter import OWN_NAMES
from worker.dead_letters.topic import DeadLetterTopicCompacted, DeadLetterTopicMissing, ensure_topic
from worker.dead_letters.writer import KafkaDeadLetters
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.kafka_topics import KafkaTopics
    from tests.support.site import Names

pytestmark = pytest.mark.kafka

REASON: Final = Reason("undecodable", "the value is no JSON")
DAY_MS: Final = 86_400_000


@asynccontextmanager
async def writing(kafka: KafkaTopics, topic: str, **settings: object) -> AsyncIterator[KafkaDeadLetters]:
    servers = {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0}
    letters = KafkaDeadLetters({**servers, **settings}, topic, version="1.2.3")
    try:
        yield letters
    finally:
        await letters.close(1)


def admin_settings(kafka: KafkaTopics) -> dict[str, object]:
    return {"bootstrap.servers": kafka.bootstrap_servers, **QUIET}


async def test_letters_are_byte_for_byte(kafka: KafkaTopics, names: Names) -> None:
    """Null and empty keys, values and headers stay what they are; names may be repeated."""
    kafka.create_topic(names.dead_letters)
    own = (("trace", b"\xff\x00"), ("trace", None), ("trace", b""), ("", b"x"))
    dead = [
        record(0, key=None, value=None, headers=own),
        record(1, key=b"", value=b"", headers=()),
        record(2, key=b"k\x00", value=b'{"broken', headers=own),
    ]
    async with writing(kafka, names.dead_letters) as letters:
        for each in dead:
            await letters.write(each, REASON, tries=0)
    for written, each in zip(kafka.read(names.dead_letters), dead, strict=True):
        assert (written.key(), written.value()) == (each.key, each.value)
        headers = written.headers() or []
        assert [header for header in headers if header[0] not in OWN_NAMES] == list(each.headers)


async def test_a_letter_is_there_when_write_returns(kafka: KafkaTopics, names: Names) -> None:
    kafka.create_topic(names.dead_letters)
    async with writing(kafka, names.dead_letters) as letters:
        for count in range(1, 6):
            await letters.write(record(count), REASON, 0)
            assert sum(kafka.end_offsets(names.dead_letters).values()) == count


async def test_records_from_long_ago_and_from_the_future_are_written_alike(
    kafka: KafkaTopics, names: Names
) -> None:
    """With the record's own timestamp the first would fall to retention, the second be refused for ever."""
    kafka.create_topic(names.dead_letters)
    now_ms = int(time.time() * 1000)
    async with writing(kafka, names.dead_letters) as letters:
        times_ms = (0, now_ms - 400 * DAY_MS, now_ms + 400 * DAY_MS)
        await asyncio.gather(*(letters.write(record(timestamp_ms=each), REASON, 0) for each in times_ms))
    assert all(abs(each.timestamp()[1] - now_ms) < DAY_MS for each in kafka.read(names.dead_letters))


async def test_a_topic_that_is_not_there_is_unwritable_until_it_is(kafka: KafkaTopics, names: Names) -> None:
    quick = {"topic.metadata.propagation.max.ms": 500, "topic.metadata.refresh.interval.ms": 200}
    async with writing(kafka, names.dead_letters, **quick) as letters:
        with pytest.raises(DeadLettersUnwritable, match="it is not there"):
            await letters.write(record(), REASON, 0)
        kafka.create_topic(names.dead_letters)
        async with asyncio.timeout(10):
            while not await written(letters):
                pass


async def written(letters: KafkaDeadLetters) -> bool:
    try:
        await letters.write(record(), REASON, 0)
    except DeadLettersUnwritable:
        await asyncio.sleep(0.05)  # as its caller would
        return False
    return True


async def test_a_record_over_the_limit_holds_and_harms_no_other(kafka: KafkaTopics, names: Names) -> None:
    """The error names record and limit; once the limit is raised, it is written."""
    kafka.create_topic(
        names.dead_letters, config={"max.message.bytes": "20000", "compression.type": "producer"}
    )
    incompressible = Random(7).randbytes(30_000)  # noqa: S311  any bytes that do not compress
    async with writing(kafka, names.dead_letters) as letters:
        with pytest.raises(
            DeadLettersUnwritable, match=r"interactions\[0\]@7, .* raise the topic's max\.message"
        ):
            await letters.write(record(7, value=incompressible), REASON, 0)
        await letters.write(record(8), REASON, 0)
        kafka.set_topic_config(names.dead_letters, "max.message.bytes", "99999")
        await letters.write(record(7, value=incompressible), REASON, 0)


async def test_many_small_letters_fit_a_small_limit(kafka: KafkaTopics, names: Names) -> None:
    """Batches must not be larger than what the topic takes, since the broker refuses them whole."""
    kafka.create_topic(names.dead_letters, config={"max.message.bytes": "140000"})
    async with writing(kafka, names.dead_letters, **{"compression.type": "none"}) as letters:
        value = b"x" * 1000
        await asyncio.gather(*(letters.write(record(each, value=value), REASON, 0) for each in range(1000)))
    assert len(kafka.read(names.dead_letters)) == 1000


async def test_a_missing_topic_is_made_like_the_source(kafka: KafkaTopics, names: Names) -> None:
    """Its partitions and replication, room for the headers, never compacted."""
    kafka.create_topic(names.topic, 3, config={"max.message.bytes": "50000", "cleanup.policy": "compact"})
    settings = admin_settings(kafka)
    assert await ensure_topic(settings, names.dead_letters, source_topics=[names.topic], create=True)
    made = kafka.admin.list_topics(timeout=10).topics[names.dead_letters]
    assert [len(each.replicas) for each in made.partitions.values()] == [1, 1, 1]
    resource = ConfigResource(ResourceType.TOPIC, names.dead_letters)
    config = kafka.admin.describe_configs([resource])[resource].result(10)
    assert config["max.message.bytes"].value == str(50_000 + 64 * 1024)
    assert config["cleanup.policy"].value == "delete"
    assert not await ensure_topic(settings, names.dead_letters, source_topics=[names.topic], create=True)


async def test_two_workers_that_make_it_at_once_both_go_on(kafka: KafkaTopics, names: Names) -> None:
    kafka.create_topic(names.topic, 2)
    settings = admin_settings(kafka)
    both = [
        ensure_topic(settings, names.dead_letters, source_topics=[names.topic], create=True) for _ in range(2)
    ]
    assert any(await asyncio.gather(*both))


async def test_a_topic_that_cannot_be_made_is_refused_with_the_command(
    kafka: KafkaTopics, names: Names
) -> None:
    with pytest.raises(DeadLetterTopicMissing, match="could not be made"):
        await ensure_topic(admin_settings(kafka), "not a name", source_topics=[names.topic], create=True)


async def test_a_missing_topic_is_not_made_unasked(kafka: KafkaTopics, names: Names) -> None:
    kafka.create_topic(names.topic, 2)
    settings = admin_settings(kafka)
    with pytest.raises(DeadLetterTopicMissing, match="--partitions 2 --replication-factor 1"):
        await ensure_topic(settings, names.dead_letters, source_topics=[names.topic], create=False)
    assert names.dead_letters not in kafka.admin.list_topics(timeout=10).topics


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
async def test_a_compacted_topic_is_refused_until_it_is_not(
    kafka: KafkaTopics, names: Names, policy: str
) -> None:
    """Its letters would be deleted for later ones of their key, and those without a key not be taken."""
    kafka.create_topic(names.dead_letters, config={"cleanup.policy": policy})
    settings = admin_settings(kafka)
    with pytest.raises(DeadLetterTopicCompacted, match=r"--add-config cleanup\.policy=delete"):
        await ensure_topic(settings, names.dead_letters, source_topics=[names.topic], create=True)
    async with writing(kafka, names.dead_letters) as letters:
        with pytest.raises(DeadLettersUnwritable, match=r"make its cleanup\.policy delete"):
            await letters.write(record(key=None), REASON, 0)
        kafka.set_topic_config(names.dead_letters, "cleanup.policy", "delete")
        await letters.write(record(key=None), REASON, 0)
    assert not await ensure_topic(settings, names.dead_letters, source_topics=[names.topic], create=True)


async def test_the_largest_limit_of_a_source_topic_is_the_largest_of_its_dead_letters(
    kafka: KafkaTopics, names: Names
) -> None:
    """Kafka's limit is an int, and there is none above it."""
    kafka.create_topic(names.topic, config={"max.message.bytes": "2147483647"})
    settings = admin_settings(kafka)
    assert await ensure_topic(settings, names.dead_letters, source_topics=[names.topic], create=True)
    resource = ConfigResource(ResourceType.TOPIC, names.dead_letters)
    config = kafka.admin.describe_configs([resource])[resource].result(10)
    assert config["max.message.bytes"].value == "2147483647"
