"""What a dead letter bears."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import assignment, record
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model import dead_letter_headers as names
from worker.core.model.records import Headers, Reason, Record
from worker.dead_letters.letter import OWN_NAMES, letter_headers

REASON = Reason("undecodable", "the value is no JSON")
# As the client gives them: a name with a NUL ends there.
FOREIGN_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20).filter(
    lambda name: name not in OWN_NAMES
)
HEADERS = st.lists(st.tuples(FOREIGN_NAMES, st.none() | st.binary(max_size=20)), max_size=8).map(tuple)
# Of Kafka, and of Kinesis.
OFFSETS = st.integers(0, 2**63 - 1) | st.integers(10**55 << 32, 10**56 << 32)


def headers_of(dead: Record, tries: int = 0, reason: Reason = REASON) -> Headers:
    made = letter_headers(dead, reason, tries, failed_at_seconds=1_700_000_000.25, version="1.2.3")
    return tuple((name, value) for name, value in made if not isinstance(value, str))


def test_a_letter_says_where_its_record_stood_and_why_it_died() -> None:
    dead = record(42, under=assignment("views", 3), timestamp_ms=1_600_000_000_123)
    assert dict(headers_of(dead, tries=2)) == {
        names.ORIGINAL_TOPIC: b"views",
        names.ORIGINAL_PARTITION: b"3",
        names.ORIGINAL_OFFSET: b"42",
        names.ORIGINAL_TIMESTAMP: b"1600000000123",
        names.ERROR_CLASS: b"undecodable",
        names.REASON: b"the value is no JSON",
        names.TRIES: b"2",
        names.FAILED_AT: b"2023-11-14T22:13:20.250+00:00",
        names.WORKER_VERSION: b"1.2.3",
    }


def test_a_record_without_a_timestamp_has_an_empty_one() -> None:
    assert dict(headers_of(record(timestamp_ms=None)))[names.ORIGINAL_TIMESTAMP] == b""


@given(headers=HEADERS)
def test_the_records_own_headers_come_first_and_unchanged(headers: Headers) -> None:
    """Repeated names, null and empty values included, whatever they are."""
    assert headers_of(record(headers=headers))[: len(headers)] == headers


@given(
    headers=HEADERS,
    offset=OFFSETS,
    timestamp_ms=st.none() | st.integers(0, 2**63 - 1),
    tries=st.integers(0, 1000),
)
def test_a_replayed_letter_that_dies_again_keeps_its_origin(
    headers: Headers, offset: int, timestamp_ms: int | None, tries: int
) -> None:
    """However often: the same event id, one of each of the worker's headers, the tries added up."""
    dead = first = record(offset, headers=headers, under=assignment("views", 3), timestamp_ms=timestamp_ms)
    for replay in range(3):
        dead = record(
            replay, headers=headers_of(dead, tries), under=assignment("replayed", 7), timestamp_ms=1
        )
        assert derived_event_id(dead) == derived_event_id(first)
    assert [name for name, _ in dead.headers if name in OWN_NAMES] == list(dict(headers_of(record())))
    assert dict(dead.headers)[names.TRIES] == b"%d" % (3 * tries)


def test_of_a_replayed_letter_the_new_reason_counts() -> None:
    replayed = record(headers=headers_of(record()))
    again = headers_of(replayed, reason=Reason("refused", "it was refused alone"))
    assert dict(again)[names.ERROR_CLASS] == b"refused"


@given(junk=st.none() | st.binary(max_size=30))
def test_headers_that_only_look_like_the_workers_do_no_harm(junk: bytes | None) -> None:
    pretender = record(
        5, under=assignment("views", 3), headers=((names.TRIES, junk), (names.ORIGINAL_OFFSET, junk))
    )
    assert dict(headers_of(pretender))[names.ORIGINAL_OFFSET] == b"5"


def test_headers_that_could_not_be_read_are_said_to_be_missing() -> None:
    unreadable = record(headers=names.UNREADABLE_HEADERS)
    assert dict(headers_of(unreadable))[names.HEADERS] == b"unreadable"
    assert dict(headers_of(record(headers=headers_of(unreadable))))[names.HEADERS] == b"unreadable"


@pytest.mark.parametrize("name", ["a\x00b", "\ud800"])
def test_a_name_that_the_client_would_cut_off_or_die_of_costs_the_record_its_headers(name: str) -> None:
    """Half a surrogate pair in a name is a segmentation fault in ``produce``."""
    made = headers_of(record(headers=(("fine", b"x"), (name, b"x"))))
    assert [each for each, _ in made if each not in OWN_NAMES] == []
    assert dict(made)[names.HEADERS] == b"unwritable"


def test_what_the_api_said_is_kept_as_far_as_it_is_text() -> None:
    said = headers_of(record(), reason=Reason("refused", "Odd: half an emoji \ud83d"))
    assert dict(said)[names.REASON] == b"Odd: half an emoji \\ud83d"
