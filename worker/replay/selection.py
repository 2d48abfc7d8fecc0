"""Selects dead letters: the filters of all four commands."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct, structs

from worker.core.model.boundary import Through
from worker.core.model.places import MOST_OFFSET, last_of, shown_place
from worker.sources.kafka.offsets import offset_of

if TYPE_CHECKING:
    from worker.dead_letters.reading import Letter

MOST_REPLAYS: Final = 5
"""A letter that failed after this many replays is not replayed again, because it would never end."""

_NAME_BYTES: Final = 4


class Selection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Selects a letter that passes every filter that is set."""

    kinds: tuple[str, ...] = ()
    """Error classes, any of which will do; sorted."""
    since: float | None = None
    until: float | None = None
    """When it failed, in epoch seconds: at or after ``since``, and before ``until``."""
    topic: str | None = None
    partition: int | None = None
    offsets: tuple[int, int] | None = None
    """The original position of its record: first and last offset, inclusive."""
    letters: tuple[tuple[int, int], ...] = ()
    """Positions in the dead-letter topic, any of which will do; sorted."""
    exhausted: bool = False
    """Only letters that have been replayed as often as allowed."""

    def takes(self, letter: Letter) -> bool:
        """Return whether the letter is selected."""
        return (
            (not self.kinds or letter.reason.kind in self.kinds)
            and self._takes_time(letter.failed_at_seconds)
            and self.topic in {None, letter.origin.topic}
            and self.partition in {None, letter.origin.partition}
            and (self.offsets is None or self.offsets[0] <= letter.origin.offset <= last_of(self.offsets[1]))
            and (not self.letters or letter.place in self.letters)
            and (not self.exhausted or letter.replays >= MOST_REPLAYS)
        )

    def span(self, partition: int, low: int, high: int) -> tuple[int, int]:
        """Return which offsets of a partition to search: from the first, to just before the second."""
        if not self.letters:
            return low, high
        wanted = [offset for number, offset in self.letters if number == partition and low <= offset < high]
        return (min(wanted), offset_of(Through(max(wanted)))) if wanted else (low, low)

    def name(self) -> str:
        """Return a name that is the same for the same filters, and different for others."""
        if self == Selection():
            return "all"
        return blake2b(self._encoded(), digest_size=_NAME_BYTES).hexdigest()

    def _encoded(self) -> bytes:
        places = [*(self.offsets or ()), *(offset for _, offset in self.letters)]
        if max(places, default=0) <= MOST_OFFSET:
            return msgspec.json.encode(self)
        # Positions of Kinesis are too long for a number in JSON.
        offsets = None if self.offsets is None else [shown_place(each) for each in self.offsets]
        letters = [(number, shown_place(offset)) for number, offset in self.letters]
        return msgspec.json.encode(structs.asdict(self) | {"offsets": offsets, "letters": letters})

    def _takes_time(self, failed_at: float | None) -> bool:
        if self.since is None and self.until is None:
            return True
        if failed_at is None:
            return False
        return (self.since is None or failed_at >= self.since) and (
            self.until is None or failed_at < self.until
        )
