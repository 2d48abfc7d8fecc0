"""From a sample to a mapping that compiles, maps the sample, and says what it could not find."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import record
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction
from worker.suggest import Suggestion, suggest
from worker.suggest.writing import write

FLAT = {
    "eventType": "view", "sentAt": 1_767_225_600, "sessionId": "s", "userId": "u", "itemId": "i",
}  # fmt: skip

SEGMENT = {
    "type": "track", "anonymousId": "a", "userId": "u", "timestamp": "2026-01-02T03:04:05Z",
}  # fmt: skip


def suggested(*documents: dict[str, Any], key: bytes | None = None) -> Suggestion:
    sample = [
        (record(offset, value=msgspec.json.encode(document), key=key), document)
        for offset, document in enumerate(documents)
    ]
    return suggest(sample, compile_mapping)  # type: ignore[arg-type]  # JSON needs no schema


def text_of(suggestion: Suggestion, documents: int) -> str:
    return write(suggestion, sample="clicks", documents=documents, fits=(), record_format={})


def test_the_flat_names_are_found_where_they_are() -> None:
    mapping = suggested(*({**FLAT, "itemId": f"i{number}"} for number in range(20))).plan.mapping()
    assert mapping == {
        "event_type": "eventType",
        "sent_at": {"path": "sentAt", "unit": "seconds"},
        "session_id": "sessionId",
        "user_id": "userId",
        "item_id": "itemId",
    }


def test_what_stands_in_for_an_absent_session_is_a_fall_back() -> None:
    documents = [
        {"type": "view", "ts": 1_767_225_600_000, "sessionId": f"s{number}" if number % 2 else None,
         "anonymousId": f"a{number}", "product_id": f"p{number}"}
        for number in range(20)
    ]  # fmt: skip
    mapping = suggested(*documents).plan.mapping()
    assert mapping["session_id"] == ["sessionId", "anonymousId"]
    assert mapping["sent_at"] == {"path": "ts", "unit": "milliseconds"}


def test_what_was_not_found_is_said_with_what_to_do_and_the_mapping_works_all_the_same() -> None:
    ratings = [{"userId": number, "movieId": number * 7 % 31, "rating": 4.5} for number in range(40)]
    suggestion = suggested(*ratings)
    assert suggestion.verdict.records == 40
    text = text_of(suggestion, 40)
    assert "NOT FOUND: every event gets this constant" in text
    assert "NOT FOUND: Kafka's timestamp stands in for it" in text
    assert "NOT FOUND: the user's id stands in for it" in text
    assert yaml.safe_load(text)["mapping"]["event_value"] == "rating"


def ordered(number: int, **more: object) -> dict[str, Any]:
    """An order of a shop that was not programmed in English."""
    return {
        "kopf": {"nr": f"B-{number}", "art": number % 3},
        "zeit": f"{number % 28 + 1:02}.11.2026 09:{number % 60:02}:00",
        "kunde": {"kundenNr": 4_000_000 + number % 9, "sitzung": f"s{number % 20}"},
        "positionen": [{"artikel": {"artikelNr": f"a{number % 7}"}}],
    } | more


def test_fields_are_found_by_names_that_are_not_english_and_a_time_by_how_it_is_written() -> None:
    suggestion = suggested(*map(ordered, range(60)))
    assert suggestion.verdict.records == 60
    mapping = suggestion.plan.mapping()
    assert mapping["sent_at"] == {"path": "zeit", "pattern": "%d.%m.%Y %H:%M:%S"}
    assert mapping["session_id"] == "kunde.sitzung"
    assert mapping["user_id"] == "kunde.kundenNr"
    assert mapping["each"] == "positionen"
    assert mapping["item_id"] == "$each.artikel.artikelNr"


def test_a_day_that_may_be_a_month_is_said() -> None:
    suggestion = suggested(*({**FLAT, "sentAt": f"0{n % 9 + 1}/03/2026 10:00"} for n in range(20)))
    text = text_of(suggestion, 20)
    assert suggestion.plan.mapping()["sent_at"] == {"path": "sentAt", "pattern": "%d/%m/%Y %H:%M"}
    assert "or it is %m/%d/%Y %H:%M: look at it; taken for UTC" in text


@pytest.mark.parametrize("value", ["2026-01-02T03:04:{:02}Z", "02.01.2026 03:04:{:02}"])
def test_the_only_time_of_a_record_is_its_time_whatever_it_is_called(value: str) -> None:
    documents = [{"xyz": value.format(n), "sessionId": "s", "eventType": "view", "n": n} for n in range(30)]
    suggestion = suggested(*documents)
    assert suggestion.verdict.records == 30
    source = suggestion.plan.mapping()["sent_at"]
    assert isinstance(source, dict)
    assert source["path"] == "xyz"
    assert "found by its values" in text_of(suggestion, 30)


def test_of_two_unknown_times_none_is_taken_and_both_are_named() -> None:
    documents = [
        {"xyz": f"2026-01-02T03:04:{n:02}Z", "uvw": f"2026-01-03T03:04:{n:02}Z", "sessionId": "s"}
        for n in range(30)
    ]
    suggestion = suggested(*documents)
    assert suggestion.plan.mapping()["sent_at"] == "$timestamp"
    assert "may be it, too: uvw (30; 30 distinct), xyz (30; 30 distinct)" in text_of(suggestion, 30)


def test_codes_of_event_types_are_named_and_not_taken() -> None:
    documents = [{**FLAT, "eventType": n % 3, "itemId": f"i{n}"} for n in range(30)]
    suggestion = suggested(*documents)
    assert suggestion.plan.mapping()["event_type"] == {"value": "interaction"}
    assert "words: {path: eventType, values: {1: view, 2: cart}}" in text_of(suggestion, 30)


def test_the_places_that_are_left_are_listed_if_one_has_yet_to_be_named_and_none_of_their_values() -> None:
    documents = [
        {"foo": {"bar": f"secret-{n}"}, "n": n, "b": True, "f": 0.5, "t": 1_767_225_600_000 + n}
        for n in range(20)
    ]
    text = text_of(suggested(*documents), 20)
    assert "  # - foo.bar: in 20 of 20 records, 20 distinct; text\n" in text
    assert "  # - n: in 20 of 20 records, 20 distinct; whole numbers\n" in text
    assert "  # - b: in 20 of 20 records, 1 distinct; true or false\n" in text
    assert "  # - f: in 20 of 20 records, 1 distinct; numbers\n" in text
    assert "secret" not in text
    whole = [{**FLAT, "itemId": f"i{n}", "left": n} for n in range(20)]
    assert "What else" not in text_of(suggested(*whole), 20)


def test_properties_that_the_api_refuses_are_turned_off() -> None:
    documents = [
        {**FLAT, "itemId": f"i{n}", "properties": {"userId": "u", "sessionId": n}} for n in range(20)
    ]
    suggestion = suggested(*documents)
    assert suggestion.verdict.records == 20
    assert suggestion.plan.mapping()["properties"] is None


def test_no_place_is_given_to_two_fields() -> None:
    documents = [
        {"event": "view", "time": 1_767_225_600, "visitorId": f"v{number // 2}", "sku": f"k{number}"}
        for number in range(20)
    ]
    mapping = suggested(*documents).plan.mapping()
    assert mapping["session_id"] == "visitorId"
    assert "user_id" not in mapping


def test_an_order_s_products_are_an_event_each_and_a_view_is_one() -> None:
    views = [
        {**SEGMENT, "event": "Product Viewed", "messageId": f"v{n}", "properties": {"product_id": f"p{n}"}}
        for n in range(30)
    ]
    products = [{"product_id": "p1", "qty": 1}, {"product_id": "p2", "qty": 2}]
    order = {**SEGMENT, "event": "Order Completed", "messageId": "o", "properties": {"products": products}}
    suggestion = suggested(*views, order)
    mapping = suggestion.plan.mapping()
    assert mapping["each"] == "properties.products"
    assert mapping["item_id"] == ["$each.product_id", "properties.product_id"]
    assert (suggestion.verdict.records, suggestion.verdict.events) == (31, 32)


def test_what_was_shown_is_no_event_for_each_item() -> None:
    documents = [
        {**FLAT, "itemId": f"i{n}", "impressions": [{"itemId": "a"}, {"itemId": "b"}]} for n in range(20)
    ]
    assert "each" not in suggested(*documents).plan.mapping()


def test_arrays_within_arrays_are_levels() -> None:
    batches = [
        {"mpid": n, "events": [{"event_type": "commerce_event", "data": {
            "timestamp_unixtime_ms": 1_767_225_600_000, "session_uuid": f"s{n}",
            "product_action": {"products": [{"id": f"p{n}"}, {"id": "q"}]}}}]}
        for n in range(20)
    ]  # fmt: skip
    suggestion = suggested(*batches)
    mapping = suggestion.plan.mapping()
    assert mapping["each"] == {"event": "events", "product": "$event.data.product_action.products"}
    assert mapping["item_id"] == "$product.id"
    assert mapping["session_id"] == "$event.data.session_uuid"
    assert (suggestion.verdict.records, suggestion.verdict.events) == (20, 40)


def test_keys_and_values_are_looked_up_and_a_session_that_is_a_time_is_joined_with_whose_it_is() -> None:
    rows = [
        {"event_name": "view_item", "event_timestamp": 1_767_225_600_000_000, "user_pseudo_id": f"{n}.1",
         "event_params": [{"key": "ga_session_id", "value": {"int_value": 1_767_225_600 + n // 4}},
                          {"key": "page_title", "value": {"string_value": "x"}}],
         "items": [{"item_id": f"i{n}"}]}
        for n in range(20)
    ]  # fmt: skip
    suggestion = suggested(*rows)
    mapping = suggestion.plan.mapping()
    look_up = "event_params[key=ga_session_id].value.int_value"
    assert mapping["session_id"] == {"join": ["user_pseudo_id", look_up], "separator": "-"}
    assert mapping["sent_at"] == {"path": "event_timestamp", "unit": "microseconds"}
    assert suggestion.verdict.records == 20


def test_minus_one_counts_as_no_session() -> None:
    documents = [
        {**FLAT, "sessionId": -1 if n % 3 else n, "device_id": f"d{n}", "itemId": f"i{n}"} for n in range(30)
    ]
    mapping = suggested(*documents).plan.mapping()
    assert mapping["session_id"] == {"path": ["sessionId", "device_id"], "absent": ["-1"]}


def test_headers_are_looked_at_too() -> None:
    document = {"sessionId": "s", "userId": "u", "itemId": "i"}
    value = msgspec.json.encode(document)
    headers = (("ce_type", b"view"), ("ce_time", b"2026-01-02T03:04:05Z"))
    sample = [(record(n, value=value, headers=(*headers, ("ce_id", b"%d" % n))), document) for n in range(20)]
    mapping = suggest(sample, compile_mapping).plan.mapping()  # type: ignore[arg-type]  # as above
    assert mapping["event_type"] == "$headers.ce_type"
    assert mapping["sent_at"] == {"path": "$headers.ce_time", "unit": "iso8601"}
    assert mapping["event_id"] == "$headers.ce_id"


def test_the_text_is_yaml_of_the_mapping() -> None:
    documents = [{"a b": {"$session.id": f"s{n}"}, "event": "buy", "timestamp": "2026-01-02T03:04:05Z",
                  "user": {"id": "null", "name": "x"}, "sku": f"k{n}"} for n in range(20)]  # fmt: skip
    suggestion = suggested(*documents)
    text = text_of(suggestion, 20)
    assert yaml.safe_load(text) == {"mapping": suggestion.plan.mapping()}
    assert text.startswith("# Suggested by `personalize-worker try --suggest` from 20 records of clicks.\n")
    assert "20 of 20 records map" in text
    assert all(len(line) <= 110 for line in text.splitlines())


def test_a_comment_cannot_be_left_by_what_a_record_holds() -> None:
    documents = [{**FLAT, "itemId": "i", "x\u2028item_id": "y", "a\tb item_id": "z"}] * 3
    assert yaml.safe_load(text_of(suggested(*documents), 3))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "userId", "event", "ts", "items", "sku", "a b", "$x", "k"]), inner
        )
    ),
    max_leaves=12,
)
documents = st.dictionaries(
    st.sampled_from(
        ["sessionId", "userId", "event", "time", "products", "properties", "id", "payload", "$key"]
    ),
    json_values,
    max_size=6,
)


@given(st.lists(documents, min_size=1, max_size=5))
def test_whatever_the_records_the_text_is_a_mapping_that_compiles(sample: list[dict[str, Any]]) -> None:
    suggestion = suggested(*sample)
    mapping = yaml.safe_load(text_of(suggestion, len(sample)))["mapping"]
    map_record = compile_mapping(mapping)
    mapped = [map_record(record(value=msgspec.json.encode(each))) for each in sample]
    assert suggestion.verdict.records >= sum(isinstance(each, Interaction) for each in mapped)
