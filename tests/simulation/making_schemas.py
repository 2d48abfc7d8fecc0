"""Gives some schedules a schema registry: records name their schemas, and its answers fail or are late."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, get_args

from msgspec.structs import replace

from tests.simulation.schedule import UNREGISTERED, Answers, Produce, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.schedule import Event, Schedule, Step

# How many schemas there are in a schedule.
_SCHEMAS: Final = (0, 0, 0, 0, 1, 2, 8)


def with_schemas(schedule: Schedule) -> Schedule:
    """The schedule with a registry, or as it is; all else stays the same."""
    chance = random.Random(f"{schedule.seed} schemas")  # noqa: S311  a schedule, not a secret
    schemas = chance.choice(_SCHEMAS)
    if not schemas:
        return schedule
    # A registry that lags is not believed for seconds, unless it has known none of several in a row.
    lag_seconds = chance.choice((0.0, 0.0, 2.0, 3.5))
    unregistered = 0.0 if lag_seconds else chance.choice((0.0, 0.0, 0.05, 0.3))
    given = _Given(chance, schemas, unregistered)
    steps = [
        replace(each, events=tuple(map(given.to, each.events))) if isinstance(each, Produce) else each
        for each in schedule.steps
    ]
    steps += _registry_steps(chance, first_id=len(steps), until=steps[-1].at)
    steps.sort(key=lambda each: each.at)
    return replace(schedule, steps=tuple(steps), registry_lag_seconds=lag_seconds)


class _Given:
    def __init__(self, chance: random.Random, schemas: int, unregistered: float) -> None:
        self._chance = chance
        self._schemas = schemas
        self._unregistered = unregistered
        self._bare = chance.choice((0.0, 0.0, 0.5))

    def to(self, event: Event) -> Event:
        """A record with a schema; bare ones among them need none."""
        if self._chance.random() < self._unregistered:
            return replace(event, kind="undecodable", elements=(), schema=UNREGISTERED)
        if self._chance.random() < self._bare:
            return event
        return replace(event, schema=1 + self._chance.randrange(self._schemas))


def _registry_steps(chance: random.Random, first_id: int, until: float) -> Iterator[Step]:
    for number in range(chance.choice((0, 1, 2, 4))):
        state: Answers = chance.choice(get_args(Answers))
        at = round(chance.uniform(0.0, until), 3) if chance.random() < 0.7 else 0.0
        yield Registry(id=first_id + number, at=at, state=state)
