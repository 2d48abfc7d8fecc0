"""The records of the demo: a shop's visitors, some broken records, and one poison event. Seeded.

Sessions overlap and vary in length. Some visitors log in half-way, some are known from the start, some never.
Every event has its own id, so that what was accepted can be compared with what was sent, event by event.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from msgspec import Struct

from worker.local.audit import Produced

if TYPE_CHECKING:
    from collections.abc import Callable

POISON_ITEM = "demo-poison"
AWAKE_SESSIONS = 400
MAX_SESSION_EVENTS = 15
ITEMS, USERS = 2_000, 5_000
VISITORS = ("known",) * 3 + ("logs in",) * 2 + ("anonymous",)
EVENTS_PER_SECOND = 1_000
RECORDS_PER_UNFIT = 800
MIN_RECORDS = 100
# Each partition must end with good records: once they are accepted, everything before them has been read.
SPECIAL_SHARE = 0.9
POISON_SHARE = 0.6
EVENT_TYPES = ("view",) * 14 + ("click",) * 3 + ("add-to-cart", "watch", "purchase")

Fields: TypeAlias = dict[str, Any]


class TopicRecord(Struct, frozen=True):
    """A record to produce; its key keeps a session in one partition."""

    key: bytes
    value: bytes | None


class Traffic(Struct, frozen=True):
    """Records in order, and their expected outcome."""

    records: tuple[TopicRecord, ...]
    produced: tuple[Produced, ...]
    """The events that should be accepted, including the poison event."""
    unfit: frozenset[bytes]
    """The values of the records that should become dead letters by themselves; each occurs once."""
    poison_value: bytes
    poison_id: str

    @property
    def tombstones(self) -> int:
        """The number of records without a value, which are to be skipped."""
        return sum(record.value is None for record in self.records)

    @property
    def sessions(self) -> int:
        """The number of sessions."""
        return len({event.session_id for event in self.produced})


class _Session:
    """A visit: the visitor, its length, and its progress."""

    def __init__(self, random: Random) -> None:
        self.session_id = f"session-{random.getrandbits(48):012x}"
        self.length = random.randint(1, MAX_SESSION_EVENTS)
        self.sent = 0
        user_id = f"user-{random.randrange(USERS)}"
        visitor = random.choice(VISITORS)
        self.user_id = user_id if visitor == "known" else None
        self._login = (random.randint(1, self.length), user_id) if visitor == "logs in" else None

    def next_event(self, random: Random, at_seconds: int) -> Fields:
        """Return the next event of the visit, valid by every rule."""
        if self._login is not None and self.sent == self._login[0]:
            self.user_id = self._login[1]
        self.sent += 1
        event_type = random.choice(EVENT_TYPES)
        event: Fields = {
            "eventId": f"{random.getrandbits(128):032x}",
            "eventType": event_type,
            "itemId": f"item-{random.randrange(ITEMS)}",
            "sentAt": at_seconds,
            "sessionId": self.session_id,
            "userId": self.user_id,
        }
        return event | _extras(random, event_type)


def _extras(random: Random, event_type: str) -> Fields:
    """Return the additional fields that some events have."""
    match event_type, random.randrange(10):
        case "purchase", _:
            return {"eventValue": random.randrange(100, 20_000) / 100, "properties": {"quantity": 1}}
        case "watch", _:
            return {"eventValue": 0.5, "recommendationId": f"rec-{random.randrange(100)}"}
        case _, 0 | 1 | 2:
            return {"properties": '{"device":"phone","page":"grüße"}'}
        case _, 3:
            return {"impression": [f"item-{random.randrange(ITEMS)}" for _ in range(5)]}
        case _:
            return {}


def _without_session(event: Fields) -> bytes:
    return msgspec.json.encode({name: value for name, value in event.items() if name != "sessionId"})


def _changed(**changes: object) -> Callable[[Fields], bytes]:
    return lambda event: msgspec.json.encode(event | changes)


# Each makes a record that is not a valid interaction.
UNFIT: tuple[Callable[[Fields], bytes], ...] = (
    lambda event: b'{"half": "a record", ' + event["eventId"].encode(),
    _without_session,
    _changed(itemId="i" * 300),
    _changed(properties={"TimeStamp": "2024"}),
    _changed(sentAt="yesterday"),
    _changed(sessionId="null"),
    _changed(eventType=None),
)


def make_traffic(seed: int, records: int, now_seconds: int) -> Traffic:
    """Make this many records (100 at least), the first event at ``now_seconds`` of the epoch."""
    random = Random(seed)  # noqa: S311  made-up visitors, not secrets
    count = max(records, MIN_RECORDS)
    specials = _specials(random, count)
    poison_at = min(set(range(int(count * POISON_SHARE), count)) - specials.keys())
    awake = [_Session(random) for _ in range(min(AWAKE_SESSIONS, count // 10))]
    topic: list[TopicRecord] = []
    produced: list[Produced] = []
    unfit: set[bytes] = set()
    poison: Fields = {}
    for place in range(count):
        slot = random.randrange(len(awake))
        session = awake[slot]
        at_seconds = now_seconds + place // EVENTS_PER_SECOND
        key = session.session_id.encode()
        if place in specials:
            # A broken record is not an event of the visit; the session continues as if it did not exist.
            value = specials[place](_Session(random).next_event(random, at_seconds))
            unfit |= {value} if value is not None else set()
        else:
            event = session.next_event(random, at_seconds)
            if place == poison_at:
                event = poison = event | {"itemId": POISON_ITEM}
            value = msgspec.json.encode(event)
            produced.append(Produced(session.session_id, session.sent, event["eventId"]))
        topic.append(TopicRecord(key, value))
        if session.sent == session.length:
            awake[slot] = _Session(random)
    return Traffic(
        tuple(topic), tuple(produced), frozenset(unfit), msgspec.json.encode(poison), poison["eventId"]
    )


def _specials(random: Random, count: int) -> dict[int, Callable[[Fields], bytes | None]]:
    """Choose the positions of broken records and tombstones, and what makes them."""
    kinds: list[Callable[[Fields], bytes | None]] = [*UNFIT, lambda _: None]
    many = max(len(kinds), count // RECORDS_PER_UNFIT)
    places = random.sample(range(int(count * SPECIAL_SHARE)), many)
    return {place: kinds[number % len(kinds)] for number, place in enumerate(places)}
