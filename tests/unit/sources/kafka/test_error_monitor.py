"""What Kafka complains of, each complaint for as long as its own cause lasts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from tests.support.builders import assignment, record
from worker.core.model.partition import Partition
from worker.core.model.snapshot import TROUBLES
from worker.sources.kafka.error_monitor import KafkaErrorMonitor, KafkaUnusable, Said
from worker.sources.kafka.error_words import ADVICE, sentence
from worker.sources.kafka.statistics import decode

if TYPE_CHECKING:
    from worker.core.model.records import Record
    from worker.sources.kafka.statistics import Statistics

AWAY = KafkaError(KafkaError._ALL_BROKERS_DOWN)  # noqa: SLF001  librdkafka's name for it
MISSING = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, "Subscribed topic not available: clicks: Broker: ...")
FORBIDDEN = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "Fetch from broker 1 failed: Broker: ...")
RESET = KafkaError(KafkaError._AUTO_OFFSET_RESET, "no previously committed offset available")  # noqa: SLF001  as above
LOGIN = KafkaError(KafkaError._AUTHENTICATION, "sasl_ssl://b1:9092/bootstrap: SASL authentication error")  # noqa: SLF001  as above
GROUP = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "JoinGroup failed: Broker: ...")
REFUSED = KafkaError(KafkaError.OFFSET_METADATA_TOO_LARGE)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def trouble() -> tuple[KafkaErrorMonitor, Clock]:
    clock = Clock()
    return KafkaErrorMonitor(clock), clock


def said(made: KafkaErrorMonitor) -> str:
    return "; ".join(map(str, made.now()))


def came(topic: str, partition: int) -> Record:
    return record(under=assignment(topic, partition))


def measured(*, up: str = "", down: str = "", join: str = "steady") -> Statistics:
    states = {up: "UP", down: "DOWN"}
    brokers = {
        name: {"state": state, "nodename": name.split("/")[0]} for name, state in states.items() if name
    }
    statistics = decode(json.dumps({"brokers": brokers, "cgrp": {"state": "up", "join_state": join}}))
    assert statistics is not None
    return statistics


def test_a_broker_that_is_away_is_so_until_it_is_said_no_more() -> None:
    made, clock = trouble()
    made.note(AWAY)
    clock.now = 39.0
    assert made.now()
    clock.now = 41.0
    assert not made.now()


def test_a_broker_that_is_away_is_so_until_statistics_show_it_up() -> None:
    made, _ = trouble()
    made.note(KafkaError(KafkaError._TRANSPORT, "b1:9092/1: Connect to ipv4#b1:9092 failed"))  # noqa: SLF001  as above
    made.measured(measured(up="b2:9092/2", down="b1:9092/1"))
    assert "b1:9092" in said(made)
    made.measured(measured(up="b1:9092/1"))
    assert not made.now()


def away(broker: str, milliseconds: int = 0) -> KafkaError:
    refused = f"{broker}: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after {milliseconds}ms)"
    return KafkaError(KafkaError._TRANSPORT, refused)  # noqa: SLF001  as above


def test_brokers_that_are_away_are_one_cause_with_one_advice_that_names_them() -> None:
    made, clock = trouble()
    for number in range(1, 6):
        made.note(away(f"b{number}:9092/bootstrap", number))
        made.note(away(f"b{number}:9092/{number}", number))
    made.note(KafkaError(KafkaError._TRANSPORT, "GroupCoordinator: b1:9092: Connect to ipv4#b1:9092 failed"))  # noqa: SLF001  as above
    made.note(AWAY)
    clock.now = 7.0
    (only,) = made.now()
    assert only.what.startswith("b1:9092, b2:9092, b3:9092 and 2 more can't be reached: ")
    assert "Connection refused" in only.what
    assert (only.seconds, only.advice) == (7.0, ADVICE["broker"])


def test_one_broker_under_several_names_is_told_in_its_own_words() -> None:
    made, _ = trouble()
    made.note(AWAY)
    made.note(away("b1:9092/bootstrap"))
    made.note(away("b1:9092/1"))
    (only,) = made.now()
    assert only.what == f"_TRANSPORT: {away('b1:9092/bootstrap').str()}"


def test_brokers_that_refuse_the_login_are_one_cause_too() -> None:
    made, _ = trouble()
    for name in ("sasl_ssl://b1:9092/bootstrap", "sasl_ssl://b2:9092/2"):
        made.note(KafkaError(KafkaError._AUTHENTICATION, f"{name}: SASL authentication error"))  # noqa: SLF001  as above
    (only,) = made.now()
    assert only.what.startswith("b1:9092, b2:9092 refuse the login: ")


@pytest.mark.parametrize(
    ("error", "topic", "partition"),
    [
        (MISSING, "clicks", 0),
        (FORBIDDEN, "clicks", 0),
        (RESET, "clicks", 0),
        (LOGIN, None, None),
        (GROUP, None, None),
    ],
    ids=["missing", "forbidden", "reset", "login", "group"],
)
def test_what_is_said_once_lasts_whatever_flows_of_others(
    error: KafkaError, topic: str | None, partition: int | None
) -> None:
    made, clock = trouble()
    made.note(error, topic, partition)
    clock.now = 10_000.0
    made.flows([came("views", 0)] if error is MISSING else [came("views", 0), came("clicks", 1)])
    made.committed([Partition("views", 0)])
    made.note(AWAY)
    made.forget([Partition("views", 0)])
    made.measured(measured(join="wait-join"))
    assert error.name() in said(made) or "clicks" in said(made)
    assert any(each.seconds == 10_000 for each in made.now())


def test_a_topic_of_which_a_record_came_is_there() -> None:
    made, _ = trouble()
    made.note(MISSING, "clicks", 0)
    made.flows([came("clicks", 1)])
    assert not made.now()


def test_a_partition_is_read_again_with_a_record_of_its_own() -> None:
    made, _ = trouble()
    made.note(RESET, "clicks", 0)
    made.note(RESET, "clicks", 1)
    made.flows([came("clicks", 1)])
    assert "clicks[0]" in said(made)
    assert "clicks[1]" not in said(made)
    made.flows([came("clicks", 0)])
    assert not made.now()


def test_a_partition_that_is_not_ours_any_more_is_no_trouble_and_has_not_recovered() -> None:
    made, _ = trouble()
    with capture_logs() as lines:
        made.note(RESET, "clicks", 0)
        made.commit_failed(REFUSED, [Partition("clicks", 0)])
        made.forget([Partition("clicks", 0)])
    assert not made.now()
    assert [line["event"] for line in lines] == ["kafka.trouble"] * 2


def test_a_missing_topic_is_there_when_the_brokers_say_so() -> None:
    made, _ = trouble()
    made.note(MISSING, "clicks", 0)
    made.only("topic_missing", {"clicks": Said(5.0), "views": Said(5.0)})
    assert "clicks, views" in said(made)
    made.only("topic_missing", {"views": Said(9.0)})
    assert "clicks" not in said(made)
    made.only("topic_missing", {})
    assert not made.now()


def test_a_topic_that_may_be_read_after_all_is_no_trouble_though_nothing_comes() -> None:
    made, _ = trouble()
    made.note(FORBIDDEN, "clicks", 0)
    assert made.unreadable() == {"clicks[0]"}
    made.readable({"clicks[0]"})
    assert not made.now()


def test_the_group_lets_us_in_when_it_is_steady() -> None:
    made, _ = trouble()
    made.note(GROUP)
    made.measured(measured(join="init"))
    assert made.now()
    made.measured(measured(join="steady"))
    assert not made.now()


def test_a_login_is_accepted_when_the_broker_is_up() -> None:
    made, _ = trouble()
    made.note(LOGIN)
    made.measured(measured())
    assert "sasl.password" in said(made)
    made.measured(measured(up="b1:9092/1"))
    assert not made.now()


def test_a_commit_is_refused_until_one_of_the_same_partition_is_accepted() -> None:
    made, clock = trouble()
    made.commit_failed(REFUSED, [Partition("clicks", 0), Partition("clicks", 1)])
    clock.now = 3600.0
    assert "offsets of clicks[0], clicks[1] can't be committed: OFFSET_METADATA_TOO_LARGE" in said(made)
    made.flows([came("clicks", 0)])
    made.committed([Partition("clicks", 1)])
    assert "clicks[0]" in said(made)
    made.committed([Partition("clicks", 0)])
    assert not made.now()


def test_commits_that_nobody_answers_are_said_too_and_keep_the_reason_that_was_given() -> None:
    made, _ = trouble()
    made.late(Partition("clicks", 0), 0.0)
    assert "no commit was accepted" in said(made)
    made.commit_failed(REFUSED, [Partition("clicks", 0)])
    made.late(Partition("clicks", 0), 0.0)
    assert "OFFSET_METADATA_TOO_LARGE" in said(made)


def test_what_lasts_is_told_again_at_growing_intervals() -> None:
    made, clock = trouble()
    with capture_logs() as lines:
        made.note(MISSING, "clicks", 0)
        for second in range(0, 120, 5):
            clock.now = float(second)
            made.measured(measured())
        made.only("topic_missing", {})
    assert [line["event"] for line in lines] == ["kafka.trouble"] * 3 + ["kafka.recovered"]
    assert lines[-1]["seconds"] == 115.0


@pytest.mark.parametrize("hear", ["note", "commit"])
def test_what_is_fatal_ends_the_client(hear: str) -> None:
    made, _ = trouble()
    fatal = KafkaError(KafkaError._FATAL, "fenced", fatal=True)  # noqa: SLF001  librdkafka's name for it
    with pytest.raises(KafkaUnusable):
        made.note(fatal) if hear == "note" else made.commit_failed(fatal, [Partition("clicks", 0)])


def test_a_silent_broker_is_trouble_until_it_answers() -> None:
    made, clock = trouble()
    with capture_logs() as lines:
        for second in range(10, 120, 5):
            clock.now = float(second)
            made.silent({"b1": float(second)}, answered=())
            assert said(made).startswith(f"broker b1 has not answered (for {second} s); ")
        made.flows([came("clicks", 0)])  # others may deliver meanwhile
        assert made.now()
        made.silent({}, answered={"b1"})
    assert not made.now()
    assert [line["event"] for line in lines] == ["kafka.silent"] * 3 + ["kafka.answers_again"]


def test_a_silent_broker_of_which_nothing_is_wanted_any_more_does_not_answer_again() -> None:
    made, _ = trouble()
    with capture_logs() as lines:
        made.silent({"b1": 10.0}, answered=())
        made.silent({}, answered=())
    assert not made.now()
    assert [line["event"] for line in lines] == ["kafka.silent", "kafka.no_longer_asked"]


def test_a_thousand_partitions_with_one_trouble_are_one_sentence() -> None:
    made, _ = trouble()
    for partition in range(1000):
        made.note(RESET, "clicks", partition)
    (only,) = made.now()
    assert "clicks[0], clicks[1], clicks[2] and 997 more" in only.what


def test_all_that_is_wrong_is_said_and_what_lasts_longest_first() -> None:
    made, clock = trouble()
    made.note(MISSING, "clicks", 0)
    clock.now = 5.0
    made.silent({"b1": 2.0}, answered=())
    assert [each.kind for each in made.now()] == ["topic_missing", "silent_broker"]


@pytest.mark.parametrize("kind", TROUBLES)
def test_every_kind_has_a_sentence_and_an_advice(kind: str) -> None:
    assert sentence(kind, "t[0]", "says {so}")
    assert ADVICE[kind]


def test_an_instance_that_the_group_has_not_given_up_yet_is_waited_for() -> None:
    """Fatal to librdkafka, which a worker that was killed and started again hears for up to 45 seconds."""
    sentence = KafkaError(KafkaError.UNRELEASED_INSTANCE_ID).str()
    made, _ = trouble()
    made.note(KafkaError(KafkaError._FATAL, f"Fatal error: {sentence}", fatal=True))  # noqa: SLF001  as above
    assert "the group rejects this pod" in said(made)
    assert "another pod has the same group.instance.id" in said(made)
    made.measured(measured())
    assert said(made) == ""


def test_a_fatal_error_that_is_told_again_is_still_fatal() -> None:
    """As for a KIP-848 group with an assignor that the broker does not know: it will never be a member."""
    again = KafkaError(KafkaError._FATAL, "Fatal error: the assignor is not supported")  # noqa: SLF001  librdkafka's name for it
    assert not again.fatal()
    with pytest.raises(KafkaUnusable, match="assignor"):
        trouble()[0].note(again)
