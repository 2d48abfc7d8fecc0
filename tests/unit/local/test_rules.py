"""Every rule of PutEvents, each broken by one case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples import sample
from tests.unit.local.calls import call, event
from worker.local.rules import violation

TOO_LONG = "Member must have length less than or equal to"
TOO_SHORT = "Member must have length greater than or equal to"
ABSENT = "Member must not be null"
NOT_A_FLOAT = "Member must be a number that a float of 32 bits holds"


def test_a_call_that_uses_every_member_breaks_no_rule() -> None:
    full = event(
        eventValue=1.5,
        properties='{"price": 3}',
        impression=["i-1", "i-2"],
        recommendationId="r-1",
        metricAttribution={"eventAttributionSource": "a third party"},
    )
    assert violation(call(full)) is None


def test_the_longest_and_most_that_is_allowed_breaks_no_rule() -> None:
    longest = event(
        eventId="e" * 256,
        eventType="t" * 256,
        itemId="i" * 256,
        properties='{"a":"' + "x" * 1016 + '"}',
        impression=["i" * 256] * 25,
        recommendationId="r" * 40,
    )
    ten = [longest] * 10
    assert violation(call(*ten, trackingId="t" * 256, sessionId="s" * 256, userId="u" * 256)) is None


def test_an_anonymous_event_without_id_and_item_breaks_no_rule() -> None:
    assert violation(call(event(eventId=None, itemId=None), userId=None)) is None


@pytest.mark.parametrize(
    ("broken", "path", "constraint"),
    [
        (call(trackingId=None), "trackingId", ABSENT),
        (call(trackingId=""), "trackingId", f"{TOO_SHORT} 1"),
        (call(trackingId="t" * 257), "trackingId", f"{TOO_LONG} 256"),
        (call(sessionId=None), "sessionId", ABSENT),
        (call(sessionId=""), "sessionId", f"{TOO_SHORT} 1"),
        (call(sessionId="s" * 257), "sessionId", f"{TOO_LONG} 256"),
        (call(sessionId=7), "sessionId", "Member must be a string"),
        (call(userId=""), "userId", f"{TOO_SHORT} 1"),
        (call(userId="u" * 257), "userId", f"{TOO_LONG} 256"),
        (call(eventList=None), "eventList", ABSENT),
        (call(eventList=[]), "eventList", f"{TOO_SHORT} 1"),
        (call(*[event()] * 11), "eventList", f"{TOO_LONG} 10"),
        (call(eventList=event()), "eventList", "Member must be a list"),
        (call(eventList=[None]), "eventList.1.member", ABSENT),
        (call(eventList=["view"]), "eventList.1.member", "Member must be an object"),
        (call(shop="s"), "", "Member is not known to the service model"),
        ([], "", "Member must be an object"),
    ],
)
def test_a_call_that_breaks_a_rule_is_told_which(broken: object, path: str, constraint: str) -> None:
    assert _told(broken) == (path, constraint)


@pytest.mark.parametrize(
    ("changes", "member", "constraint"),
    [
        ({"eventType": None}, ".eventType", ABSENT),
        ({"eventType": ""}, ".eventType", f"{TOO_SHORT} 1"),
        ({"eventType": "t" * 257}, ".eventType", f"{TOO_LONG} 256"),
        ({"sentAt": None}, ".sentAt", ABSENT),
        ({"sentAt": "2024-01-01T00:00:00Z"}, ".sentAt", "Member must be epoch seconds"),
        ({"sentAt": True}, ".sentAt", "Member must be epoch seconds"),
        (
            {"sentAt": 1_700_000_000_000},
            ".sentAt",
            "Member must be epoch seconds, between the years 1970 and 9999",
        ),
        ({"eventId": ""}, ".eventId", f"{TOO_SHORT} 1"),
        ({"eventId": "e" * 257}, ".eventId", f"{TOO_LONG} 256"),
        ({"eventValue": "1.5"}, ".eventValue", NOT_A_FLOAT),
        ({"eventValue": True}, ".eventValue", NOT_A_FLOAT),
        ({"eventValue": -1e39}, ".eventValue", NOT_A_FLOAT),
        ({"itemId": ""}, ".itemId", f"{TOO_SHORT} 1"),
        ({"itemId": "i" * 257}, ".itemId", f"{TOO_LONG} 256"),
        ({"itemId": 7}, ".itemId", "Member must be a string"),
        ({"impression": []}, ".impression", f"{TOO_SHORT} 1"),
        ({"impression": ["i"] * 26}, ".impression", f"{TOO_LONG} 25"),
        ({"impression": ["i", ""]}, ".impression.2.member", f"{TOO_SHORT} 1"),
        ({"impression": ["i" * 257]}, ".impression.1.member", f"{TOO_LONG} 256"),
        ({"impression": [None]}, ".impression.1.member", ABSENT),
        ({"recommendationId": ""}, ".recommendationId", f"{TOO_SHORT} 1"),
        ({"recommendationId": "r" * 41}, ".recommendationId", f"{TOO_LONG} 40"),
        ({"metricAttribution": {}}, ".metricAttribution.eventAttributionSource", ABSENT),
        (
            {"metricAttribution": {"eventAttributionSource": "s" * 1025}},
            ".metricAttribution.eventAttributionSource",
            f"{TOO_LONG} 1024",
        ),
        (
            {"metricAttribution": {"eventAttributionSource": "é"}},
            ".metricAttribution.eventAttributionSource",
            r"Member must satisfy regular expression pattern: ^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$",
        ),
        ({"properties": {"price": 3}}, ".properties", "Member must be a string"),
        ({"properties": ""}, ".properties", f"{TOO_SHORT} 1"),
        ({"properties": '{"a":"' + "x" * 1017 + '"}'}, ".properties", f"{TOO_LONG} 1024"),
        ({"properties": "price=3"}, ".properties", "Member must be JSON"),
        ({"properties": "[" * 1024}, ".properties", "Member must be JSON"),
        ({"properties": r'"{\"price\": 3}"'}, ".properties", "Member must be the JSON of an object"),
        ({"properties": '{"TimeStamp": 3}'}, ".properties", "Member must not hold a reserved keyword"),
        ({"impression": ["é" * 256] * 25}, "", "Event must be at most 10240 bytes"),
        ({"shop": "s"}, "", "Member is not known to the service model"),
    ],
)
def test_an_event_that_breaks_a_rule_is_told_which(
    changes: dict[str, Any], member: str, constraint: str
) -> None:
    broken = call(event(), event(**changes) | {k: v for k, v in changes.items() if v is not None})
    assert _told(broken) == (f"eventList.2.member{member}", constraint)


@pytest.mark.parametrize(
    "key", ["userId", "SESSIONID", "eventtype", "timeStamp", "recommendationId", "Impression"]
)
def test_a_reserved_key_is_refused_whatever_its_case(key: str) -> None:
    told = violation(call(event(properties=f'{{"{key}": 1}}')))
    assert told is not None
    assert key not in told


@settings(max_examples=sample(10, 30))
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(list(call())), inner),
    )
)
def test_whatever_came_is_judged_and_never_raises(body: object) -> None:
    assert violation(body) is not None


def _told(broken: object) -> tuple[str, str]:
    """Path and constraint of the violation."""
    told = violation(broken)
    assert told is not None
    head, _, constraint = told.partition("' failed to satisfy constraint: ")
    return head.removeprefix("1 validation error detected: Value at '"), constraint
