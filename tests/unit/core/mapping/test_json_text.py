"""A path goes on into text that is JSON, as outbox tables, queues and archives write it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.core.mapping.mapping_records import MINIMAL, event_of, interaction_of, mapped, reason_of
from worker.core.model.records import Undecodable
from worker.formats.json import text as json_text

FIELDS = {"event_type": "eventType", "sent_at": "sentAt", "session_id": "sessionId", "item_id": "itemId"}
EVENT = MINIMAL | {"itemId": "i-1", "list": [{"id": "first"}]}


def under(path: str) -> dict[str, str]:
    return {field: f"{path}.{name}" for field, name in FIELDS.items()}


@pytest.mark.parametrize(
    "document",
    [
        {"payload": EVENT},
        {"payload": json.dumps(EVENT)},
        {"payload": f" \n{json.dumps(EVENT)} "},
        {"payload": json.dumps(json.dumps(EVENT))},
    ],
)
def test_a_path_goes_on_into_json_text(document: dict[str, Any]) -> None:
    assert event_of(document, under("payload"))["itemId"] == "i-1"
    assert event_of(document, under("payload") | {"item_id": "payload.list.0.id"})["itemId"] == "first"


def test_text_may_stand_in_text_on_the_way() -> None:
    """An outbox behind SNS behind SQS."""
    inner = json.dumps({"payload": json.dumps(EVENT)})
    document = {"Message": json.dumps({"detail": [inner]})}
    assert event_of(document, under("Message.detail.0.payload"))["itemId"] == "i-1"


def test_an_array_in_text_has_its_indexes() -> None:
    document = MINIMAL | {"items": '["a", {"id": "b"}]'}
    assert event_of(document, {"item_id": "items[0]"})["itemId"] == "a"
    assert event_of(document, {"item_id": "items.1.id"})["itemId"] == "b"


def test_where_the_path_ends_text_stays_text() -> None:
    document = MINIMAL | {"itemId": '{"id": "x"}'}
    assert event_of(document, {"user_id": "itemId.id"})["itemId"] == '{"id": "x"}'
    assert interaction_of(document, {"user_id": "itemId.id"}).user_id == "x"


@pytest.mark.parametrize(
    "text", ["[draft] a title", "{not json", '{"a": 1} x', '"', '"text"', "17", "", '["a"']
)
def test_text_that_only_looks_like_json_is_as_good_as_nothing_there(text: str) -> None:
    assert "itemId" not in event_of(MINIMAL | {"title": text}, {"item_id": "title.id"})
    assert "itemId" not in event_of(MINIMAL | {"title": text}, {"item_id": "title.0"})


def test_in_json_text_too_nobody_looks_where_no_path_leads() -> None:
    text = json.dumps(EVENT)[:-1] + ', "other": [NaN, "\\ud83d", 1e999]}'
    assert event_of({"payload": text}, under("payload"))["itemId"] == "i-1"


@pytest.mark.parametrize("bad", ["\\ud83d", "\\u0007"])
def test_an_id_out_of_json_text_is_held_to_the_same_rules(bad: str) -> None:
    text = json.dumps(EVENT).replace("i-1", bad)
    assert reason_of({"payload": text}, under("payload")).kind == "not_text"


def test_a_text_is_decoded_once_however_many_paths_go_on_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def decode(text: str) -> object:
        decoded.append(text)
        return json.loads(text)

    monkeypatch.setattr(json_text, "_decode", decode)
    assert event_of({"payload": json.dumps(EVENT)}, under("payload"))["itemId"] == "i-1"
    assert len(decoded) == 1


def test_records_do_not_read_one_another_s_text() -> None:
    for number in range(3):
        payload = json.dumps(EVENT | {"itemId": f"i-{number}"})
        assert event_of({"payload": payload}, under("payload"))["itemId"] == f"i-{number}"


def test_text_in_text_in_text_ends_somewhere() -> None:
    text = json.dumps(EVENT)
    for _ in range(5):
        text = json.dumps(text)
    outcome = mapped({"payload": text}, under("payload"))
    assert isinstance(outcome, Undecodable)
    assert outcome.reason.kind == "missing"


@pytest.mark.parametrize("inner", ["{x: 1}", "[1 2]", '{"c" 1}'])
def test_a_path_into_what_is_broken_within_json_text_is_a_reason(inner: str) -> None:
    """msgspec refuses the text as a whole, and by its brackets alone it could be JSON."""
    reason = reason_of(MINIMAL | {"payload": f'{{"a": {inner}, "b": NaN}}'}, {"item_id": "payload.a.c"})
    assert reason.kind == "not_json"


def test_an_impression_may_be_json_text_as_properties_may() -> None:
    assert event_of(MINIMAL | {"impression": '["a", 2]'})["impression"] == ["a", "2"]
