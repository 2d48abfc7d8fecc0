"""A dead-letter topic that others write to: whatever the headers, nothing is raised, nothing mistaken."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import assignment, record
from tests.support.outside import NUMBERS, TIMES, VALUES
from tests.support.samples import sample
from tests.support.virtual_time import in_virtual_time
from tests.unit.replay.letters import LetterTopicTwin, ReplayStage, event_ids, source_record
from worker.core.mapping import compile_mapping
from worker.core.model import dead_letter_headers as names
from worker.core.model.records import Headers, Reason, Record
from worker.dead_letters.letter import OWN_NAMES, letter_headers
from worker.dead_letters.reading import open_letter, replayed
from worker.replay.listing import Listing
from worker.replay.selection import Selection
from worker.replay.showing import as_json, as_text

TOPICS = st.sampled_from([b"interactions", b"a/b", b"", b"\x1b[2J", b"\xff", b"t" * 300]) | VALUES
PLACES = st.tuples(
    st.tuples(st.just(names.ORIGINAL_TOPIC), st.just(b"views") | TOPICS),
    st.tuples(st.just(names.ORIGINAL_PARTITION), st.just(b"3") | NUMBERS),
    st.tuples(st.just(names.ORIGINAL_OFFSET), st.just(b"42") | NUMBERS),
)
OTHERS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([names.FAILED_AT, names.ORIGINAL_TIMESTAMP]), TIMES | NUMBERS | VALUES),
        st.tuples(st.sampled_from([names.TRIES, names.REPLAYS]), NUMBERS | VALUES),
        st.tuples(st.sampled_from(sorted(OWN_NAMES)) | st.text(max_size=4), VALUES),
    ),
    max_size=8,
)
FORGED = st.builds(
    lambda place, others, value, key: record(
        7, under=assignment("dead", 1), value=value, key=key, headers=(*place, *others)
    ),
    PLACES,
    OTHERS,
    st.none() | st.binary(max_size=30) | st.just(b'{"eventType":"view","sentAt":1700000000,"sessionId":"s"}'),
    st.none() | st.binary(max_size=9),
)
SELECTIONS = (
    Selection(),
    Selection(since=0.0, until=1e12),
    Selection(topic="views", partition=3, offsets=(0, 2**63)),
    Selection(kinds=("missing",), exhausted=True, letters=((1, 7),)),
)


@settings(max_examples=sample(100, 2000))
@given(forged=FORGED)
def test_a_forged_letter_is_opened_listed_shown_and_exported_or_is_none(forged: Record) -> None:
    """2,000 of them; a time that is none is unknown."""
    letter = open_letter(forged)
    if letter is None:
        return
    listing = Listing("dead")
    listing.add(letter)
    assert letter.failed_at_seconds is None or 0 <= letter.failed_at_seconds < 253_402_300_800
    assert "1 dead letters" in listing.text(None)
    assert listing.text("hour")
    assert json.loads(listing.json(None))["letters"] == 1
    for payload in (False, True):
        shown = as_text(letter, payload=payload)
        assert all(line.isprintable() for line in shown.split("\n"))
    assert json.loads(as_json(letter))["original"]["partition"] == letter.origin.partition
    assert all(isinstance(each.takes(letter), bool) for each in SELECTIONS)


@settings(max_examples=sample(100, 2000))
@given(forged=FORGED)
def test_a_forged_letter_can_be_replayed_and_die_again(forged: Record) -> None:
    """2,000 of them; it keeps its place, and each replay counts one more."""
    letter = open_letter(forged)
    if letter is None:
        return
    again = replayed(letter, assignment("dead"), 1, 0.0)
    compile_mapping({"session_id": ["sessionId", "$key", "$headers.x"]})(again)
    made = letter_headers(again, Reason("missing", "x"), 1, failed_at_seconds=1.7e9, version="1")
    headers: Headers = tuple((name, value) for name, value in made if not isinstance(value, str))
    died = open_letter(record(8, under=assignment("dead", 1), headers=headers))
    assert died is not None
    assert died.origin == letter.origin
    assert died.replays == letter.replays + 1


@pytest.mark.parametrize(
    "at", [b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"1969-01-01", b"NaN"]
)
def test_a_time_beyond_the_calendar_is_unknown(at: bytes) -> None:
    topic = LetterTopicTwin()
    topic.dead_letter(source_record(1, "s"))
    (plain,) = topic.logs[0]
    forged = tuple((name, at if name == names.FAILED_AT else value) for name, value in plain.headers)
    letter = open_letter(record(headers=forged))
    assert letter is not None
    listing = Listing("dead")
    listing.add(letter)
    assert "  unknown " in listing.text(None)


def test_a_list_stays_small_whatever_the_length_of_reasons() -> None:
    topic = LetterTopicTwin()
    topic.dead_letter(source_record(1, "s"), Reason("x" * 100_000, "y" * 100_000))
    letter = open_letter(topic.logs[0][0])
    assert letter is not None
    listing = Listing("dead")
    listing.add(letter)
    assert len(listing.text(None)) < 2_000


@settings(max_examples=sample(12, 60))
@given(forged=st.lists(FORGED, max_size=12), seed=st.integers(0, 9))
def test_a_replay_among_forged_letters_delivers_the_real_ones(forged: list[Record], seed: int) -> None:
    """Up to 720 of them: it ends, and no offset but that behind the last is committed."""
    real = [source_record(1_000_000 + number, f"real-{number}") for number in range(3)]

    async def scenario() -> None:
        topic = LetterTopicTwin(partitions=2, seed=seed)
        for each in (*real, *forged):
            number = topic.chance.randrange(2)
            if each in real:
                topic.dead_letter(each, partition=number)
            else:
                at = len(topic.logs[number])
                topic.logs[number].append(
                    Record(assignment("dead", number), at, 5, each.key, each.value, each.headers)
                )
        ends = {number: len(log) for number, log in topic.logs.items()}
        stage = ReplayStage(topic)
        await stage.run()
        accepted = {each for of_session in stage.accepted().values() for each in of_session}
        assert set(event_ids(real)) <= accepted
        assert topic.commits == ends
        await asyncio.sleep(0)

    in_virtual_time(scenario())
