"""The records that are measured with: flat, 300 bytes each, seeded, keyed by session.

Loads differ in how many sessions are awake at once, for that decides how full a call can be.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEED = 20_260_101
RECORD_BYTES = 300
DENSE_AWAKE = 400
DENSE_EVENTS = 10
WIDE_SESSIONS = 20_000
# 2026-01-01T00:00:00Z: of no importance, but the same in every run.
FIRST_EVENT_AT_SECONDS = 1_767_225_600
EVENTS_PER_SECOND = 1_000
PADDING = b'"properties":"{\\"note\\":\\"'
PADDING_END = b'\\"}"}'


class LoadRecord(Struct, frozen=True, gc=False):
    """A record to produce; the key keeps a session in one partition."""

    key: bytes
    value: bytes


Load: TypeAlias = "Callable[[int], Iterator[LoadRecord]]"


def dense(count: int, seed: int = SEED) -> Iterator[LoadRecord]:
    """``count`` records; each session lives its 10 while 400 are awake, then another takes its place."""
    random = Random(seed)  # noqa: S311  made-up visitors, not secrets
    born = DENSE_AWAKE
    awake = [(number, 0) for number in range(DENSE_AWAKE)]
    for place in range(count):
        slot = random.randrange(DENSE_AWAKE)
        session, sent = awake[slot]
        yield _record(random, session, place)
        awake[slot] = (session, sent + 1)
        if sent + 1 == DENSE_EVENTS:
            awake[slot] = (born, 0)
            born += 1


def wide(count: int, seed: int = SEED) -> Iterator[LoadRecord]:
    """``count`` records of 20,000 sessions that are all awake, each record of one of them at random."""
    random = Random(seed)  # noqa: S311  as above
    for place in range(count):
        yield _record(random, random.randrange(WIDE_SESSIONS), place)


LOADS: dict[str, Load] = {"dense": dense, "wide": wide}


def _record(random: Random, session: int, place: int) -> LoadRecord:
    """One event of a session; the session's number makes its id and its user."""
    key = b"session-%08d" % session
    event = {
        "eventId": f"{random.getrandbits(128):032x}",
        "eventType": random.choice(("view", "view", "view", "click", "purchase")),
        "itemId": f"item-{random.randrange(20_000)}",
        "sentAt": FIRST_EVENT_AT_SECONDS + place // EVENTS_PER_SECOND,
        "sessionId": key.decode(),
        "userId": f"user-{session % 5_000}",
    }
    head = msgspec.json.encode(event)[:-1] + b"," + PADDING
    return LoadRecord(key, head + b"x" * (RECORD_BYTES - len(head) - len(PADDING_END)) + PADDING_END)
