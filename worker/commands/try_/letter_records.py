"""Reads dead letters for ``try``, as a replay would map them: with the event ids that they would have had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.commands.check.newest import spread
from worker.commands.try_.sampled import CannotRead, Sampled
from worker.commands.try_arguments import AtOffset
from worker.core.model.partition import Partition
from worker.core.offsets.assignment import Assignment
from worker.dead_letters.reading import open_letter, replayed
from worker.replay.letter_topic import LettersUnreadable
from worker.replay.store import open_topic
from worker.sources.kafka.client_settings import SILENT_LOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.core.model.records import Record
    from worker.replay.letter_topic import LetterTopic
    from worker.settings import Settings

_AT_ONCE: Final = 500


def letter_records(settings: Settings, start: AtOffset | str, records: int) -> Iterator[Sampled]:
    """Yield the dead letter at a position, or the newest ones.

    Raises:
        CannotRead: the topic can't be read, or no letter stands there.
    """
    name = settings.dead_letters.topic
    try:
        topic = open_topic(settings, settings.kafka.group_id, SILENT_LOG)
        try:
            topic.begin(_spans(topic.spans(), start, records, name))
            while not topic.at_end:
                for record in topic.read(_AT_ONCE):
                    yield _sampled(record, topic)
        finally:
            topic.close()
    except LettersUnreadable as error:
        raise CannotRead(error.place, error.why) from None


def _spans(
    there: Mapping[int, tuple[int, int]], start: AtOffset | str, records: int, name: str
) -> dict[int, tuple[int, int]]:
    if not isinstance(start, AtOffset):
        shares = spread(records, [high - low for low, high in there.values()])
        return {
            number: (high - share, high)
            for (number, (_, high)), share in zip(there.items(), shares, strict=True)
        }
    low, high = there.get(start.partition, (0, 0))
    if not low <= start.offset < high:
        todo = "`personalize-worker dead-letters show` says where they stand"
        raise CannotRead(name, f"has no dead letter at {start.partition}:{start.offset}: {todo}")
    return {start.partition: (start.offset, start.offset + 1)}


def _sampled(record: Record, topic: LetterTopic) -> Sampled:
    at = f"{record.assignment.partition}@{record.offset}"
    letter = open_letter(record)
    if letter is None:
        todo = "somebody else wrote it: `personalize-worker dead-letters list` counts letters"
        raise CannotRead(at, f"is no dead letter, because its headers name no position: {todo}")
    origin = letter.origin
    under = Assignment(Partition(topic.topic, record.assignment.partition.number), 0)
    original = f"{origin.topic}[{origin.partition}]@{origin.offset}"
    return Sampled(at, replayed(letter, under, record.offset, 0.0), original)
