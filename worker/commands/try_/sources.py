"""Opens the records that the command line asks for: of topics, of a file, or of the dead letters."""

from __future__ import annotations

import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.commands.try_.file_records import file_records
from worker.telemetry.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from worker.commands.try_.sampled import Sampled
    from worker.commands.try_.stream_records import StreamSample
    from worker.commands.try_.topic_records import TopicSample
    from worker.core.model.partition import Partition
    from worker.settings import Settings


# More than a person looks at; they come partition by partition, and needn't all be held.
_MOST_SORTED: Final = 10_000


# Fewer are there before anybody would look.
_QUICK: Final = 1_000


class Sample(Struct, frozen=True):
    """Records, and of which partitions more were there."""

    records: Iterator[Sampled]
    """Raises CannotRead if nothing could be read, and ConfigError if there is no such file."""
    name: str
    """What they are of."""
    cut_before: frozenset[Partition] = frozenset()
    """The partitions that have older records than these."""
    cut_after: frozenset[Partition] = frozenset()
    """The partitions that have younger records than these."""


def open_sample(settings: Settings, chosen: argparse.Namespace, records: int) -> Sample:
    """Open so many records of where the command line says.

    Raises:
        CannotRead: there is nobody to ask, or no such topic or position.
    """
    if chosen.file is not None:
        record = settings.record
        lines = file_records(chosen.file, record.format, int(time.time() * 1000), record.columns)
        return Sample(_watched(islice(lines, records), records), chosen.file)
    if chosen.dead_letter is not None:
        from worker.commands.try_.letter_records import letter_records  # noqa: PLC0415  it imports Kafka's client

        letters = letter_records(settings, chosen.dead_letter, records)
        return Sample(_watched(letters, records), settings.dead_letters.place)
    sample: TopicSample | StreamSample
    if settings.source == "kinesis":
        from worker.commands.try_.stream_records import StreamSample  # noqa: PLC0415  not for Kafka

        sample = StreamSample(settings, chosen.start, records)
    else:
        from worker.commands.try_.topic_records import TopicSample  # noqa: PLC0415  as above

        sample = TopicSample(settings, chosen.start, records)
    found = _watched(sample.read(), records * len(sample.topics))
    return Sample(found, ", ".join(sample.topics), sample.cut_before, sample.cut_after)


def _watched(records: Iterator[Sampled], at_most: int) -> Iterator[Sampled]:
    """Yield the records, and show how far it has come if there may be many."""
    progress = Progress(sys.stderr) if at_most > _QUICK else None
    count = 0
    try:
        for count, each in enumerate(records, 1):
            if progress and count % _QUICK == 0:
                progress.show(f"read {count:,} of up to {at_most:,} records")
            yield each
    finally:
        if progress and count >= _QUICK:
            progress.end()


def in_order(sample: Sample, chosen: argparse.Namespace) -> Iterable[Sampled]:
    """Return records in the order of their timestamps, those of a file in that of its lines."""
    is_in_order = chosen.file is not None or (chosen.records or 0) > _MOST_SORTED
    return sample.records if is_in_order else sorted(sample.records, key=_position)


def _position(sampled: Sampled) -> tuple[int, Partition, int]:
    record = sampled.record
    return record.timestamp_ms or 0, record.assignment.partition, record.offset
