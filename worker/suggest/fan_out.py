"""Decides whether the records hold several events each, and how a mapping names what stands in an element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.suggest.candidates import LIKELY
from worker.suggest.vocabulary import name_score, squashed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.suggest.candidates import Candidate

# What was shown is no event for each item.
_SHOWN: Final = 0.7
# A place in an array that is not fanned out over is the first that is present, of several.
FIRST_OF_SEVERAL: Final = 0.7


class FanOutPlan(Struct, frozen=True):
    """The arrays over which a record is fanned out, the outermost first; none: each record is one event."""

    arrays: tuple[str, ...] = ()
    is_over_items: bool = False
    """Whether its elements are items, and not events."""

    def directive(self) -> object:
        """Return what stands at ``each``; None if nothing does."""
        if not self.arrays:
            return None
        if len(self.arrays) == 1:
            return self.arrays[0]
        return {
            name: self._within(array, level)
            for level, (name, array) in enumerate(zip(self._names(), self.arrays, strict=True))
        }

    def path(self, candidate: Candidate) -> str:
        """Return the candidate's path as the mapping names it."""
        depth = len(candidate.place.arrays)
        if not depth or not self.reaches(candidate):
            return candidate.path
        rest = candidate.path.removeprefix(f"{self.arrays[depth - 1]}[*]")
        return f"${self._names()[depth - 1] if len(self.arrays) > 1 else 'each'}{rest}"

    def outer(self, depth: int) -> FanOutPlan:
        """Return the plan with only so many of the outer arrays."""
        return FanOutPlan(self.arrays[:depth])

    def innermost(self) -> str:
        """Return the path of an element as a whole."""
        return f"${self._names()[-1] if len(self.arrays) > 1 else 'each'}"

    def reaches(self, candidate: Candidate) -> bool:
        """Whether each event has one value of its own there."""
        arrays = candidate.place.arrays
        return arrays == self.arrays[: len(arrays)]

    def score(self, candidate: Candidate) -> float:
        """Return the candidate's score in this plan."""
        return candidate.score * (1.0 if self.reaches(candidate) else FIRST_OF_SEVERAL)

    def _within(self, array: str, level: int) -> str:
        """Return the path of an inner array, from the element of the one around it."""
        if level == 0:
            return array
        return f"${self._names()[level - 1]}{array.removeprefix(f'{self.arrays[level - 1]}[*]')}"

    def _names(self) -> list[str]:
        """Name the levels by their arrays: ``event`` for ``events``."""
        names: list[str] = []
        for array in self.arrays:
            name = squashed(array.rpartition(".")[2]).removesuffix("s") or "element"
            names.append(
                name if name not in {*names, "each", "index", "record"} else f"{name}{len(names) + 1}"
            )
        return names


def plan_fan_out(candidates: Mapping[str, Sequence[Candidate]]) -> FanOutPlan:
    """Fan out over the products of a record, or over its events."""
    for field in ("item_id", "event_type"):
        inside = _best(candidates[field], is_inside=True)
        outside = _best(candidates[field], is_inside=False)
        if inside is None or (field == "event_type" and outside is not None):
            continue
        return FanOutPlan(inside.place.arrays, is_over_items=field == "item_id")
    return FanOutPlan()


def _best(candidates: Sequence[Candidate], *, is_inside: bool) -> Candidate | None:
    return next(
        (
            each
            for each in candidates
            if each.score >= LIKELY
            and bool(each.place.arrays) == is_inside
            and not _is_of_what_was_shown(each)
        ),
        None,
    )


def _is_of_what_was_shown(candidate: Candidate) -> bool:
    return any(name_score("impression", (name,)) >= _SHOWN for name in candidate.place.names[:-1])
