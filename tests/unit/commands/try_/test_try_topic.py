"""``try`` on topics: any record can be looked at, no group is joined, nothing is committed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from worker.cli import main
from worker.core.model import dead_letter_headers as headers
from worker.local.kafka import Api, EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

BEGIN_MS = 1_767_225_600_000


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({"clicks": 3, "views": 1, "dead": 2}) as embedded:
        for name, value in {
            "KAFKA__BOOTSTRAP_SERVERS": embedded.bootstrap_servers,
            "KAFKA__TOPICS": "clicks",
            "PERSONALIZE__TRACKING_ID": "abc",
            "DEAD_LETTERS__TOPIC": "dead",
        }.items():
            monkeypatch.setenv(f"WORKER_{name}", value)
        yield embedded


def produce(kafka: EmbeddedKafka, topic: str, *numbers: int, partition: int = 0, **more: Any) -> None:
    """Events, each at its number's second."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 0})
    for number in numbers:
        value = {"eventType": "view", "sessionId": f"s{number % 4}", "itemId": f"i{number}"}
        producer.produce(
            topic,
            json.dumps(value),
            partition=partition,
            timestamp=BEGIN_MS + number * 1000,
            **{"key": b"k", **more},
        )
    assert producer.flush(10) == 0


def tried(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Where the records stand that are shown."""
    assert main(["try", "--json", *words]) == 0
    return [json.loads(line)["at"] for line in capsys.readouterr().out.splitlines()]


def said(capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    """What stands on the error output, which is one line."""
    assert main(["try", *words]) == code
    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert shown.out == ""
    return line


def test_the_newest_of_all_partitions_are_shown_in_order(
    kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    produce(kafka, "clicks", *range(0, 20, 2), partition=0)
    produce(kafka, "clicks", *range(1, 20, 2), partition=2)
    assert tried(capsys, "--records", "4") == ["clicks[0]@8", "clicks[2]@8", "clicks[0]@9", "clicks[2]@9"]
    assert tried(capsys, "--records", "2", "--oldest") == ["clicks[0]@0", "clicks[2]@0"]
    assert tried(capsys, "--records", "3", "--at", "2:7") == ["clicks[2]@7", "clicks[2]@8", "clicks[2]@9"]


def test_another_topic_may_be_named(kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]) -> None:
    produce(kafka, "views", 1)
    assert tried(capsys, "--topic", "views") == ["views[0]@0"]


def test_key_headers_and_time_are_shown(kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]) -> None:
    produce(kafka, "clicks", 5, key=b"k-1", headers=[("ce_id", b"e1"), ("raw", b"\xff")])
    assert main(["try"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith('clicks[0]@0  2026-01-01T00:00:05.000Z\n  key "k-1"\n  header "ce_id" "e1"\n')
    assert '  header "raw" base64 "/w=="\n' in shown
    assert "\x1b" not in shown


def test_nothing_is_committed(kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]) -> None:
    produce(kafka, "clicks", *range(20))
    member = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "personalize-worker"})
    member.commit(offsets=[TopicPartition("clicks", 0, 7)], asynchronous=False)
    tried(capsys)
    places = [TopicPartition("clicks", number) for number in range(3)]
    assert [each.offset for each in member.committed(places, timeout=10)] == [7, -1001, -1001]
    member.close()


def test_a_dead_letter_is_mapped_as_a_replay_would(
    kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    origin = {
        headers.ORIGINAL_TOPIC: b"clicks",
        headers.ORIGINAL_PARTITION: b"2",
        headers.ORIGINAL_OFFSET: b"77",
        headers.ORIGINAL_TIMESTAMP: b"1767225600000",
    }
    produce(kafka, "dead", 1, 2, partition=1, headers=list(origin.items()))
    assert tried(capsys, "--dead-letter") == ["dead[1]@0", "dead[1]@1"]
    assert main(["try", "--dead-letter", "1:1", "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["at"], line["original"]) == ("dead[1]@1", "clicks[2]@77")
    assert line["events"][0]["event"]["eventId"].endswith("-2-77-1767225600000")
    assert main(["try", "--dead-letter", "1:1"]) == 0
    assert "personalize-worker.original" not in capsys.readouterr().out
    assert "dead: has no dead letter at 0:0" in said(capsys, 1, "--dead-letter", "0:0")
    produce(kafka, "dead", 3, partition=0)
    assert "is no dead letter" in said(capsys, 1, "--dead-letter", "0:0")


def test_a_summary_has_the_topic_s_own_pace(kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]) -> None:
    produce(kafka, "clicks", *range(240))
    assert main(["try", "--summary", "1000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # Every fourth second an event of a session, which is a call of its own.
    assert (found["calls"], found["events_per_call"], found["sessions"]) == (240, 1.0, 4)
    assert found["pace"]["by"] == "record timestamp"
    assert found["pace"]["calls_per_second"] == pytest.approx(1, abs=0.02)
    assert found["pace"]["busiest_minute_quota_share"] == pytest.approx(0.001)


def test_of_partitions_that_reach_back_differently_only_the_common_time_counts(
    kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    produce(kafka, "clicks", *range(0, 4000, 40), partition=0)
    produce(kafka, "clicks", *range(3500, 4000), partition=1)
    main(["try", "--summary", "100", "--json"])
    pace = json.loads(capsys.readouterr().out)["pace"]
    assert pace["from"] == "2026-01-01T01:05:50Z"


def test_a_suggestion_comes_from_the_topic(kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]) -> None:
    produce(kafka, "clicks", *range(50))
    assert main(["try", "--suggest"]) == 0
    shown = capsys.readouterr()
    assert "  item_id: itemId\n" in shown.out
    assert "from 50 records of clicks" in shown.out


@pytest.mark.usefixtures("kafka")
def test_an_empty_topic_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no record to try" in said(capsys, 0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--topic", "click"],
            "topic click: is not there, or this user may not see it: did you mean clicks?",
        ),
        (["--topic", "^zzz"], "create it, or grant DESCRIBE and READ on it"),
        (["--at", "7:0"], "clicks: has no partition 7: it has 3 partitions, counted from 0"),
        (["--at", "0:5"], "clicks[0]: has no offset 5: it has no record"),
    ],
)
@pytest.mark.usefixtures("kafka")
def test_what_is_not_there_is_said_in_a_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert says in said(capsys, 1, *words)


@pytest.mark.usefixtures("kafka")
def test_a_topic_that_cannot_be_named_so_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "--topic", "^("]) == 2
    assert "kafka.topics[0]: must be a pattern" in capsys.readouterr().err


def test_a_topic_that_may_not_be_read_is_said_in_a_line(
    kafka: EmbeddedKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    produce(kafka, "clicks", 1)
    kafka.fail_next(Api.FETCH, *[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 100)
    assert "check that this user may read it" in said(capsys, 1)


@pytest.mark.usefixtures("kafka")
def test_brokers_that_do_not_answer_are_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKER_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("worker.commands.try_.topic_records._PATIENCE_SECONDS", 1.0)
    began = time.monotonic()
    assert "127.0.0.1:1: " in said(capsys, 1)
    assert time.monotonic() - began < 20
