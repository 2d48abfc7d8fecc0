"""Makes a schedule of a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.chance import Chance
from tests.simulation.leases.schedule import (
    ClockJump,
    Crash,
    DeleteRow,
    Foreign,
    Freeze,
    ListFaults,
    Member,
    Merge,
    Schedule,
    Split,
    Start,
    TableFaults,
    Terminate,
    Trim,
)
from worker.core.leases.lease import Sentinel

if TYPE_CHECKING:
    from tests.simulation.chance import Draw
    from tests.simulation.leases.schedule import Step

FAULTS_SECONDS = 400.0
_MOST_STEPS = 14
_KINDS = ("away", "answers lost", "slow", "throttled")


def make_schedule(seed: int) -> Schedule:
    """The same each time."""
    chance = Chance(seed)
    draw = chance.draw("world")
    members = tuple(_member(chance.draw("member", place)) for place in range(1 + int(draw.part() * 4)))
    starts = tuple(
        Start(chance.draw("start", place).part() * (60 if place else 3), place)
        for place in range(len(members))
    )
    size = int(draw.part() * (_MOST_STEPS + 1))
    steps = [_step(chance.draw("step", place), len(members)) for place in range(size)]
    return Schedule(
        seed=seed,
        start=draw.pick((Sentinel.TRIM_HORIZON, Sentinel.LATEST, Sentinel.AT_TIMESTAMP)),
        shards=1 + int(draw.part() * 6),
        members=members,
        steps=tuple(sorted((*starts, *steps), key=lambda step: step.at)),
        faults_seconds=FAULTS_SECONDS,
    )


def _member(draw: Draw) -> Member:
    offset = draw.pick((0.0, 5.0, 1e4, 1e6)) + draw.part()
    return Member(offset, draw.pick((0.05, 0.5, 3.0)), is_stubborn=draw.luck(0.15))


def _step(draw: Draw, members: int) -> Step:  # noqa: C901, PLR0911  one for each kind
    at = 5 + draw.part() * (FAULTS_SECONDS - 60)
    worker = int(draw.part() * members)
    match int(draw.part() * 16):
        case 0:
            return Crash(at, worker)
        case 1:
            return Terminate(at, worker)
        case 2 | 3:
            return Freeze(at, worker, draw.pick((2.0, 8.0, 12.0, 45.0)))
        case 4:
            return ClockJump(at, worker, draw.pick((-3600.0, -15.0, 15.0, 3600.0)))
        case 5 | 6 | 7 | 8:
            kind, seconds = draw.pick(_KINDS), draw.pick((1.0, 8.0, 15.0, 60.0))
            return TableFaults(at, seconds, kind, worker if at % 2 < 1 else None)
        case 9:
            return ListFaults(at, draw.pick((10.0, 90.0)))
        case 10 | 11:
            return Split(at, draw.part())
        case 12:
            return Merge(at, draw.part())
        case 13:
            return Trim(at)
        case 14:
            return DeleteRow(at, draw.part())
        case _:
            return Foreign(at, draw.pick((30.0, 120.0)))
