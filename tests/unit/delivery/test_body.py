from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.delivery.batches import EVENT, batch_of
from worker.delivery.body import EventsBody

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, TEXT, st.none() | TEXT, st.integers(1, 10))
def test_the_body_says_what_the_batch_says(
    tracking: str, session: str, user: str | None, events: int
) -> None:
    said = json.loads(EventsBody(tracking)(batch_of(*[EVENT] * events, session_id=session, user_id=user)))
    anonymous = {"trackingId": tracking, "sessionId": session, "eventList": [json.loads(EVENT)] * events}
    assert said == (anonymous if user is None else {**anonymous, "userId": user})


def test_events_stand_in_the_body_as_they_were_encoded_and_in_their_order() -> None:
    assert EventsBody("t")(batch_of(b'{"n":1.50}', b'{"n":2}')).endswith(b'"eventList":[{"n":1.50},{"n":2}]}')


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        EventsBody("t")(batch_of(EVENT, session_id="\ud800"))
