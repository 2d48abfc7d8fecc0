"""Which dead letters are meant: the filters of all four commands."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker.core.model.boundary import Through
from worker.sources.kafka.offsets import offset_of

if TYPE_CHECKING:
    from worker.dead_letters.reading import Letter

MOST_REPLAYS: Final = 5
"""A letter that died after so many replays is not replayed again: it would go in circles for ever."""

_NAME_BYTES: Final = 4


class Selection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Takes a letter that fits every filter that is set."""

    kinds: tuple[str, ...] = ()
    """Error classes, any of them; in order."""
    since: float | None = None
    until: float | None = None
    """When it failed, in epoch seconds: from the one, and before the other."""
    topic: str | None = None
    partition: int | None = None
    offsets: tuple[int, int] | None = None
    """Where its record stood first: first and last offset."""
    letters: tuple[tuple[int, int], ...] = ()
    """Places in the dead-letter topic, any of them; in order."""
    exhausted: bool = False
    """Only those that were replayed as often as may be."""

    def takes(self, letter: Letter) -> bool:
        """Whether it is meant."""
        return (
            (not self.kinds or letter.reason.kind in self.kinds)
            and self._takes_time(letter.failed_at_seconds)
            and self.topic in {None, letter.origin.topic}
            and self.partition in {None, letter.origin.partition}
            and (self.offsets is None or self.offsets[0] <= letter.origin.offset <= self.offsets[1])
            and (not self.letters or letter.place in self.letters)
            and (not self.exhausted or letter.replays >= MOST_REPLAYS)
        )

    def span(self, partition: int, low: int, high: int) -> tuple[int, int]:
        """Where to look in a partition of the dead-letter topic: from an offset on, and before another."""
        if not self.letters:
            return low, high
        wanted = [offset for number, offset in self.letters if number == partition and low <= offset < high]
        return (min(wanted), offset_of(Through(max(wanted)))) if wanted else (low, low)

    def name(self) -> str:
        """The same for the same filters, another for others."""
        if self == Selection():
            return "all"
        return blake2b(msgspec.json.encode(self), digest_size=_NAME_BYTES).hexdigest()

    def _takes_time(self, failed_at: float | None) -> bool:
        if self.since is None and self.until is None:
            return True
        if failed_at is None:
            return False
        return (self.since is None or failed_at >= self.since) and (
            self.until is None or failed_at < self.until
        )
