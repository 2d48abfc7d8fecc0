"""Waves: a number of dead letters, sorted into the original order of their records.

The letters of one session may be in several partitions of the dead-letter topic, and letters that failed
twice come after those that failed once. Within a wave they are sorted by their original position, and by
element, so a session's events go in their old order. If a record or an element has several letters, only the
last counts. Between waves, the order is that of the dead-letter topic: a wave starts once the one before is
settled.

The rule for offsets: never commit past a letter that was chosen and is not settled.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

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

    Subject: TypeAlias = "tuple[Origin, int | None]"

FOREIGN: Final = "not written by the worker"
FILTERED: Final = "excluded by the filters"
EXHAUSTED: Final = f"replayed {MOST_REPLAYS} times already"
SUPERSEDED: Final = "failed again since; the later letter counts"

# A number that is read in a moment, and small compared with a wave.
_READ_AT_ONCE: Final = 500


class Letters(Protocol):
    """A dead-letter topic that is being read."""

    positions: dict[int, int]

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""

    def read(self, most: int) -> Sequence[Record]:
        """Some records."""


class Wave(Struct, frozen=True):
    """Letters to replay, and the read position after them."""

    letters: tuple[Letter, ...]
    """In the original order of their records."""
    ends: Mapping[int, int]
    """The first offset of the next wave, by partition."""

    def committable(self, settled: int) -> dict[int, int]:
        """Return what may be committed once the first ``settled`` letters are settled."""
        offsets = dict(self.ends)
        for letter in self.letters[settled:]:
            partition, offset = letter.place
            offsets[partition] = min(offsets[partition], offset)
        return offsets


class WaveReader:
    """Reads letters and selects them, wave by wave.

    Args:
        letters: the topic to read.
        selection: which letters to choose.
        most_letters: the maximum number of letters in a wave.
        most_bytes: the maximum size of a wave; the read that reaches a maximum completes the wave.
    """

    def __init__(self, letters: Letters, selection: Selection, *, most_letters: int, most_bytes: int) -> None:
        self._letters = letters
        self._selection = selection
        self._most_letters = most_letters
        self._most_bytes = most_bytes
        self._chosen: dict[Subject, Letter] = {}
        # The subjects of letters that were replayed too often, because their older letters may be read after
        # them.
        self._exhausted: set[Subject] = set()
        self._bytes = 0
        self._has_begun = False
        self.left_out: Counter[str] = Counter()
        """How many letters were left out, by reason."""

    @property
    def over(self) -> bool:
        """Whether the last wave was given."""
        return self._letters.at_end and not self._has_begun

    def step(self) -> Wave | None:
        """Read a little; return the wave if that completes it."""
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
            # Drop its older letters as well, because they would keep the cycle going.
            self.left_out[EXHAUSTED] += 1
            self._exhausted.add(letter.subject)
            if self._chosen.pop(letter.subject, None) is not None:
                self.left_out[SUPERSEDED] += 1
        elif letter.subject in self._exhausted:
            self.left_out[SUPERSEDED] += 1
        else:
            self._choose(letter)

    def _kept(self) -> int:
        return len(self._chosen) + len(self._exhausted)

    def _choose(self, letter: Letter) -> None:
        before = self._chosen.get(letter.subject)
        if before is not None:
            self.left_out[SUPERSEDED] += 1
        if before is None or before.replays <= letter.replays:
            self._chosen[letter.subject] = letter
        self._bytes += held_bytes(letter.record)

    def _close(self) -> Wave:
        wave = Wave(tuple(sorted(self._chosen.values(), key=_first_place)), dict(self._letters.positions))
        self._chosen, self._bytes, self._has_begun = {}, 0, False
        self._exhausted = set()
        return wave


def _first_place(letter: Letter) -> tuple[str, int, int, int]:
    """Return where it stood first; a letter of a whole record goes before those of its elements."""
    origin = letter.origin
    return origin.topic, origin.partition, origin.offset, -1 if letter.element is None else letter.element
