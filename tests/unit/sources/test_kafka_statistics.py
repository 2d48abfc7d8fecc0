"""What librdkafka's statistics say. The fields are as a real Kafka's client gave them."""

from __future__ import annotations

import json

import pytest

from worker.sources.kafka_statistics import Silence, Statistics, decode

LEADER, COORDINATOR = "127.0.0.1:9092/1", "127.0.0.1:9093 (the group's coordinator)"


def statistics(  # noqa: PLR0913  what tells one moment from another
    *,
    answers: int,
    waiting: int = 1,
    state: str = "UP",
    beats: int = 0,
    beating: int = 0,
    join: str = "steady",
) -> Statistics:
    """A client with a fetch that waits (``waiting``), and a heartbeat or not (``beating``)."""
    leader = {"source": "learned", "state": state, "rx": answers, "waitresp_cnt": waiting}
    coordinator = {"source": "logical", "nodename": "127.0.0.1:9093", "rx": beats, "waitresp_cnt": beating}
    partition = {"hi_offset": 7, "committed_offset": 5}
    unassigned = {"hi_offset": -1001, "committed_offset": -1001}
    return decode(
        json.dumps(
            {
                "brokers": {
                    LEADER: leader | {"toppars": {"t-0": {"topic": "t", "partition": 0}}},
                    "GroupCoordinator": coordinator,
                    # Nothing is wanted of it.
                    "127.0.0.1:9094/3": {"source": "learned", "state": "DOWN", "toppars": {}},
                },
                "topics": {"t": {"partitions": {"0": partition, "-1": unassigned}}},
                "cgrp": {"join_state": join},
            }
        )
    )


def silent_after(*observed: Statistics, fetching: bool = True) -> set[str]:
    """Who is silent after these, five seconds one after the other."""
    silence = Silence()
    for number, each in enumerate(observed):
        silence.observe(each, 5.0 * number, fetching=fetching)
    return set(silence.of(5.0 * (len(observed) - 1)))


def test_ends_and_commits_are_read() -> None:
    offsets = dict(statistics(answers=1).offsets())
    assert offsets["t", 0] == (7, 5)
    assert max(offsets["t", -1]) < 0


def test_a_broker_that_answers_nothing_though_it_is_asked_is_silent() -> None:
    assert silent_after(*[statistics(answers=9)] * 3) == {LEADER}


def test_it_is_silent_for_as_long_as_it_has_not_answered() -> None:
    silence = Silence()
    for number in range(7):
        silence.observe(statistics(answers=9), 5.0 * number, fetching=True)
    assert silence.of(30.0) == {LEADER: 30.0}


@pytest.mark.parametrize(
    "answering",
    [
        [statistics(answers=number) for number in range(3)],
        [statistics(answers=9, waiting=0)] * 3,
        [statistics(answers=9)] * 2,
        [statistics(answers=9), statistics(answers=9, waiting=0), statistics(answers=9)],
    ],
    ids=["answers", "nobody waits", "not for long", "answered between"],
)
def test_a_broker_that_answers_or_is_not_asked_is_not_silent(answering: list[Statistics]) -> None:
    assert silent_after(*answering) == set()


def test_a_broker_that_can_not_be_connected_to_is_silent_too() -> None:
    assert silent_after(*[statistics(answers=9, waiting=0, state="TRY_CONNECT")] * 3) == {LEADER}


def test_while_nothing_is_fetched_no_answer_is_missed() -> None:
    """A pause of hours may let connections go."""
    down = statistics(answers=9, waiting=0, state="DOWN")
    assert silent_after(*[down] * 3, fetching=False) == set()


def test_a_coordinator_that_does_not_answer_heartbeats_is_silent() -> None:
    beating = [statistics(answers=number, beats=3, beating=1) for number in range(3)]
    assert silent_after(*beating) == {COORDINATOR}


def test_a_coordinator_that_waits_for_other_members_is_not() -> None:
    joining = [statistics(answers=number, beats=3, beating=1, join="wait-join") for number in range(3)]
    assert silent_after(*joining) == set()


def test_whatever_is_not_there_is_not_known() -> None:
    assert list(decode("{}").offsets()) == []
    assert silent_after(*[decode("{}")] * 3) == set()
