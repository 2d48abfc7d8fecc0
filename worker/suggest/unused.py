"""Lists the places that a plan does not use, for whoever has to name the one that was not found.

Of what stands there, only the kind is told: a suggestion is kept in a file, where no user's data belongs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.suggest.plausibility import rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.suggest.choosing import Plan
    from worker.suggest.inventory import Inventory

_TIMES_LOOKED_AT: Final = 40
_ALL_BUT: Final = 0.9


class Unused(Struct, frozen=True):
    """A place that no field is taken from."""

    path: str
    records: int
    """How many have something there."""
    distinct: int
    kind: str
    """What stands there, in words."""


def unused_places(plan: Plan, inventory: Inventory) -> tuple[Unused, ...]:
    """Return them in the order of the records; what stands within an object that is taken whole is used."""
    used = {candidate.path for choice in plan.choices for candidate in choice.chosen}
    within = tuple(f"{path}{mark}" for path in used for mark in ".[")
    return tuple(
        Unused(path, facts.records, facts.distinct(), _kind(facts.values))
        for path, facts in inventory.scalars.items()
        if path not in used and not path.startswith(within)
    )


def _kind(values: Sequence[object]) -> str:
    time = rate("sent_at", values[:_TIMES_LOOKED_AT])
    if time.score >= _ALL_BUT:
        return "times"
    if all(isinstance(value, bool) for value in values):
        return "true or false"
    if all(isinstance(value, int) for value in values):
        return "whole numbers"
    return "numbers" if all(isinstance(value, int | float) for value in values) else "text"
