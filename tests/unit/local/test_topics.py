"""Filling a topic and looking at it."""

from __future__ import annotations

from contextlib import closing

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from worker.core.model import dead_letter_headers
from worker.local.kafka import EmbeddedKafka
from worker.local.topics import Letter, TopicFeed, TopicWatch
from worker.local.traffic import TopicRecord

pytestmark = pytest.mark.slow


def test_what_is_fed_is_there_and_uncommitted_until_it_is_committed() -> None:
    with EmbeddedKafka({"t": 2}) as kafka, closing(TopicWatch(kafka.bootstrap_servers, "g")) as watch:
        feed = TopicFeed(kafka.bootstrap_servers, "t")
        feed.put([TopicRecord(b"k", b"v"), TopicRecord(b"k", None)])
        feed.finish()
        assert watch.length("t") == 2
        assert watch.uncommitted("t") == 2
        _commit_all(kafka)
        assert watch.uncommitted("t") == 0


def test_dead_letters_are_read_with_their_reasons() -> None:
    with EmbeddedKafka({"d": 1}) as kafka, closing(TopicWatch(kafka.bootstrap_servers, "g")) as watch:
        assert watch.letters("d") == []
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce("d", b"a", headers=[(dead_letter_headers.ERROR_CLASS, b"not_json")])
        producer.produce("d", b"b")
        producer.flush(5)
        assert watch.letters("d") == [Letter(b"a", "not_json"), Letter(b"b", "unknown")]


def _commit_all(kafka: EmbeddedKafka) -> None:
    member = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "g", "log_level": 0})
    ends = [TopicPartition("t", each, 0) for each in (0, 1)]
    for each in ends:
        each.offset = member.get_watermark_offsets(each, 5)[1]
    member.commit(offsets=ends, asynchronous=False)
    member.close()
