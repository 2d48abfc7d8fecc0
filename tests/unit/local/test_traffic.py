"""What the demo sends: as many as asked, seeded, and what should be accepted is valid by every rule."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.local.rules import violation
from worker.local.traffic import MIN_RECORDS, POISON_ITEM, TopicRecord, Traffic, make_traffic

NOW = 1_700_000_000


def events(traffic: Traffic) -> list[dict[str, object]]:
    """The events that should be accepted, as they stand in the records."""
    values = [
        each.value for each in traffic.records if each.value is not None and each.value not in traffic.unfit
    ]
    return [msgspec.json.decode(value) for value in values]


@settings(max_examples=10)
@given(st.integers(), st.integers(0, 2_000))
def test_every_record_is_an_event_or_unfit_or_a_tombstone(seed: int, records: int) -> None:
    traffic = make_traffic(seed, records, NOW)
    assert len(traffic.records) == max(records, MIN_RECORDS)
    assert len(traffic.produced) + len(traffic.unfit) + traffic.tombstones == len(traffic.records)
    assert [event["eventId"] for event in events(traffic)] == [each.event_id for each in traffic.produced]
    assert len({each.event_id for each in traffic.produced}) == len(traffic.produced)


def test_the_same_seed_makes_the_same_records() -> None:
    assert make_traffic(3, 500, NOW) == make_traffic(3, 500, NOW)
    assert make_traffic(3, 500, NOW) != make_traffic(4, 500, NOW)


def test_every_event_passes_the_rules_of_the_api_the_poison_too() -> None:
    traffic = make_traffic(1, 2_000, NOW)
    for event in events(traffic):
        fields = {name: value for name, value in event.items() if name not in {"sessionId", "userId"}}
        if isinstance(fields.get("properties"), dict):
            fields["properties"] = msgspec.json.encode(fields["properties"]).decode()
        call = {"trackingId": "t", "sessionId": event["sessionId"], "eventList": [fields]}
        assert violation(call) is None
    (poison,) = [event for event in events(traffic) if event["itemId"] == POISON_ITEM]
    assert poison["eventId"] == traffic.poison_id
    assert traffic.poison_value in {each.value for each in traffic.records}


def test_a_session_logs_in_at_most_once_and_stays_one_user() -> None:
    traffic = make_traffic(1, 5_000, NOW)
    users: dict[Any, list[Any]] = {}
    for event in events(traffic):
        users.setdefault(event["sessionId"], []).append(event["userId"])
    logins = 0
    for seen in users.values():
        known = [user for user in seen if user is not None]
        assert seen == [None] * (len(seen) - len(known)) + known
        assert len(set(known)) <= 1
        logins += 0 < len(known) < len(seen)
    assert logins > len(users) / 10


@pytest.mark.parametrize("records", [MIN_RECORDS, 20_000])
def test_a_session_is_in_one_partition_and_in_ascending_order(records: int) -> None:
    traffic = make_traffic(1, records, NOW)
    last: Counter[str] = Counter()
    for event in traffic.produced:
        assert event.sequence == last[event.session_id] + 1
        last[event.session_id] = event.sequence
    keyed = {(each.key, event["sessionId"]) for each, event in _keyed(traffic)}
    assert all(key.decode() == session_id for key, session_id in keyed)


def test_twenty_thousand_records_are_of_some_thousand_sessions() -> None:
    assert 2_000 <= make_traffic(1, 20_000, NOW).sessions <= 4_000


def _keyed(traffic: Traffic) -> list[tuple[TopicRecord, dict[str, object]]]:
    fit = [each for each in traffic.records if each.value is not None and each.value not in traffic.unfit]
    return [(each, msgspec.json.decode(each.value or b"")) for each in fit]
