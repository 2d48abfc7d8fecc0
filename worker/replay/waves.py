"""Waves: so many dead letters at a time, put in the order in which their records stood first.

The letters of one session may stand in several partitions of the dead-letter topic, and those that died twice
stand behind those that died once. Within a wave they are sorted by their first place, so a session's events
go in their old order; of several letters of one record only the last counts. From wave to wave the order is
that of the dead-letter topic: a wave goes when the one before is settled.

The rule for offsets: never one past a letter that was chosen and is not settled.
"""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from worker.core.model.records import held_bytes
from worker.dead_letters.reading import open_letter
from worker.replay.selection import MOST_REPLAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.core.mapping.event_ids import Origin
    from worker.core.model.records import Record
    from worker.dead_letters.reading import Letter
    from worker.replay.selection import Selection

FOREIGN: Final = "no dead letters of the worker"
FILTERED: Final = "by the filters"
EXHAUSTED: Final = f"replayed {MOST_REPLAYS} times already"
SUPERSEDED: Final = "died again since, the later letter counts"

# As many as are read in a moment, and small beside a wave.
_READ_AT_ONCE: Final = 500
_FIRST_PLACE: Final = attrgetter("origin.topic", "origin.partition", "origin.offset")


class Letters(Protocol):
    """A dead-letter topic that is being read."""

    positions: dict[int, int]

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""

    def read(self, most: int) -> Sequence[Record]:
        """Some records."""


class Wave(Struct, frozen=True):
    """Letters to replay, and where reading stands behind them."""

    letters: tuple[Letter, ...]
    """In the order in which their records stood first."""
    ends: Mapping[int, int]
    """By partition, the first offset of the next wave."""

    def committable(self, settled: int) -> dict[int, int]:
        """What may be committed once the first so many letters are settled."""
        offsets = dict(self.ends)
        for letter in self.letters[settled:]:
            partition, offset = letter.place
            offsets[partition] = min(offsets[partition], offset)
        return offsets


class WaveReader:
    """Reads letters and chooses, wave by wave."""

    def __init__(self, letters: Letters, selection: Selection, *, most_letters: int, most_bytes: int) -> None:
        """Choose what ``selection`` takes; a wave ends with the read that reaches a bound."""
        self._letters = letters
        self._selection = selection
        self._most_letters = most_letters
        self._most_bytes = most_bytes
        self._chosen: dict[Origin, Letter] = {}
        # Of letters replayed too often: their older ones may be read after them.
        self._exhausted: set[Origin] = set()
        self._bytes = 0
        self._has_begun = False
        self.left_out: Counter[str] = Counter()
        """How many, and why."""

    @property
    def over(self) -> bool:
        """Whether the last wave was given."""
        return self._letters.at_end and not self._has_begun

    def step(self) -> Wave | None:
        """Read a little; the wave, when it is complete by that."""
        if not self._letters.at_end:
            self._has_begun = True
            room = max(1, self._most_letters - self._kept())
            for record in self._letters.read(min(room, _READ_AT_ONCE)):
                self._consider(record)
        is_full = self._kept() >= self._most_letters or self._bytes >= self._most_bytes
        return self._close() if is_full or (self._has_begun and self._letters.at_end) else None

    def _consider(self, record: Record) -> None:
        letter = open_letter(record)
        if letter is None:
            self.left_out[FOREIGN] += 1
        elif not self._selection.takes(letter):
            self.left_out[FILTERED] += 1
        elif letter.replays >= MOST_REPLAYS:
            # Its older letters, too: with them the circle would go on.
            self.left_out[EXHAUSTED] += 1
            self._exhausted.add(letter.origin)
            if self._chosen.pop(letter.origin, None) is not None:
                self.left_out[SUPERSEDED] += 1
        elif letter.origin in self._exhausted:
            self.left_out[SUPERSEDED] += 1
        else:
            self._choose(letter)

    def _kept(self) -> int:
        return len(self._chosen) + len(self._exhausted)

    def _choose(self, letter: Letter) -> None:
        before = self._chosen.get(letter.origin)
        if before is not None:
            self.left_out[SUPERSEDED] += 1
        if before is None or before.replays <= letter.replays:
            self._chosen[letter.origin] = letter
        self._bytes += held_bytes(letter.record)

    def _close(self) -> Wave:
        wave = Wave(tuple(sorted(self._chosen.values(), key=_FIRST_PLACE)), dict(self._letters.positions))
        self._chosen, self._bytes, self._has_begun = {}, 0, False
        self._exhausted = set()
        return wave
