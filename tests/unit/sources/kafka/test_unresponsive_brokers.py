"""Which brokers have stopped to answer, and for how long."""

from __future__ import annotations

import json

import pytest

from worker.sources.kafka.statistics import Statistics, decode
from worker.sources.kafka.unresponsive_brokers import UnresponsiveBrokers

LEADER, COORDINATOR = "127.0.0.1:9092/1", "127.0.0.1:9093 (the group's coordinator)"


def statistics(  # noqa: PLR0913  what tells one moment from another
    *,
    answers: int,
    waiting: int = 1,
    state: str = "UP",
    beats: int = 0,
    beating: int = 0,
    join: str = "steady",
    throttle: int = 0,
    coordinator: str = "127.0.0.1:9093",
    leads: bool = True,
) -> Statistics:
    """A client with a fetch that waits (``waiting``), and a heartbeat or not (``beating``)."""
    leader = {"source": "learned", "state": state, "rx": answers, "waitresp_cnt": waiting, "nodeid": 1}
    leader |= {"nodename": "127.0.0.1:9092"}
    group = {"source": "logical", "nodename": coordinator, "rx": beats, "waitresp_cnt": beating}
    toppars = {"t-0": {"topic": "t", "partition": 0}} if leads else {}
    made = decode(
        json.dumps(
            {
                "brokers": {
                    LEADER: leader | {"toppars": toppars, "throttle": {"max": throttle}},
                    "GroupCoordinator": group,
                    # Nothing is wanted of it.
                    "127.0.0.1:9094/3": {"source": "learned", "state": "DOWN", "toppars": {}},
                },
                "cgrp": {"join_state": join},
            }
        )
    )
    assert made is not None
    return made


def observed(
    *each: Statistics, fetching: bool = True, fetch_wait_seconds: float = 0.5
) -> UnresponsiveBrokers:
    """After these, five seconds one after the other."""
    silence = UnresponsiveBrokers(fetch_wait_seconds)
    for number, one in enumerate(each):
        silence.observe(one, 5.0 * number, fetching=fetching)
    return silence


def silent_after(*each: Statistics, fetching: bool = True, fetch_wait_seconds: float = 0.5) -> set[str]:
    silence = observed(*each, fetching=fetching, fetch_wait_seconds=fetch_wait_seconds)
    return set(silence.of(5.0 * (len(each) - 1)))


def test_a_broker_that_answers_nothing_though_it_is_asked_is_silent() -> None:
    assert silent_after(*[statistics(answers=9)] * 3) == {LEADER}
    assert observed(*[statistics(answers=9)] * 3).nodes(10.0) == {1}


def test_it_is_silent_for_as_long_as_it_has_not_answered() -> None:
    assert observed(*[statistics(answers=9)] * 7).of(30.0) == {LEADER: 30.0}


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


@pytest.mark.parametrize("state", ["DOWN", "TRY_CONNECT", "APIVERSION_QUERY", "UP", "INIT"])
def test_a_broker_is_silent_until_it_answers_whatever_becomes_of_its_connection(state: str) -> None:
    """After a minute librdkafka closes it, and tries again; a process that stands still takes connections."""
    after = [statistics(answers=9, waiting=0, state=state)] * 20
    silence = observed(*[statistics(answers=9)] * 12, *after)
    assert silence.of(155.0) == {LEADER: 155.0}
    assert not silence.answered
    silence.observe(statistics(answers=10, state="UP"), 160.0, fetching=True)
    assert silence.of(160.0) == {}
    assert silence.answered == {LEADER}


def test_a_broker_of_which_nothing_is_wanted_any_more_has_not_answered() -> None:
    silence = observed(*[statistics(answers=9)] * 3, statistics(answers=9, waiting=0, leads=False))
    assert silence.of(15.0) == {}
    assert not silence.answered


@pytest.mark.parametrize("after", ["127.0.0.1:9093", ""], ids=["the same", "nobody"])
def test_a_silent_coordinator_is_silent_while_the_group_looks_for_one(after: str) -> None:
    beating = [statistics(answers=number, beats=3, beating=1) for number in range(3)]
    looking = [statistics(answers=number, beats=3, join="init", coordinator=after) for number in range(3, 20)]
    silence = observed(*beating, *looking)
    assert set(silence.of(95.0)) == {COORDINATOR}
    assert silence.of(95.0)[COORDINATOR] == 95.0


def test_a_silent_broker_keeps_its_count_when_librdkafka_begins_anew() -> None:
    """With none of the brokers left, it knows them by what it was told at first."""

    def anew(answers: int) -> Statistics:
        first = {"source": "configured", "state": "CONNECT", "rx": answers, "nodename": "127.0.0.1:9092"}
        made = decode(json.dumps({"brokers": {"127.0.0.1:9092/bootstrap": first}}))
        assert made is not None
        return made

    silence = observed(*[statistics(answers=9)] * 12, anew(4), anew(4))
    assert silence.of(65.0) == {LEADER: 65.0}
    silence.observe(anew(5), 70.0, fetching=True)
    assert silence.of(70.0) == {}
    assert silence.answered == {LEADER}


def test_a_connection_that_was_made_anew_counts_its_answers_from_0() -> None:
    """librdkafka makes a broker anew, with its counters, when all of them were away."""
    silence = observed(*[statistics(answers=5000)] * 4, statistics(answers=0), statistics(answers=3))
    assert (set(silence.of(25.0)), silence.answered) == (set(), {LEADER})


def test_another_coordinator_ends_the_silence_of_the_one_before() -> None:
    beating = [statistics(answers=number, beats=3, beating=1) for number in range(3)]
    moved = statistics(answers=4, beats=3, join="init", coordinator="127.0.0.1:9099")
    assert silent_after(*beating, moved) == set()


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


def test_a_broker_may_take_as_long_as_fetches_may_wait() -> None:
    assert silent_after(*[statistics(answers=9)] * 8, fetch_wait_seconds=30.0) == set()
    assert silent_after(*[statistics(answers=9)] * 9, fetch_wait_seconds=30.0) == {LEADER}


def test_a_broker_that_puts_us_off_by_a_quota_may_take_as_long_as_it_said() -> None:
    assert silent_after(*[statistics(answers=9, throttle=20_000)] * 5) == set()
    assert silent_after(*[statistics(answers=9, throttle=20_000)] * 7) == {LEADER}
