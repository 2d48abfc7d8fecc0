"""What there is to judge by when a run is over: what was produced, books, dead letters, offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tests.support import builders
from tests.support.ordeal_figures import Figures, Letter
from worker.core.dead_letter_headers import ERROR_CLASS, ORIGINAL_OFFSET, ORIGINAL_PARTITION, REASON
from worker.core.mapping.event_ids import derived_event_id
from worker.local.books import AcceptedCall, Produced, Summary, audit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.feed import Feed
    from tests.support.ordeal_records import OrdealRecord
    from tests.support.processes import DoorsProcess
    from tests.support.site import Site


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Collected once, at the end."""

    records: dict[tuple[int, int], OrdealRecord]
    """By partition and offset."""
    produced: dict[tuple[int, int], Produced]
    """As ``records``, each with the one id that its event may have."""
    accepted: tuple[AcceptedCall, ...]
    letters: tuple[Letter, ...]
    summary: Summary
    lost_answers: int
    overlaps: int
    max_concurrent_at_a_door: int
    twice_at_a_door: int
    """How often a session had one call in flight when another came to the same door."""
    uncommitted: dict[int, int]
    """By partition, how far the group's offset is from the end."""

    def figures(self, *, kills: int, seconds: float, by_proxy: bool = False) -> Figures:
        """The judgement; ``by_proxy``: calls came by way of proxies."""
        poison = {
            self.produced[place].event_id for place, each in self.records.items() if each.fate == "refused"
        }
        due = (self.produced[place] for place, each in self.records.items() if each.is_an_event)
        return Figures(
            records=self.records,
            audit=audit(due, self.accepted, excused=poison),
            accepted=frozenset(event_id for call in self.accepted for event_id in call.event_ids),
            poison=frozenset(poison),
            letters=self.letters,
            summary=self.summary,
            lost_answers=self.lost_answers,
            max_concurrent_at_a_door=None if by_proxy else self.max_concurrent_at_a_door,
            overlaps=self.overlaps,
            uncommitted=self.uncommitted,
            kills=kills,
            seconds=seconds,
        )


def gather(site: Site, doors: DoorsProcess, feed: Feed) -> Evidence:
    """Ask everybody."""
    topic = site.names.topic
    ends, committed = site.kafka.end_offsets(topic), site.committed()
    places = [landed[:2] for landed in feed.landed]
    return Evidence(
        records=dict(zip(places, feed.records, strict=True)),
        produced=dict(zip(places, _produced(topic, feed), strict=True)),
        accepted=tuple(doors.accepted()),
        letters=tuple(_letters(site)),
        summary=doors.summary(),
        lost_answers=doors.told("lost"),
        overlaps=doors.told("overlap"),
        twice_at_a_door=doors.told("twice_at_a_door"),
        max_concurrent_at_a_door=doors.max_concurrent_in_session(),
        uncommitted={each: end - committed.get(each, 0) for each, end in ends.items()},
    )


def _produced(topic: str, feed: Feed) -> Iterator[Produced]:
    """Each record with the id of its event: its own, else by where it landed."""
    for record, (partition, offset, timestamp_ms) in zip(feed.records, feed.landed, strict=True):
        lease = builders.lease(topic, partition)
        derived = derived_event_id(builders.record(offset, under=lease, timestamp_ms=timestamp_ms))
        yield Produced(record.session_id, record.sequence, record.event_id or derived)


def _letters(site: Site) -> Iterator[Letter]:
    for each in site.kafka.read(site.names.dead_letters):
        # The records have no headers of their own, and the worker's are text.
        own = cast("list[tuple[str, bytes]]", each.headers())
        headers = {name: value.decode() for name, value in own}
        place = int(headers[ORIGINAL_PARTITION]), int(headers[ORIGINAL_OFFSET])
        yield Letter(place, headers[ERROR_CLASS], headers[REASON], each.timestamp()[1] / 1000)
