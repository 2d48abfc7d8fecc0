"""What there is to judge by when a run is over: what was produced, books, dead letters, offsets.

What Kafka itself lost is told apart. A record that an unclean election cut away may have been delivered, or
not; its place belongs to another since. One that was deleted before anything came of it is excused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from msgspec import structs

from tests.support import builders
from tests.support.crash_test_figures import Figures, Letter
from tests.support.losses import Losses, stored
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.dead_letter_headers import ERROR_CLASS, ORIGINAL_OFFSET, ORIGINAL_PARTITION, REASON
from worker.local.audit import Produced, audit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.support.crash_test_records import CrashTestRecord
    from tests.support.feed import Feed
    from tests.support.log_files import StoredRecord
    from tests.support.processes import DoorsProcess
    from tests.support.site import Site
    from worker.local.call_log import AcceptedCall, Summary

READ_SECONDS: Final = 120.0
Place: TypeAlias = tuple[int, int]
"""Partition and offset."""


@dataclass(frozen=True)
class CutRecord:
    """One that stood in the log until an unclean election cut it away."""

    place: Place
    since_seconds: float
    """As the cut has it: from then on the log may have been without it."""
    record: CrashTestRecord
    event_id: str
    letter_at_seconds: float
    """When its dead letter was written; infinity where none was."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Collected once, at the end."""

    records: dict[Place, CrashTestRecord]
    """That stand, or were deleted in order: each place once."""
    produced: dict[Place, Produced]
    """As ``records``, each with the one id that its event may have."""
    accepted: tuple[AcceptedCall, ...]
    letters: tuple[Letter, ...]
    """Of ``records`` only."""
    summary: Summary
    lost_answers: int
    overlaps: int
    max_concurrent_at_a_door: int
    twice_at_a_door: int
    """How often a session had one call in flight when another came to the same door."""
    uncommitted: dict[int, int]
    """By partition, how far the group's offset is from the end."""
    cut: tuple[CutRecord, ...] = ()
    deleted_at: dict[Place, float] = field(default_factory=dict)
    """Epoch seconds: from then on nobody could read it."""

    def figures(self, *, kills: int, seconds: float, by_proxy: bool = False) -> Figures:
        """The judgement; ``by_proxy``: calls came by way of proxies."""
        unread = self.deleted_unread()
        records = {place: each for place, each in self.records.items() if place not in unread}
        poison = {self.produced[place].event_id for place, each in records.items() if each.fate == "refused"}
        due = [self.produced[place] for place, each in records.items() if each.is_an_event]
        gone = {each.event_id for each in self.cut} | {self.produced[each].event_id for each in unread}
        calls = self._accepted_but(gone - {each.event_id for each in due})
        return Figures(
            records=records,
            audit=audit(due, calls, excused=poison),
            accepted=frozenset(event_id for call in calls for event_id in call.event_ids),
            poison=frozenset(poison),
            letters=tuple(each for each in self.letters if each.place not in unread),
            summary=self.summary,
            lost_answers=self.lost_answers,
            max_concurrent_at_a_door=None if by_proxy else self.max_concurrent_at_a_door,
            overlaps=self.overlaps,
            uncommitted=self.uncommitted,
            kills=kills,
            seconds=seconds,
        )

    def accepted_at(self) -> dict[str | None, float]:
        """When each event was accepted first, by its id."""
        first: dict[str | None, float] = {}
        for call in self.accepted:
            for event_id in call.event_ids:
                first.setdefault(event_id, call.at_seconds)
        return first

    def settled_at(self) -> dict[Place, float]:
        """When each record was first accepted or dead-lettered; infinity: it never was."""
        accepted_at, dead_lettered_at = self.accepted_at(), dict[Place, float]()
        for letter in self.letters:
            dead_lettered_at[letter.place] = min(letter.at_seconds, dead_lettered_at.get(letter.place, inf))
        return {
            place: min(accepted_at.get(each.event_id, inf), dead_lettered_at.get(place, inf))
            for place, each in self.produced.items()
        }

    def deleted_unread(self) -> set[Place]:
        """What was deleted before anything came of it: whether, and when, it is delivered does not matter."""
        settled_at = self.settled_at()
        return {place for place, at in self.deleted_at.items() if settled_at[place] > at}

    def _accepted_but(self, event_ids: set[str]) -> list[AcceptedCall]:
        """The calls, without these events."""
        return [
            structs.replace(call, event_ids=tuple(each for each in call.event_ids if each not in event_ids))
            for call in self.accepted
        ]


