"""Of a record that holds several events, a dead letter is of one, and a replay sends that one alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.builders import assignment, record
from tests.support.elements import element
from tests.support.virtual_time import in_virtual_time
from tests.unit.replay.letters import LetterTopicTwin, ReplayStage
from worker.core.mapping import compile_mapping
from worker.core.model import dead_letter_headers as names
from worker.core.model.outcomes import Accepted, Refused
from worker.core.model.reason_texts import rule_of
from worker.core.model.records import FanOut, Interaction, Reason, Record, Undecodable
from worker.dead_letters.letter import element_of, letter_headers
from worker.dead_letters.reading import open_letter, replayed
from worker.replay.listing import Listing
from worker.replay.selection import Selection
from worker.replay.showing import as_json, as_text

if TYPE_CHECKING:
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Headers
    from worker.dead_letters.reading import Letter

MAPPING = {"each": "items", "item_id": "$each.id"}
MAP = compile_mapping(MAPPING)


def order(*items: object, offset: int = 7) -> Record:
    value = {
        "eventType": "buy",
        "sentAt": 1_700_000_000,
        "sessionId": "s",
        "items": [{"id": each} for each in items],
    }
    return record(offset, value=json.dumps(value).encode(), headers=(("trace", b"t"),))


def events_of(topic_record: Record) -> list[Interaction]:
    mapped = MAP(topic_record)
    assert isinstance(mapped, FanOut)
    return [each for each in mapped.outcomes if isinstance(each, Interaction)]


def letter_of(dead: Record, reason: Reason, replays: int = 0) -> Letter:
    made = letter_headers(dead, reason, 1, failed_at_seconds=1_700_000_000, version="1")
    headers: Headers = tuple((name, value) for name, value in made if not isinstance(value, str))
    if replays:
        headers = (*headers, (names.REPLAYS, b"%d" % replays))
    found = open_letter(Record(assignment("dead"), 0, 5, dead.key, dead.value, headers))
    assert found is not None
    return found


def test_a_letter_of_an_element_is_the_whole_record_and_names_the_element() -> None:
    whole = order("a", "b", "c")
    letter = letter_of(element(whole, 2, 3), Reason("refused", "InvalidInputException: odd"))
    assert (letter.record.key, letter.record.value, letter.own_headers) == (
        whole.key,
        whole.value,
        whole.headers,
    )
    assert letter.element == 2
    assert letter.reason.text == "element 2: InvalidInputException: odd"
    assert rule_of(letter.reason) == "InvalidInputException"


def test_the_mappings_reason_names_the_element_once() -> None:
    (_, bad) = MAP(order("a", {})).outcomes  # type: ignore[union-attr]  # a fan-out
    assert isinstance(bad, Undecodable)
    assert letter_of(bad.record, bad.reason).reason == bad.reason
    assert bad.reason.text.startswith("element 1: ")


def test_a_replayed_element_is_sent_alone_and_with_the_id_it_had() -> None:
    whole = order("a", "b", "c")
    events = events_of(whole)
    for index, event in enumerate(events):
        letter = letter_of(event.record, Reason("refused", ""))
        again = MAP(replayed(letter, assignment("dead"), 3, 0.0))
        assert isinstance(again, Interaction)
        assert again.event == event.event
        assert element_of(again.record) == index


def test_an_element_that_fails_again_stays_that_element() -> None:
    letter = letter_of(element(order("a", "b"), 1, 2), Reason("refused", "x: y"))
    for _ in range(3):
        letter = letter_of(replayed(letter, assignment("dead"), 3, 0.0), Reason("refused", "x: z"))
    assert (letter.element, letter.origin.offset, letter.replays, letter.tries) == (1, 7, 3, 4)
    assert [name for name, _ in letter.record.headers].count(names.ELEMENT) == 1


def test_a_header_of_that_name_on_a_record_of_the_topic_means_nothing() -> None:
    forged = record(5, headers=((names.ELEMENT, b"3"),))
    assert element_of(forged) is None
    assert letter_of(forged, Reason("missing", "x")).element is None


def test_the_commands_name_the_element() -> None:
    letter = letter_of(element(order("a", "b"), 1, 2), Reason("missing", "element 1: item_id: nothing"))
    assert "original    interactions[0]@7, element 1, 20" in as_text(letter, payload=False)
    assert json.loads(as_json(letter))["original"]["element"] == 1


def test_the_same_rule_is_counted_once_for_all_elements() -> None:
    listing = Listing("dead")
    for index in range(3):
        listing.add(
            letter_of(
                element(order(*"abc"), index, 3), Reason("missing", f"element {index}: item_id: nothing")
            )
        )
    found: dict[str, Any] = json.loads(listing.json("day"))
    assert found["reasons"] == [{"class": "missing", "reason": "item_id: nothing", "letters": 3}]


def refusing(*items: str) -> Any:
    def answer(batch: Batch) -> Answer:
        found = {json.loads(each.event)["itemId"] for each in batch.interactions}
        return Refused("InvalidInputException") if found & set(items) else Accepted()

    return answer


def items_of(stage: ReplayStage) -> list[str]:
    return [
        json.loads(each.event)["itemId"]
        for _, batch, answer in stage.api.calls
        if isinstance(answer, Accepted)
        for each in batch.interactions
    ]


def test_letters_of_one_record_and_different_elements_are_different_letters() -> None:
    async def scenario() -> None:
        topic, whole = LetterTopicTwin(partitions=3), order(*"abcd")
        for index in (3, 1, 2):
            topic.dead_letter(element(whole, index, 4), Reason("refused", ""))
        stage = ReplayStage(topic, mapping=MAPPING, answer=refusing("c"))
        await stage.run()
        assert items_of(stage) == ["b", "d"]
        assert not stage.store.wave_reader.left_out
        # What failed again is the one that supersedes its former letter, and no other.
        again = ReplayStage(topic, mapping=MAPPING)
        await again.run(from_start=True)
        assert items_of(again) == ["b", "c", "d"]
        assert sum(again.store.wave_reader.left_out.values()) == 1

    in_virtual_time(scenario())


def test_a_letter_of_a_whole_record_is_replayed_as_all_its_elements() -> None:
    async def scenario() -> None:
        topic, whole = LetterTopicTwin(), order(*"abcd")
        topic.dead_letter(whole)
        stage = ReplayStage(topic, mapping=MAPPING, answer=refusing("c"))
        await stage.run()
        assert items_of(stage) == ["a", "b", "d"]
        (letter,) = [found for each in topic.logs[0][1:] if (found := open_letter(each)) is not None]
        assert (letter.element, letter.origin.offset, letter.replays) == (2, 7, 1)

    in_virtual_time(scenario())


def test_a_selection_by_the_original_offset_takes_all_elements_of_the_record() -> None:
    chosen = Selection(offsets=(7, 7))
    assert all(
        chosen.takes(letter_of(element(order(*"ab"), index, 2), Reason("x", ""))) for index in range(2)
    )
