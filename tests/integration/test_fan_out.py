"""Records that hold many events, on a real Kafka: each arrives, in order and under its own id."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.samples import only_ci
from worker.core.model import dead_letter_headers
from worker.local.audit import Produced, audit
from worker.local.traffic import TopicRecord

if TYPE_CHECKING:
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

POISON = "refused alone"
MOST_ELEMENTS = 50
MAPPING = {
    "each": "events",
    "event_type": "$each.kind",
    "sent_at": "$each.at",
    "session_id": "$each.session",
    "user_id": "$each.user",
    "item_id": "$each.item",
    "event_id": "id",
}
FAULTS = {
    "throttle": 0.01,
    "fail": 0.05,
    "reset": 0.02,
    "lose": 0.02,
    "answer_seconds": 0.02,
    "poison": POISON,
}


class Made:
    """Records of 1 to 50 events of two sessions each; some events are bad, some are refused by the API."""

    def __init__(self, seed: int, records: int) -> None:
        self._random = Random(seed)  # noqa: S311  made-up records, not secrets
        self.records: list[TopicRecord] = []
        self.produced: list[Produced] = []
        self.unfit: set[str] = set()
        """The ids of the events that become dead letters, which tell the element by their end."""
        for number in range(records):
            self._add(number)

    def _add(self, number: int) -> None:
        visitor = self._random.randrange(40)
        events = [
            self._event(number, index, visitor) for index in range(self._random.randint(1, MOST_ELEMENTS))
        ]
        # A record whose events are all bad is one dead letter, and another test's matter.
        events[0] |= {"at": 1_767_225_600, "item": "good"}
        self.unfit.discard(_id(number, 0))
        value = json.dumps({"id": str(number), "events": events}).encode()
        self.records.append(TopicRecord(b"visitor-%d" % visitor, value))

    def _event(self, number: int, index: int, visitor: int) -> dict[str, Any]:
        session, event_id = f"visitor-{visitor}-{self._random.choice('ab')}", _id(number, index)
        self.produced.append(Produced(session, len(self.produced), event_id))
        chance = self._random.random()
        if chance < 0.02:
            self.unfit.add(event_id)
        return {
            "kind": "view",
            "at": "yesterday" if chance < 0.01 else 1_767_225_600,
            "session": session,
            "user": f"user-{visitor}",
            "item": POISON if 0.01 <= chance < 0.02 else "good",
        }


def _id(number: int, index: int) -> str:
    return f"{number}-{index}" if index else str(number)


def letter_ids(site: Site) -> list[str]:
    """The id of the event that each dead letter stands for, by its value and the element it names."""
    found = []
    for each in site.kafka.read(site.names.dead_letters):
        headers = dict(each.headers() or ())
        index = int(headers.get(dead_letter_headers.ELEMENT) or 0)
        found.append(_id(json.loads(each.value() or b"")["id"], index))
    return found


@only_ci
def test_events_of_one_record_survive_kill_9(site: Site) -> None:
    """Killed three times while calls fail and events are refused: none is lost, overtaken or renamed."""
    site.open_topic()
    site.endpoint.set_faults(**FAULTS)
    made = Made(seed=7, records=400)
    site.put(made.records)
    for life in range(3):
        victim = site.start_worker(f"victim-{life}", record={"mapping": MAPPING})
        site.wait_until_accepted(2_000 * (life + 1))
        victim.kill()
    site.start_worker("last", record={"mapping": MAPPING})
    site.wait_until_committed()
    found = audit(made.produced, site.endpoint.accepted(), excused=made.unfit)
    assert (found.lost, found.out_of_order, found.unknown) == ((), (), ())
    # A letter may be written twice by two lives; none is missing, and none is of a good event.
    assert set(letter_ids(site)) == made.unfit
    assert not made.unfit & site.endpoint.accepted_ids()
