"""From a schedule that fails to the few steps that matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from tests.simulation.kinesis.schedule import Member, Puts
from tests.simulation.shrinking import simplest, with_other, without_some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.kinesis.schedule import Schedule

MOST_PLAYS: Final = 150


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool], most_plays: int = MOST_PLAYS) -> Schedule:
    """The simplest schedule found within so many plays that still ``fails``."""
    return simplest(schedule, _simpler, fails, most_plays)


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    for steps in without_some(schedule.steps):
        yield replace(schedule, steps=steps)
    for fewer in range(1, schedule.at_start):
        yield replace(schedule, at_start=fewer)
    for fewer in range(1, schedule.shards):
        yield replace(schedule, shards=fewer)
    for place, member in enumerate(schedule.members):
        if member != Member():
            members: Any = with_other(schedule.members, place, Member())
            yield replace(schedule, members=members)
    for place, step in enumerate(schedule.steps):
        if isinstance(step, Puts):
            for fewer_records in without_some(step.records):
                if fewer_records:
                    simpler = replace(step, records=fewer_records)
                    yield replace(schedule, steps=with_other(schedule.steps, place, simpler))
