"""Counts for ``try --summary`` what becomes of many records, in memory that a million of them don't fill."""

from __future__ import annotations

import re
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker.commands.try_.pace import Arrival
from worker.commands.try_.sampled import outcomes_of
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.records import Interaction, Skipped, Undecodable

if TYPE_CHECKING:
    from worker.commands.try_.sampled import Sampled
    from worker.core.batching.age_limit import AgeLimit
    from worker.core.model.partition import Partition
    from worker.core.model.records import FanOut, Mapped, Record
    from worker.suggest.verification import MapRecord

# A clock that is off by less harms nothing.
_FUTURE_SECONDS: Final = 300
_LATE_SECONDS: Final = 86_400
_ID_BYTES: Final = 8


class _Event(Struct):
    """What is looked at of an event."""

    sentAt: int  # noqa: N815  the API's name
    eventId: str = ""  # noqa: N815  as above
    itemId: str | None = None  # noqa: N815  as above


# As the reasons of the mapping begin.
_OF_SESSION: Final = re.compile(r"(element \d+: )?session_id\b")
_decode: Final = msgspec.json.Decoder(_Event).decode


class Counts:
    """What became of the records.

    Args:
        now: the time, in epoch seconds.
        age_limit: how old a record may be.
        map_without_session: the same mapping, but with a constant session: tells whether a record has a user.
        by_event_time: take the events' own times for when they came, and not the records' timestamps.
    """

    def __init__(
        self, now: float, age_limit: AgeLimit, map_without_session: MapRecord, *, by_event_time: bool
    ) -> None:
        self._now = now
        self._age_limit = age_limit
        self._map_without_session = map_without_session
        self._by_event_time = by_event_time
        self.records = self.mapped = self.events = 0
        self.without_user = self.without_item = self.derived_ids = self.repeated_ids = 0
        self.users_without_session = self.in_future = self.late = self.too_old = 0
        self.sessions: set[str] = set()
        self.users: set[str] = set()
        self.skipped: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.first: dict[tuple[str, str], str] = {}
        """Where the first record stands that died for each reason."""
        self.arrivals: list[Arrival] = []
        self.first_at: dict[Partition, float] = {}
        self.last_at: dict[Partition, float] = {}
        """When the first and the last record of each partition came, in epoch seconds."""
        self._ids: set[bytes] = set()

    def add(self, sampled: Sampled, mapped: Mapped | FanOut) -> None:
        """Count one record."""
        record, outcomes = sampled.record, outcomes_of(mapped)
        self.records += 1
        self.mapped += any(isinstance(each, Interaction) for each in outcomes)
        self.too_old += self._age_limit.is_exceeded_by(record, self._now)
        if record.timestamp_ms is not None and not self._by_event_time:
            self._came(record, record.timestamp_ms / 1000)
        if any(map(_lacks_session, outcomes)):
            with_any = outcomes_of(self._map_without_session(record))
            self.users_without_session += any(map(_has_user, with_any))
        for outcome in outcomes:
            match outcome:
                case Interaction():
                    self._add_event(record, outcome)
                case Skipped():
                    self.skipped[outcome.rule] += 1
                case Undecodable():
                    self._add_dead_letter(sampled, outcome)

    def _add_event(self, record: Record, interaction: Interaction) -> None:
        event = _decode(interaction.event)
        self.events += 1
        self.sessions.add(interaction.session_id)
        if interaction.user_id is None:
            self.without_user += 1
        else:
            self.users.add(interaction.user_id)
        self.without_item += event.itemId is None
        self.derived_ids += event.eventId.startswith(derived_event_id(record))
        self._look_for_repeat(event.eventId)
        at = float(event.sentAt)
        self.in_future += at > self._now + _FUTURE_SECONDS
        if self._by_event_time:
            self._came(record, at)
        elif record.timestamp_ms is not None:
            came_at = record.timestamp_ms / 1000
            self.late += at < came_at - _LATE_SECONDS
            at = came_at
        self.arrivals.append(Arrival(at, interaction.session_id, interaction.user_id))

    def _look_for_repeat(self, event_id: str) -> None:
        short = blake2b(event_id.encode(errors="surrogatepass"), digest_size=_ID_BYTES).digest()
        self.repeated_ids += short in self._ids
        self._ids.add(short)

    def _add_dead_letter(self, sampled: Sampled, undecodable: Undecodable) -> None:
        reason = undecodable.reason.kind, undecodable.reason.text
        self.reasons[reason] += 1
        self.first.setdefault(reason, sampled.at)

    def _came(self, record: Record, at: float) -> None:
        partition = record.assignment.partition
        self.first_at[partition] = min(at, self.first_at.get(partition, at))
        self.last_at[partition] = max(at, self.last_at.get(partition, at))


def _lacks_session(outcome: Mapped) -> bool:
    return isinstance(outcome, Undecodable) and _OF_SESSION.match(outcome.reason.text) is not None


def _has_user(outcome: Mapped) -> bool:
    return isinstance(outcome, Interaction) and outcome.user_id is not None
