"""The texts of ids are counted as long as they are held, once for all that share them."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import assignment, interaction
from tests.support.samples import sample
from worker.core.batching.session_queues import SessionQueues
from worker.core.model.records import Interaction, text_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.records import Batch, Record

EMOJI = "\U0001f600"
# What a text takes beside its characters.
AROUND = 80


@pytest.mark.parametrize(("text", "each"), [("x", 1), ("\u00e9", 1), ("\u0436", 2), (EMOJI, 4)])
def test_a_text_takes_one_to_four_bytes_a_character(text: str, each: int) -> None:
    assert 200 * each < text_bytes(text * 200) <= 200 * each + AROUND
    assert text_bytes(None) == 0


def test_what_a_text_takes_stays_the_same_when_it_was_asked_for_in_utf_8() -> None:
    """Else more would be given back than was counted."""
    text = EMOJI * 100
    before, own = text_bytes(text), text.__sizeof__()
    msgspec.json.encode(text)
    assert text.__sizeof__() > own
    assert text_bytes(text) == before


def test_a_session_and_its_user_are_counted_once() -> None:
    queues = SessionQueues(linger_seconds=1, max_events=10)
    for offset in range(5):
        queues.add(copied(interaction("session" * 9, user_id="user" * 9, offset=offset)), 0)
    assert queues.text_bytes == text_bytes("session" * 9) + text_bytes("user" * 9)


def copied(event: Interaction) -> Interaction:
    """As the mapping makes it: with texts of its own."""
    user_id = event.user_id and (event.user_id + " ")[:-1]
    return Interaction(event.record, (event.session_id + " ")[:-1], user_id, event.event)


def held(queues: SessionQueues, in_flight: dict[str, Batch]) -> int:
    """What the texts that are really held take, each object once, by their identity."""
    total = 0
    for session in queues._sessions.values():  # noqa: SLF001  the truth that the sum is held against
        of_call = in_flight[session.session_id].interactions if session.session_id in in_flight else ()
        texts = {
            id(text): text_bytes(text)
            for event in (*of_call, *session.events)
            for text in (event.session_id, event.user_id)
        }
        total += sum(({id(session.session_id): text_bytes(session.session_id)} | texts).values())
    return total


@settings(max_examples=sample(50, 400))
@given(data=st.data())
def test_what_is_counted_is_what_is_held_whatever_happens(data: st.DataObject) -> None:
    """In any order of additions, calls, answers, texts that came of age and assignments that ended."""
    queues = SessionQueues(linger_seconds=0, max_events=3)
    assignments = [assignment(partition=number) for number in range(2)]
    in_flight: dict[str, Batch] = {}
    offset = 0
    for step in data.draw(st.lists(st.sampled_from("aaaassrrpto"), max_size=40)):
        if step == "a":
            offset += 1
            user_id = data.draw(st.sampled_from([None, "ann", "\u0436" * 5]))
            session_id = data.draw(st.sampled_from(["one", EMOJI]))
            under = data.draw(st.sampled_from(assignments))
            event = interaction(session_id, user_id=user_id, offset=offset, under=under)
            if under.open:
                queues.add(copied(event), 1)
        elif step == "s" and (batch := queues.seal(inf)):
            in_flight[batch.session_id] = batch
        elif step in "rp" and in_flight:
            batch = in_flight.pop(data.draw(st.sampled_from(sorted(in_flight))))
            left = batch.interactions[data.draw(st.integers(0, 3)) :] if step == "p" else ()
            queues.release(
                batch.session_id, 1, put_back=[each for each in left if each.record.assignment.open]
            )
        elif step == "t":
            queues.take_out(inf, aged(data.draw(st.integers(2, 5))))
        elif step == "o" and data.draw(st.integers(0, 3)) == 0:
            assignments[0].open = False
            queues.drop_ended()
            assignments[0] = assignment(partition=0, epoch=offset + 2)
        assert queues.text_bytes == held(queues, in_flight)


def aged(each: int) -> Callable[[Record], bool]:
    def is_too_old(record: Record) -> bool:
        return record.offset % each == 0

    return is_too_old
