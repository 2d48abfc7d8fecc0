"""Chances that depend on nothing but the seed and the name of what is decided.

No draw moves the next one on. So a schedule without one of its steps meets the same chances as before
wherever it still does the same, which is what makes shrinking work; and no run depends on Python's hashes.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_PARTS = 1 << 20


class Draw:
    """Some 128 random bits, spent bit by bit: enough for six decisions."""

    __slots__ = ("_bits",)

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def luck(self, probability: float) -> bool:
        """True with this probability."""
        return self.part() < probability

    def pick(self, among: Sequence[T]) -> T:
        return among[int(self.part() * len(among))]

    def part(self) -> float:
        """A number from 0 to 1, without 1."""
        self._bits, part = divmod(self._bits, _PARTS)
        return part / _PARTS


class Chance:
    """All chances of one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def draw(self, *name: object) -> Draw:
        """What is drawn for this name, the same each time."""
        text = f"{self._seed} {name}".encode()
        return Draw(int.from_bytes(blake2b(text, digest_size=16).digest(), "big"))


class Jitter:
    """What is drawn by the time at which it is asked for, not by who asked before."""

    def __init__(self, chance: Chance, clock: Callable[[], float]) -> None:
        self._chance = chance
        self._clock = clock
        self._asked_at = -1.0
        self._times = 0

    def uniform(self, low: float, high: float) -> float:
        now = self._clock()
        self._times = self._times + 1 if now == self._asked_at else 0
        self._asked_at = now
        return low + self._chance.draw("jitter", round(now, 6), self._times).part() * (high - low)
