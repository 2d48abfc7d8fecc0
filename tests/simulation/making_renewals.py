"""Has some workers log in anew: their certificates were renewed, so each goes on by another consumer."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tests.simulation.schedule import SLOTS, Renew

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

# How many in a schedule; and how many turns of the loop after another step, to come between any two awaits.
_RENEWALS: Final = (0, 0, 0, 1, 1, 3)
_TURNS: Final = (0, 3, 20, 100, 400)


def with_renewals(schedule: Schedule) -> Schedule:
    """The schedule with them, or as it is; all else stays the same."""
    chance = random.Random(f"{schedule.seed} renewals")  # noqa: S311  a schedule, not a secret
    first_id = max(each.id for each in schedule.steps) + 1
    steps = [
        Renew(
            id=first_id + number,
            at=chance.choice(schedule.steps).at,
            slot=chance.choice(SLOTS),
            turns=chance.randrange(chance.choice(_TURNS) + 1),
        )
        for number in range(chance.choice(_RENEWALS))
    ]
    return replace(schedule, steps=tuple(sorted([*schedule.steps, *steps], key=lambda each: each.at)))
