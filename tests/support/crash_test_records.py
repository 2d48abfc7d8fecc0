"""What goes through the crash test: sessions of ten records that live long enough to see several crashes.

Some visitors are known, some log in half-way, some never do. Half of the records bring an event id of their
own, the other half leave it to the worker. A few are broken, a few poison, a few tombstones. Seeded.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from worker.local.traffic import POISON_ITEM, UNFIT

if TYPE_CHECKING:
    from worker.local.traffic import Fields

SESSION_RECORDS: Final = 10
# So many sessions are awake at a time, but no more than a quarter of all.
AWAKE_SESSIONS, AWAKE_SHARE = 1_000, 0.25
# At least three of each kind, and one in so many records.
RECORDS_PER_UNFIT, RECORDS_PER_POISON, RECORDS_PER_TOMBSTONE = 1_000, 5_000, 5_000
SENT_AT_SECONDS: Final = 1_767_225_600

Fate: TypeAlias = Literal["accepted", "refused", "unfit", "skipped"]


class CrashTestRecord(Struct, frozen=True, gc=False):
    """A record to produce, and what should become of it."""

    session_id: str
    """Its key too, which keeps a session in one partition."""
    sequence: int
    value: bytes | None
    event_id: str | None
    """The id that it brings; None: the worker makes one."""
    fate: Fate

    @property
    def is_to_die(self) -> bool:
        """Whether it should be a dead letter."""
        return self.fate in {"refused", "unfit"}

    @property
    def is_an_event(self) -> bool:
        """Whether the worker should try to deliver it."""
        return self.fate in {"accepted", "refused"}


def make_records(seed: int, count: int) -> list[CrashTestRecord]:
    """``count`` records (rounded down to tens) of ``count / 10`` sessions, in the order of production."""
    random = Random(seed)  # noqa: S311  made-up visitors, not secrets
    sessions = count // SESSION_RECORDS
    logins = [random.choice((0, random.randrange(SESSION_RECORDS), SESSION_RECORDS)) for _ in range(sessions)]
    order = _order(random, sessions)
    fates = _fates(random, len(order))
    sent = [0] * sessions
    records = []
    for place, session in enumerate(order):
        user_id = f"user-{session}" if sent[session] >= logins[session] else None
        records.append(_record(random, session, sent[session], user_id, fates.get(place, "accepted")))
        sent[session] += 1
    return records


def _order(random: Random, sessions: int) -> list[int]:
    """Each session ten times, at random within its life; lives begin one after the other and overlap."""
    life = min(AWAKE_SESSIONS, sessions * AWAKE_SHARE)
    places = [
        (each + random.random() * life, each) for each in range(sessions) for _ in range(SESSION_RECORDS)
    ]
    return [session for _, session in sorted(places)]


def _fates(random: Random, count: int) -> dict[int, Fate]:
    """Where the few stand that are not to be accepted."""
    shares: dict[Fate, int] = {
        "unfit": RECORDS_PER_UNFIT,
        "refused": RECORDS_PER_POISON,
        "skipped": RECORDS_PER_TOMBSTONE,
    }
    fates: list[Fate] = [fate for fate, one_in in shares.items() for _ in range(max(3, count // one_in))]
    return dict(zip(random.sample(range(count), len(fates)), fates, strict=True))


def _record(random: Random, session: int, sequence: int, user_id: str | None, fate: Fate) -> CrashTestRecord:
    session_id = f"session-{session:06d}"
    event_id = f"{random.getrandbits(128):032x}"
    event: Fields = {
        "eventId": event_id,
        "eventType": random.choice(("view", "click", "purchase")),
        "itemId": POISON_ITEM if fate == "refused" else f"item-{random.randrange(20_000)}",
        "sentAt": SENT_AT_SECONDS + sequence,
        "sessionId": session_id,
        "userId": user_id,
        "properties": {"note": "x" * random.randrange(120)},
    }
    if fate == "skipped":
        return CrashTestRecord(session_id, sequence, None, event_id, fate)
    if fate == "unfit":
        return CrashTestRecord(session_id, sequence, random.choice(UNFIT)(event), event_id, fate)
    if random.random() < 0.5:
        del event["eventId"]
        return CrashTestRecord(session_id, sequence, msgspec.json.encode(event), None, fate)
    return CrashTestRecord(session_id, sequence, msgspec.json.encode(event), event_id, fate)
