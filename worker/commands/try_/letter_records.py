"""Reads dead letters for ``try``, as a replay would map them: with the event ids that they would have had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.commands.check.newest import spread
from worker.commands.try_.sampled import CannotRead, Sampled
from worker.commands.try_arguments import AtOffset
from worker.core.model.partition import Partition
from worker.core.model.places import last_of, shown_place
from worker.core.offsets.assignment import Assignment
from worker.dead_letters.reading import open_letter, replayed
from worker.replay.letter_topic import LettersUnreadable
from worker.replay.letters import open_letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.core.model.records import Record
    from worker.settings import Settings

_AT_ONCE: Final = 500


def letter_records(settings: Settings, start: AtOffset | str, records: int) -> Iterator[Sampled]:
    """Yield the dead letter at a position, or the newest ones.

    Raises:
        CannotRead: the topic can't be read, or no letter stands there.
    """
    name = settings.dead_letters.place
    if settings.dead_letters.stream and not isinstance(start, AtOffset):
        yield from _newest_of_stream(settings, records)
        return
    try:
        topic = open_letters(settings)
        try:
            topic.begin(_spans(topic.spans(), start, records, name))
            while not topic.at_end:
                for record in topic.read(_AT_ONCE):
                    yield _sampled(record, name)
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
        raise CannotRead(name, f"has no dead letter at {start.partition}:{shown_place(start.offset)}: {todo}")
    return {start.partition: (start.offset, last_of(start.offset) + 1)}


def _newest_of_stream(settings: Settings, records: int) -> Iterator[Sampled]:
    from worker.commands.try_.stream_records import StreamSample  # noqa: PLC0415  not for topics
    from worker.replay.letter_stream import letter_record  # noqa: PLC0415  as above

    for each in StreamSample(settings, "newest", records, letters=True).read():
        yield _sampled(letter_record(each.record), settings.dead_letters.place)


def _sampled(record: Record, name: str) -> Sampled:
    at = f"{record.assignment.partition}@{shown_place(record.offset)}"
    letter = open_letter(record)
    if letter is None:
        todo = "somebody else wrote it: `personalize-worker dead-letters list` counts letters"
        raise CannotRead(at, f"is no dead letter, because its headers name no position: {todo}")
    origin = letter.origin
    under = Assignment(Partition(name, record.assignment.partition.number), 0)
    original = f"{origin.topic}[{origin.partition}]@{shown_place(origin.offset)}"
    return Sampled(at, replayed(letter, under, record.offset, 0.0), original)