def gather(site: Site, doors: DoorsProcess, feed: Feed, losses: Losses | None = None) -> Evidence:
    """Ask everybody."""
    topic, losses = site.names.topic, losses or Losses()
    ends, committed = site.kafka.end_offsets(topic), site.committed()
    gone = [record for each in losses.deletions for record in each.records]
    standing = [stored(each) for each in site.kafka.read(topic, READ_SECONDS)]
    found = {_place(each): each for each in (*standing, *gone)}
    offered = _Offered(feed.records)
    records = {place: offered.take(each) for place, each in found.items()}
    letters = list(_letters(site))
    cut = tuple(_cut(topic, losses, offered, letters))
    cut_only = {(each.place, each.record.value) for each in cut} - {
        (place, each.value) for place, each in found.items()
    }
    offered.complain_of_missing()
    return Evidence(
        records=records,
        produced={place: _event(topic, each, records[place]) for place, each in found.items()},
        accepted=tuple(doors.accepted()),
        letters=tuple(each for each, value in letters if (each.place, value) not in cut_only),
        summary=doors.summary(),
        lost_answers=doors.told("lost"),
        overlaps=doors.told("overlap"),
        twice_at_a_door=doors.told("twice_at_a_door"),
        max_concurrent_at_a_door=doors.max_concurrent_in_session(),
        uncommitted={each: end - committed.get(each, 0) for each, end in ends.items()},
        cut=cut,
        deleted_at={_place(record): each.at_seconds for each in losses.deletions for record in each.records},
    )


class _Offered:
    """Which record it is that stands somewhere, by the topic itself.

    A producer's report of a second try may be wrong.
    """

    def __init__(self, offered: Sequence[CrashTestRecord]) -> None:
        self._left: dict[tuple[bytes, bytes | None], list[CrashTestRecord]] = {}
        for record in reversed(offered):
            self._left.setdefault((record.session_id.encode(), record.value), []).append(record)
        self._any = {key: records[0] for key, records in self._left.items()}

    def take(self, stored: StoredRecord) -> CrashTestRecord:
        """The one that stands there; each stands in one place."""
        return self._left[stored.key, stored.value].pop()

    def take_cut(self, stored: StoredRecord) -> CrashTestRecord:
        """The one that stood there; it may have been put on the topic once more since."""
        left = self._left[stored.key, stored.value]
        return left.pop() if left else self._any[stored.key, stored.value]

    def complain_of_missing(self) -> None:
        """Raise if one was never seen."""
        if missing := sum(map(len, self._left.values())):
            raise RuntimeError(f"{missing} records were offered that are not, and never were, on the topic")


def _cut(
    topic: str, losses: Losses, offered: _Offered, letters: Iterable[tuple[Letter, bytes | None]]
) -> Iterator[CutRecord]:
    written: dict[tuple[Place, bytes | None], float] = {}
    for letter, value in letters:
        key = letter.place, value
        written[key] = min(letter.at_seconds, written.get(key, inf))
    for cut in losses.cuts:
        for each in cut.records:
            record, place = offered.take_cut(each), _place(each)
            event_id = _event(topic, each, record).event_id
            letter_at = written.get((place, each.value), inf)
            yield CutRecord(place, cut.since_seconds, record, event_id, letter_at)


def _event(topic: str, stored: StoredRecord, record: CrashTestRecord) -> Produced:
    """Its own id, else the one by where it stands; the order is that of the topic."""
    assignment = builders.assignment(topic, stored.partition)
    received = builders.record(stored.offset, under=assignment, timestamp_ms=stored.timestamp_ms)
    return Produced(record.session_id, stored.offset, record.event_id or derived_event_id(received))


def _place(stored: StoredRecord) -> Place:
    return stored.partition, stored.offset


def _letters(site: Site) -> Iterator[tuple[Letter, bytes | None]]:
    """Each with the value of its record."""
    for each in site.kafka.read(site.names.dead_letters):
        # The records have no headers of their own, and the worker's are text.
        own = cast("list[tuple[str, bytes]]", each.headers())
        headers = {name: value.decode() for name, value in own}
        place = int(headers[ORIGINAL_PARTITION]), int(headers[ORIGINAL_OFFSET])
        letter = Letter(place, headers[ERROR_CLASS], headers[REASON], each.timestamp()[1] / 1000)
        yield letter, each.value()
