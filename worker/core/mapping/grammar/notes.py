"""Collects the mistakes of a mapping, so that all can be shown at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.mapping.faults import MappingError, Mistake, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Notes:
    """The mistakes found so far."""

    def __init__(self) -> None:
        self._mistakes: list[Mistake] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._mistakes)

    def note(self, key: str, reason: str) -> None:
        """Note a mistake; ``key`` is dotted, relative to ``record.mapping``."""
        self._mistakes.append(Mistake(key, reason))

    def refuse_unknown(self, key: str, given: Iterable[object], known: Sequence[str]) -> None:
        """Note every key that is not known there."""
        for each in given:
            if each not in known:
                self.note(f"{key}.{each}", unknown("key", each, known))

    def choose(self, key: str, given: object, known: Sequence[str], what: str, default: str) -> str:
        """The word that is given, which must be one of the known; else the default."""
        if isinstance(given, str) and given in known:
            return given
        self.note(key, unknown(what, given, known))
        return default

    def raise_if_any(self) -> None:
        """Raise MappingError with all of them."""
        if self._mistakes:
            raise MappingError(self._mistakes)
