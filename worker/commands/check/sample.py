"""``check --sample N``: do the newest records map to events? They are mapped as configured, and not sent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker.commands.check.finding import Finding, failed, fine
from worker.commands.check.newest import Newest, newest_spans
from worker.core.model.reason_texts import without_element
from worker.core.model.records import Interaction, Skipped, Undecodable, each_of
from worker.runtime.wiring import record_mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from confluent_kafka.admin import AdminClient

    from worker.commands.check.finding import Level
    from worker.core.model.records import Mapped, MappedOne
    from worker.settings import Settings

_SHOWN_REASONS: Final = 10
# In addition to the time that an answer may take.
_RECORDS_PER_SECOND: Final = 2_000
_FIX: Final = "fix record.mapping, record.format or the producer"
_REACH: Final = (
    "check that this user may read it, and that brokers are reachable where they say (advertised.listeners)"
)


class _Event(Struct):
    """The optional fields of an event that are seldom meant to be absent."""

    itemId: str | None = None  # noqa: N815  the API's name


class Tally:
    """The results for the records of one topic: numbers and reasons, and no data of theirs."""

    def __init__(self) -> None:
        self.read = self.mapped = self.events = self.with_user = self.with_item = 0
        self.skipped: Counter[str] = Counter()
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.places: dict[tuple[str, str], str] = {}
        """The position of the first record with each reason."""

    def add(self, mapped: Mapped) -> None:
        """Count one record, and each of its events."""
        self.read += 1
        outcomes = each_of(mapped)
        self.mapped += any(isinstance(each, Interaction) for each in outcomes)
        for each in outcomes:
            self._add_one(each)

    def _add_one(self, one: MappedOne) -> None:
        match one:
            case Interaction():
                self.events += 1
                self.with_user += one.user_id is not None
                self.with_item += msgspec.json.decode(one.event, type=_Event).itemId is not None
            case Skipped():
                self.skipped[one.rule] += 1
            case Undecodable():
                self._add_reason(one)

    def _add_reason(self, mapped: Undecodable) -> None:
        reason, record = (mapped.reason.kind, without_element(mapped.reason.text)), mapped.record
        self.reasons[reason] += 1
        self.places.setdefault(reason, f"{record.assignment.partition}@{record.offset}")


def sample_findings(
    admin: AdminClient,
    settings: Settings,
    topics: Mapping[str, Sequence[int]],
    records: int,
    patience_seconds: float,
) -> Iterator[Finding]:
    """Report what the newest ``records`` of each topic would become; ``topics`` has their partitions."""
    spans, trouble = newest_spans(admin, settings.kafka, topics, records, patience_seconds)
    newest, tallies = Newest(settings.kafka, spans), {topic: Tally() for topic in topics}
    map_record = record_mapping(settings)
    for record in newest.read(patience_seconds + records / _RECORDS_PER_SECOND):
        tallies[record.assignment.partition.topic].add(map_record(record))
    for topic, tally in tallies.items():
        why = trouble.get(topic) or newest.trouble.get(topic)
        if newest.unread(topic):
            why = why or newest.trouble.get(None) or "the time was over"
        yield from _findings(topic, tally, why)


def _findings(topic: str, tally: Tally, why_not_all: str | None) -> Iterator[Finding]:
    what = f"sample of {topic}"
    if why_not_all is not None:
        level: Level = "warn" if tally.read else "FAIL"
        yield Finding(level, what, f"not all could be read: {why_not_all}: {_REACH}")
    elif not tally.read:
        yield Finding("warn", what, "there is no record to try: try again once there are some")
    if tally.read:
        yield _summary(what, tally)
        yield from _reasons(what, tally)


def _summary(what: str, tally: Tally) -> Finding:
    if tally.reasons and not tally.mapped:
        return failed(what, f"none of the {tally.read:,} newest records can be mapped: {_FIX}")
    said = f"{tally.mapped:,} of the {tally.read:,} newest records map"
    if tally.events > tally.mapped:
        said += f" to {tally.events:,} events"
    if tally.mapped:
        said += f" ({tally.with_user:,} with user_id, {tally.with_item:,} with item_id)"
    if tally.skipped:
        said += ", " + ", ".join(f"{n:,} are skipped ({rule})" for rule, n in tally.skipped.most_common())
    if tally.reasons:
        said += f", {tally.reasons.total():,} would be dead letters: where that is not meant, {_FIX}"
    return Finding("warn", what, said) if tally.reasons or not tally.mapped else fine(what, said)


def _reasons(what: str, tally: Tally) -> Iterator[Finding]:
    level: Level = "warn" if tally.mapped else "FAIL"
    for reason, count in tally.reasons.most_common(_SHOWN_REASONS):
        kind, text = reason
        yield Finding(level, what, f"{count:,} {kind}: {text}; the first is {tally.places[reason]}")
    if (more := len(tally.reasons) - _SHOWN_REASONS) > 0:
        yield Finding(level, what, f"and {more} more reasons")
