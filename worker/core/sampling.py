"""Chooses one of every so many, so that a look at the traffic costs nothing for all the others."""

from __future__ import annotations

from typing import Final

ONE_IN: Final = 1000
_NONE: Final = range(0)


class OneIn:
    """Counts what passes and chooses the first of every ``every``.

    >>> sample = OneIn(3)
    >>> [list(sample.among(2)) for _ in range(4)]
    [[0], [1], [], [0]]

    Args:
        every: of how many one is chosen, from 1 on.
    """

    __slots__ = ("_every", "_next")

    def __init__(self, every: int = ONE_IN) -> None:
        self._every = every
        self._next = 0

    def among(self, count: int) -> range:
        """Return which of the next ``count`` are chosen, by their index."""
        if self._next >= count:
            # What nearly all counts come to.
            self._next -= count
            return _NONE
        chosen = range(self._next, count, self._every)
        self._next += len(chosen) * self._every - count
        return chosen
