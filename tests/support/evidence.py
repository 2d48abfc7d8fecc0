"""What there is to judge by when a run is over: what was produced, books, dead letters, offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from tests.support import builders
from tests.support.ordeal_figures import Figures, Letter
from worker.core.dead_letter_headers import ERROR_CLASS, ORIGINAL_OFFSET, ORIGINAL_PARTITION, REASON
from worker.core.mapping.event_ids import derived_event_id
from worker.local.books import AcceptedCall, Produced, Summary, audit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from confluent_kafka import Message

    from tests.support.feed import Feed
    from tests.support.ordeal_records import OrdealRecord
    from tests.support.processes import DoorsProcess
    from tests.support.site import Site

READ_SECONDS: Final = 120.0
Place: TypeAlias = tuple[int, int]
"""Partition and offset."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Collected once, at the end."""

    records: dict[Place, OrdealRecord]
    produced: dict[Place, Produced]
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
    messages = site.kafka.read(topic, READ_SECONDS)
    records = _records(messages, feed.records)
    return Evidence(
        records=records,
        produced={_place(each): _event(each, records[_place(each)]) for each in messages},
        accepted=tuple(doors.accepted()),
        letters=tuple(_letters(site)),
        summary=doors.summary(),
        lost_answers=doors.told("lost"),
        overlaps=doors.told("overlap"),
        twice_at_a_door=doors.told("twice_at_a_door"),
        max_concurrent_at_a_door=doors.max_concurrent_in_session(),
        uncommitted={each: end - committed.get(each, 0) for each, end in ends.items()},
    )


def _records(messages: Sequence[Message], offered: Sequence[OrdealRecord]) -> dict[Place, OrdealRecord]:
    """Where each record stands, by the topic itself: a producer's report of a second try may be wrong."""
    left: dict[tuple[bytes, bytes | None], list[OrdealRecord]] = {}
    for record in reversed(offered):
        left.setdefault((record.session_id.encode(), record.value), []).append(record)
    found = {_place(each): left[each.key() or b"", each.value()].pop() for each in messages}
    if len(found) != len(offered):
        raise RuntimeError(f"{len(offered)} records were offered, {len(found)} are on the topic")
    return found


def _event(message: Message, record: OrdealRecord) -> Produced:
    """Its own id, else the one by where it stands; the order is that of the topic."""
    partition, offset = _place(message)
    lease = builders.lease(message.topic() or "", partition)
    received = builders.record(offset, under=lease, timestamp_ms=message.timestamp()[1])
    return Produced(record.session_id, offset, record.event_id or derived_event_id(received))


def _place(message: Message) -> Place:
    # Set, for these are no errors.
    return cast("int", message.partition()), cast("int", message.offset())


def _letters(site: Site) -> Iterator[Letter]:
    for each in site.kafka.read(site.names.dead_letters):
        # The records have no headers of their own, and the worker's are text.
        own = cast("list[tuple[str, bytes]]", each.headers())
        headers = {name: value.decode() for name, value in own}
        place = int(headers[ORIGINAL_PARTITION]), int(headers[ORIGINAL_OFFSET])
        yield Letter(place, headers[ERROR_CLASS], headers[REASON], each.timestamp()[1] / 1000)
