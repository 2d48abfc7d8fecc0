"""Ids that stand for nobody: absent where an id may be, refused where one must be."""

from __future__ import annotations

import json

import pytest

from tests.support.builders import record
from tests.unit.core.mapping.mapping_records import MINIMAL, event_of, interaction_of, reason_of
from worker.core.mapping import MappingError, compile_mapping
from worker.core.mapping.placeholders import TABLE
from worker.core.model.records import Interaction, Mapped, Undecodable

WORDS = sorted({word for words in TABLE.values() for word in words})
SPELLINGS = [
    "null", "NULL", "Null", "None", "none", "NONE", "nil", "NIL", "<nil>", "(null)", "(nil)", "<null>",
    "undefined", "Undefined", "UNDEFINED", "NaN", "nan", "NAN", "[object Object]", "[object object]", "\\N",
    "<NA>", "NaT",
    "00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000",
    "{00000000-0000-0000-0000-000000000000}",
]  # fmt: skip
BLANK = [" ", "   ", " " * 256, "\t", "\n", " \t\r\n", "\u00a0", "\u3000", "\u2003\u2003"]
REAL = ["0", "-1", "id", "guest", "true", "null-1", "Nilsson", "nano", "00000000-0000-0000-0000-000000000001"]


@pytest.mark.parametrize("word", [*WORDS, *SPELLINGS, *BLANK])
def test_an_id_that_stands_for_nobody_is_as_good_as_absent(word: str) -> None:
    without = interaction_of(MINIMAL)
    for name in ("userId", "itemId", "eventId", "recommendationId", "eventAttributionSource"):
        found = interaction_of(MINIMAL | {name: word})
        assert (found.user_id, found.event) == (None, without.event)


@pytest.mark.parametrize("word", [*WORDS, *SPELLINGS])
@pytest.mark.parametrize("name", ["sessionId", "eventType"])
def test_a_session_that_stands_for_nobody_is_refused_for_it_would_join_strangers(
    name: str, word: str
) -> None:
    assert reason_of(MINIMAL | {name: word}).kind == "reserved_value"


@pytest.mark.parametrize("blank", BLANK)
def test_a_blank_session_is_missing(blank: str) -> None:
    assert reason_of(MINIMAL | {"sessionId": blank}).kind == "missing"


@pytest.mark.parametrize("word", ["undefined", "", " ", None])
def test_an_item_of_an_impression_that_stands_for_nothing_is_refused(word: str | None) -> None:
    """A list with a hole says that something else is wrong with it too."""
    assert reason_of(MINIMAL | {"impression": ["i-1", word]}).kind == "empty"


@pytest.mark.parametrize("word", REAL)
def test_what_may_be_a_real_id_is_one(word: str) -> None:
    found = interaction_of(MINIMAL | {"userId": word, "sessionId": word, "itemId": word})
    assert {found.session_id, found.user_id, json.loads(found.event)["itemId"]} == {word}


def test_a_bare_nan_is_nobody_s_id_as_its_word_is() -> None:
    """So pandas and json.dumps write an id that is not there."""
    assert interaction_of(b'{"userId":NaN,' + json.dumps(MINIMAL).encode()[1:]).user_id is None


@pytest.mark.parametrize("nobody", ["undefined", " ", "", None])
def test_the_next_path_counts_where_the_first_leads_to_nobody(nobody: str | None) -> None:
    mapping = {"session_id": ["sessionId", "context.session", "$key"], "user_id": ["a.user", "anonymousId"]}
    document = MINIMAL | {"sessionId": nobody, "a": {"user": nobody}, "anonymousId": "a-1"}
    found = interaction_of(document, mapping, key=b"k-1")
    assert (found.session_id, found.user_id) == ("k-1", "a-1")


def test_where_all_paths_lead_to_nobody_the_reason_says_so() -> None:
    mapping = {"session_id": ["sessionId", "context.session", "$key"]}
    assert reason_of(MINIMAL | {"sessionId": "None"}, mapping).kind == "reserved_value"
    assert reason_of(MINIMAL | {"sessionId": None}, mapping, key=b"undefined").kind == "reserved_value"


@pytest.mark.parametrize("key", [b"undefined", b'"null"', b"null", b"(null)"])
def test_key_and_headers_may_stand_for_nobody_too(key: bytes) -> None:
    mapping = {"user_id": ["$key", "$headers.user"]}
    assert interaction_of(MINIMAL, mapping, key=key, headers=(("user", key),)).user_id is None


def test_an_operator_adds_the_words_of_their_own_trackers() -> None:
    for word in ("guest", "GUEST", "Guest", "0", 0, "undefined"):
        outcome = map_with(["guest", "0"], {"userId": word})
        assert isinstance(outcome, Interaction)
        assert outcome.user_id is None
    outcome = map_with(["guest"], {"sessionId": "guest"})
    assert isinstance(outcome, Undecodable)
    assert outcome.reason.kind == "reserved_value"


def test_an_operator_switches_the_table_off() -> None:
    outcome = map_with([], {"userId": "None", "sessionId": "undefined"}, builtin=False)
    assert isinstance(outcome, Interaction)
    assert (outcome.session_id, outcome.user_id) == ("undefined", "None")
    own = map_with(["guest"], {"userId": "guest"}, builtin=False)
    assert isinstance(own, Interaction)
    assert own.user_id is None


def test_a_session_of_null_is_refused_even_then_for_the_api_ignores_it() -> None:
    assert isinstance(map_with([], {"sessionId": "null"}, builtin=False), Undecodable)


def test_a_constant_that_stands_for_nothing_is_a_mistake() -> None:
    with pytest.raises(MappingError, match="stands for nothing"):
        compile_mapping({"item_id": {"value": "guest"}}, ["guest"])


def test_a_time_a_value_and_properties_hold_no_ids() -> None:
    """A word for nothing there is a mistake of the producer, and told as that."""
    for name in ("sentAt", "eventValue", "properties"):
        assert reason_of(MINIMAL | {name: "undefined"}).kind == "wrong_type"


def test_a_derived_id_stands_for_the_record_not_for_nobody() -> None:
    ids = {event_of(MINIMAL | {"eventId": word})["eventId"] for word in ("undefined", "None", " ")}
    assert ids == {event_of(MINIMAL)["eventId"]}


def map_with(words: list[str], members: dict[str, object], *, builtin: bool = True) -> Mapped:
    mapping = compile_mapping({}, words, builtin_placeholder_ids=builtin)
    return mapping(record(value=json.dumps(MINIMAL | members).encode()))
