"""``try --at TIME``: the embedded Kafka has no offsets for times."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer

from tests.support.kafka_topics import QUIET

if TYPE_CHECKING:
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

BEGIN_MS = 1_767_225_600_000


def test_it_begins_at_a_time_joins_no_group_and_commits_nothing(site: Site) -> None:
    site.kafka.create_topic(site.names.topic, 2)
    producer = Producer({"bootstrap.servers": site.kafka.bootstrap_servers, **QUIET})
    for second in range(20):
        value = {"eventType": "view", "sessionId": "s", "itemId": f"i{second}"}
        stamp = BEGIN_MS + second * 1000
        producer.produce(site.names.topic, json.dumps(value), partition=second % 2, timestamp=stamp)
    assert producer.flush(10) == 0
    words = ("try", "--json", "--records", "4", "--at", "2026-01-01T00:00:07Z")
    command = site.start_command(*words, name="try")
    assert command.process.wait(60) == 0
    lines = [json.loads(line) for line in command.log.read_text().splitlines()]
    assert [each["events"][0]["event"]["itemId"] for each in lines] == ["i7", "i8", "i9", "i10"]
    groups = site.kafka.admin.list_consumer_groups().result(20).valid
    assert site.names.group not in {each.group_id for each in groups}
    assert site.committed() == {}


def test_after_the_last_record_there_is_none(site: Site) -> None:
    site.open_topic()
    site.produce(20)
    command = site.start_command("try", "--at", "2100-01-01", name="try")
    assert command.process.wait(60) == 0
    assert "there is no record to try" in command.log.read_text()
