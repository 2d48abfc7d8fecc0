"""What Kafka complains of, for as long as it is so."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from worker.sources.kafka_trouble import KafkaUnusable, Trouble

AWAY = KafkaError(KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001  librdkafka's name for it
MISSING = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def trouble() -> tuple[Trouble, Clock]:
    clock = Clock()
    return Trouble(clock), clock


def test_what_is_repeated_is_over_when_it_is_repeated_no_more() -> None:
    made, clock = trouble()
    made.note(AWAY)
    clock.now = 39.0
    assert made.now()
    clock.now = 41.0
    assert made.now() is None


def test_what_is_said_once_lasts_until_records_flow() -> None:
    made, clock = trouble()
    made.note(MISSING)
    clock.now = 10_000.0
    assert "UNKNOWN_TOPIC" in str(made.now())
    made.note(AWAY)
    assert "UNKNOWN_TOPIC" in str(made.now())
    made.over()
    assert made.now() is None


def test_what_lasts_is_told_again_at_growing_intervals() -> None:
    made, clock = trouble()
    with capture_logs() as lines:
        made.note(MISSING)
        for second in range(0, 120, 5):
            clock.now = float(second)
            made.remind()
        made.over()
    assert [line["event"] for line in lines] == ["kafka.trouble"] * 3 + ["kafka.recovered"]


def test_what_is_fatal_ends_the_client() -> None:
    made, _ = trouble()
    with pytest.raises(KafkaUnusable):
        made.note(KafkaError(KafkaError._FATAL, "fenced", fatal=True))  # noqa: SLF001  librdkafka's name for it


def test_a_silent_broker_is_trouble_until_it_answers() -> None:
    made, clock = trouble()
    with capture_logs() as lines:
        for second in range(10, 120, 5):
            clock.now = float(second)
            made.silent({"b1": float(second)})
            assert made.now() == f"broker b1 has not answered for {second} s"
        made.over()
        assert made.now()  # others may deliver meanwhile
        made.silent({})
    assert made.now() is None
    assert [line["event"] for line in lines] == ["kafka.silent"] * 3 + ["kafka.answers_again"]


def test_a_complaint_and_a_silent_broker_are_both_told() -> None:
    made, _ = trouble()
    made.note(MISSING)
    made.silent({"b1": 12.0})
    assert "UNKNOWN_TOPIC" in str(made.now())
    assert "b1 has not answered" in str(made.now())
