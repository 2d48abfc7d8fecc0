"""An event without an id gets one that is the same in every run, and no other event's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import assignment, record
from tests.unit.core.mapping.mapping_records import MINIMAL, event_of, reason_of
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.dead_letter_headers import (
    ORIGINAL_OFFSET,
    ORIGINAL_PARTITION,
    ORIGINAL_TIMESTAMP,
    ORIGINAL_TOPIC,
)
from worker.core.model.places import MOST_PLACE

if TYPE_CHECKING:
    from worker.core.model.records import Headers, Record

places = st.tuples(
    st.sampled_from(["interactions", "interactions-1", "interactions.2", "t"]),
    st.integers(0, 12),
    st.integers(0, 2**63 - 1) | st.integers(0, 12),
    st.none() | st.integers(0, 2**63 - 1) | st.integers(0, 12),
)


def record_at(
    topic: str, partition: int, offset: int, timestamp_ms: int | None, headers: Headers = ()
) -> Record:
    return record(offset, under=assignment(topic, partition), timestamp_ms=timestamp_ms, headers=headers)


def letter_headers(topic: str, partition: int, offset: int, timestamp_ms: int | None) -> Headers:
    return (
        (ORIGINAL_TOPIC, topic.encode()),
        (ORIGINAL_PARTITION, str(partition).encode()),
        (ORIGINAL_OFFSET, str(offset).encode()),
        (ORIGINAL_TIMESTAMP, b"" if timestamp_ms is None else str(timestamp_ms).encode()),
    )


def test_the_derived_id_is_the_same_for_ever() -> None:
    """Were it to change, a restart after an upgrade would have Personalize learn from events twice."""
    assert derived_event_id(record_at("interactions", 3, 1_234_567, 1_700_000_000_123)) == (
        "2288133e6ed2-3-1234567-1700000000123"
    )


@given(places, places)
def test_two_places_have_two_ids(
    one: tuple[str, int, int, int | None], other: tuple[str, int, int, int | None]
) -> None:
    same = derived_event_id(record_at(*one)) == derived_event_id(record_at(*other))
    assert same == (one == other)


@given(places, places)
def test_a_replayed_dead_letter_keeps_its_id(
    was: tuple[str, int, int, int | None], now: tuple[str, int, int, int | None]
) -> None:
    replayed = record_at(*now, headers=(("theirs", b"x"), *letter_headers(*was)))
    assert derived_event_id(replayed) == derived_event_id(record_at(*was))


def test_a_second_death_does_not_change_the_id() -> None:
    first, second = ("t", 1, 7, 1_000), ("t", 1, 900, 2_000)
    twice = record_at("t", 1, 950, 3_000, headers=(*letter_headers(*first), *letter_headers(*second)))
    assert derived_event_id(twice) == derived_event_id(record_at(*first))


def test_a_replayed_dead_letter_keeps_its_time() -> None:
    """Else an event would have happened when somebody replayed it."""
    without = {key: value for key, value in MINIMAL.items() if key != "sentAt"}
    headers = letter_headers("t", 1, 7, 1_600_000_000_000)
    assert event_of(without, timestamp_ms=1_700_000_000_000, headers=headers)["sentAt"] == 1_600_000_000


@pytest.mark.parametrize("timestamp", [b"-1", b"9" * 20, b"soon", b""])
def test_an_origin_without_a_time_of_its_own_has_none(timestamp: bytes) -> None:
    """-1 is how Kafka says that a record has no timestamp."""
    headers = (*letter_headers("t", 1, 7, None)[:3], (ORIGINAL_TIMESTAMP, timestamp))
    replayed = record_at("t", 1, 900, 1_600_000_000_000, headers=headers)
    assert derived_event_id(replayed) == derived_event_id(record_at("t", 1, 7, None))
    without = {key: value for key, value in MINIMAL.items() if key != "sentAt"}
    assert reason_of(without, timestamp_ms=1_600_000_000_000, headers=headers).kind == "missing"


@pytest.mark.parametrize(
    "headers",
    [
        ((ORIGINAL_TOPIC, b"t"),),
        ((ORIGINAL_TOPIC, b"t"), (ORIGINAL_PARTITION, b"one"), (ORIGINAL_OFFSET, b"1")),
        ((ORIGINAL_TOPIC, b"t"), (ORIGINAL_PARTITION, b"1"), (ORIGINAL_OFFSET, b"9" * 5000)),
        ((ORIGINAL_TOPIC, b"t"), (ORIGINAL_PARTITION, b"1"), (ORIGINAL_OFFSET, b"--1")),
        ((ORIGINAL_TOPIC, b"t"), (ORIGINAL_PARTITION, b"-1"), (ORIGINAL_OFFSET, b"1")),
        ((ORIGINAL_TOPIC, None), (ORIGINAL_PARTITION, None), (ORIGINAL_OFFSET, None)),
    ],
)
def test_headers_that_name_no_place_are_not_believed(headers: Headers) -> None:
    place = ("interactions", 3, 5, 1_700_000_000_000)
    assert derived_event_id(record_at(*place, headers=headers)) == derived_event_id(record_at(*place))


@given(places, st.binary(max_size=300))
def test_an_id_is_short_printable_and_holds_no_topic(
    place: tuple[str, int, int, int | None], topic: bytes
) -> None:
    headers = ((ORIGINAL_TOPIC, topic), *letter_headers(*place)[1:])
    for each in (record_at(*place), record_at(*place, headers=headers)):
        assert re.fullmatch(r"[0-9a-f]{12}-\d{1,19}-\d{1,19}-\d{0,19}", derived_event_id(each))


def test_the_record_s_own_id_goes_before() -> None:
    assert event_of(MINIMAL | {"eventId": "mine"})["eventId"] == "mine"
    assert event_of(MINIMAL | {"eventId": 2**70})["eventId"] == str(2**70)


@given(
    topic=st.binary(max_size=9) | st.sampled_from([b"t", b"a" * 250, b"a/b", b"t\n", b"\x1b[2J", b"\xff"]),
    partition=st.integers() | st.sampled_from([-1, 2**31, 10**19]),
    offset=st.integers() | st.sampled_from([-1, 2**63, 10**19, MOST_PLACE, 10 * MOST_PLACE]),
)
def test_a_place_that_there_cannot_be_is_not_believed(topic: bytes, partition: int, offset: int) -> None:
    """Whoever forges such headers gets the id of the place where the record really stands."""
    forged = record(
        3,
        headers=(
            (ORIGINAL_TOPIC, topic),
            (ORIGINAL_PARTITION, b"%d" % partition),
            (ORIGINAL_OFFSET, b"%d" % offset),
        ),
    )
    is_topic = re.fullmatch(rb"[a-zA-Z0-9._-]{1,249}", topic) is not None
    can_be = is_topic and 0 <= partition < 2**31 and 0 <= offset <= MOST_PLACE
    assert (derived_event_id(forged) != derived_event_id(record(3))) == can_be


@pytest.mark.parametrize(
    "timestamp", [b"-1", b"-62135596800000", b"9" * 19, b"9" * 99, b"soon", b"\xff", b"1_0"]
)
def test_an_original_timestamp_that_is_none_is_none(timestamp: bytes) -> None:
    forged = (*letter_headers("t", 1, 7, None)[:3], (ORIGINAL_TIMESTAMP, timestamp))
    assert derived_event_id(record_at("t", 9, 9, 9, forged)) == derived_event_id(record_at("t", 1, 7, None))
