"""What is written is read back; what is not ours is told apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import assignment, record
from tests.unit.dead_letters.test_letter import FOREIGN_NAMES
from worker.core.mapping.event_ids import derived_event_id, origin
from worker.core.model.partition import Partition
from worker.core.model.reason_texts import rule_of
from worker.core.model.records import Headers, Reason, Record
from worker.core.offsets.assignment import Assignment
from worker.dead_letters.letter import letter_headers
from worker.dead_letters.reading import Letter, open_letter, replayed

HEADERS = st.lists(
    st.tuples(FOREIGN_NAMES, st.none() | st.binary()),
    max_size=4,
).map(tuple)
REASON = Reason("missing", "session_id: nothing at visit")


def letter_of(dead: Record, reason: Reason = REASON, tries: int = 2) -> Record:
    made = letter_headers(dead, reason, tries, failed_at_seconds=1_700_000_000.25, version="1.2.3")
    headers: Headers = tuple((name, value) for name, value in made if not isinstance(value, str))
    return record(
        7, under=Assignment(Partition("dead", 3), 0), headers=headers, key=dead.key, value=dead.value
    )


def opened(dead: Record) -> Letter:
    letter = open_letter(dead)
    assert letter is not None
    return letter


@given(
    headers=HEADERS,
    offset=st.integers(0, 2**63 - 1) | st.integers(10**55 << 32, 10**56 << 32),
    tries=st.integers(0, 99),
)
def test_a_letter_is_read_as_it_was_written(headers: Headers, offset: int, tries: int) -> None:
    first = record(offset, under=assignment("views", 5), headers=headers)
    letter = opened(letter_of(first, tries=tries))
    assert letter.origin == origin(first)
    assert (letter.reason, letter.tries, letter.replays) == (REASON, tries, 0)
    assert (letter.failed_at_seconds, letter.version, letter.place) == (1_700_000_000.25, "1.2.3", (3, 7))
    assert letter.own_headers == headers


@given(headers=HEADERS, replays=st.integers(1, 9))
def test_replays_are_counted_and_all_else_stays(headers: Headers, replays: int) -> None:
    first = record(5, under=assignment("views", 5), headers=headers, key=b"k", value=b"v")
    dead = letter_of(first)
    for count in range(1, replays + 1):
        again = replayed(opened(dead), assignment("dead", 0), offset=count, received_at=1.0)
        assert derived_event_id(again) == derived_event_id(first)
        assert (again.key, again.value) == (b"k", b"v")
        dead = letter_of(again)
        letter = opened(dead)
        assert (letter.replays, letter.tries, letter.own_headers) == (count, 2 * (count + 1), headers)


def test_what_the_worker_did_not_write_is_no_letter() -> None:
    assert open_letter(record(headers=(("personalize-worker.reason", b"forged"),))) is None


def test_a_time_that_is_none_is_unknown() -> None:
    dead = letter_of(record())
    broken = tuple((name, b"soon" if name.endswith("failed-at") else value) for name, value in dead.headers)
    assert opened(record(headers=broken)).failed_at_seconds is None


def test_what_could_steer_a_terminal_is_not_kept() -> None:
    assert "\x1b" not in opened(letter_of(record(), Reason("x\x1b", "a\x1b[2Jb"))).reason.text


def test_of_what_the_api_said_the_rule_is_the_code_alone() -> None:
    assert rule_of(Reason("refused", "InvalidInputException: user 7 is odd")) == "InvalidInputException"
    assert rule_of(REASON) == REASON.text
