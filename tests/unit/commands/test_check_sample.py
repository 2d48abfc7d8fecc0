"""``check --sample``: the newest records are mapped, nothing is sent, committed, or shown of theirs."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from worker.cli import main
from worker.commands.check import check
from worker.commands.check.newest import spread
from worker.local.kafka import Api, EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

GOOD = (
    b'{"eventType":"view","sentAt":1700000000,"sessionId":"sess-s3cret","userId":"user-s3cret","itemId":"i"}'
)
NAMELESS = b'{"eventType":"view","sentAt":1700000000,"sessionId":"sess-s3cret"}'
SESSIONLESS = b'{"eventType":"view","sentAt":1700000000,"userId":"user-s3cret"}'
AVRO = b"\x00\x00\x00\x00\x07s3cret"
GROUP = "personalize-worker"


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({"clicks": 3, "views": 1, "dead": 1}) as embedded:
        yield embedded


@pytest.fixture
def endpoint() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up ones, of which the sample makes no use."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def produce(kafka: EmbeddedKafka, topic: str, *values: bytes | None, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 0})
    for value in values:
        producer.produce(topic, value, partition=partition, key=b"key-s3cret")
    assert producer.flush(10) == 0


def sampled(
    kafka: EmbeddedKafka, records: int | None, url: str = "http://127.0.0.1:1", **more: str
) -> tuple[int, list[str]]:
    """Exit code, and the lines about samples, without the word with which they begin."""
    settings = {
        "kafka__bootstrap_servers": kafka.bootstrap_servers,
        "kafka__topics": "clicks,views",
        "personalize__tracking_id": "abc",
        "personalize__region": "eu-west-1",
        "personalize__endpoint_url": url,
        "dead_letters__topic": "dead",
    }
    environ = {f"WORKER_{name.upper()}": value for name, value in (settings | more).items()}
    lines: list[str] = []
    code = check(None, environ, lines.append, sample=records, patience_seconds=0.5)
    return code, [line for line in lines if " sample of " in line]


def test_it_says_how_many_map_how_many_do_not_and_why(kafka: EmbeddedKafka) -> None:
    produce(kafka, "clicks", GOOD, NAMELESS, None, SESSIONLESS, partition=2)
    produce(kafka, "clicks", GOOD, SESSIONLESS, AVRO, partition=1)
    _, lines = sampled(kafka, 100, kafka__topics="clicks")
    summary, most, least = lines
    assert summary.startswith(
        "warn  sample of clicks: 3 of the 7 newest records map (2 with user_id, 2 with item_id), "
        "1 are skipped (tombstone), 3 would be dead letters"
    )
    assert most.startswith("warn  sample of clicks: 2 missing: session_id: nothing at `sessionId`")
    assert "clicks[" in most
    assert "1 not_json: the value is framed for a schema registry" in least
    assert least.endswith("the first is clicks[1]@2")


def test_of_each_topic_it_reads_the_newest_of_all_partitions(kafka: EmbeddedKafka) -> None:
    """That is what the producer writes now; what it wrote before it was fixed no longer counts."""
    produce(kafka, "clicks", *([AVRO] * 50), *([GOOD] * 5), partition=0)
    produce(kafka, "clicks", *([AVRO] * 50), *([GOOD] * 5), partition=1)
    produce(kafka, "views", *([AVRO] * 50), *([GOOD] * 10))
    _, lines = sampled(kafka, 10)
    assert [line.partition(" (")[0] for line in lines] == [
        "ok    sample of clicks: 10 of the 10 newest records map",
        "ok    sample of views: 10 of the 10 newest records map",
    ]


def test_the_exit_code_is_1_when_nothing_of_a_topic_maps_and_0_when_something_does(
    kafka: EmbeddedKafka, endpoint: socket.socket
) -> None:
    url = f"http://127.0.0.1:{endpoint.getsockname()[1]}"
    produce(kafka, "clicks", GOOD, AVRO)
    produce(kafka, "views", AVRO, None)
    code, lines = sampled(kafka, 100, url)
    assert code == 1
    assert "FAIL  sample of views: none of the 2 newest records can be mapped: fix record.mapping" in lines[2]
    produce(kafka, "views", GOOD)
    assert sampled(kafka, 100, url)[0] == 0
    assert sampled(kafka, None, url) == (0, [])


def test_nothing_is_committed_and_nothing_sent(kafka: EmbeddedKafka, endpoint: socket.socket) -> None:
    produce(kafka, "clicks", *([GOOD] * 20))
    places = [TopicPartition("clicks", number) for number in range(3)]
    member = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": GROUP})
    member.commit(offsets=[TopicPartition("clicks", 0, 7)], asynchronous=False)
    _, lines = sampled(kafka, 20, f"http://127.0.0.1:{endpoint.getsockname()[1]}")
    assert "20 of the 20 newest records map" in lines[0]
    assert [each.offset for each in member.committed(places, timeout=10)] == [7, -1001, -1001]
    member.close()
    endpoint.settimeout(5)
    connection, _ = endpoint.accept()
    assert connection.recv(1) == b""
    connection.close()
    endpoint.settimeout(0.1)
    with pytest.raises(TimeoutError):
        endpoint.accept()


def test_nobody_s_data_is_shown(kafka: EmbeddedKafka) -> None:
    wrong = (b'{"eventType":"s3cret","sentAt":"s3cret","sessionId":["s3cret"]}', b"s3cret", b'["s3cret"]')
    produce(kafka, "clicks", GOOD, SESSIONLESS, AVRO, *wrong)
    assert "s3cret" not in "".join(sampled(kafka, 100)[1])


def test_it_maps_as_configured(kafka: EmbeddedKafka) -> None:
    produce(kafka, "clicks", SESSIONLESS)
    _, lines = sampled(kafka, 100, record__mapping__session_id="userId")
    assert lines[0].startswith("ok    sample of clicks: 1 of the 1 newest records map (1 with user_id, 0 ")
    more = {"record__mapping__session_id": "userId", "record__placeholder_ids": "user-s3cret"}
    assert sampled(kafka, 100, **more)[1][0].startswith("FAIL  sample of clicks: none of the 1 newest ")


def test_of_an_empty_topic_it_says_so_at_once(kafka: EmbeddedKafka) -> None:
    _, lines = sampled(kafka, 100)
    assert [line.partition(":")[2] for line in lines] == [
        " there is no record to try: try again once there are some"
    ] * 2


def test_a_topic_that_gives_nothing_fails_in_time_with_what_to_look_at(kafka: EmbeddedKafka) -> None:
    produce(kafka, "clicks", GOOD)
    kafka.fail_next(Api.FETCH, *[KafkaError.BROKER_NOT_AVAILABLE] * 200)
    began = time.monotonic()
    code, lines = sampled(kafka, 100)
    assert time.monotonic() - began < 30
    assert code == 1
    assert lines[0].startswith("FAIL  sample of clicks: not all could be read: ")
    assert "advertised.listeners" in lines[0]


@given(st.integers(1, 1_000), st.lists(st.integers(0, 1_000), max_size=50))
def test_a_sample_is_spread_as_evenly_as_there_are_records(records: int, lengths: list[int]) -> None:
    shares = spread(records, lengths)
    assert all(0 <= share <= length for share, length in zip(shares, lengths, strict=True))
    assert sum(shares) == min(records, sum(lengths))
    cut = [share for share, length in zip(shares, lengths, strict=True) if share < length]
    # Whoever has more to give than it gave gave as much as anybody, to what does not divide.
    assert not cut or min(cut) >= max(shares) - len(lengths)


@pytest.mark.parametrize("number", ["0", "-1", "x"])
def test_a_sample_of_nothing_is_a_wrong_command_line(number: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--sample", number])
    assert ended.value.code == 2


def test_without_a_number_it_is_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def check_(*_: object, sample: int | None) -> int:
        asked.append(sample)
        return 0

    monkeypatch.setattr("worker.commands.check.check", check_)
    for words in (["check"], ["check", "--sample"], ["check", "--sample", "7"]):
        assert main(words) == 0
    assert asked == [None, 100, 7]
