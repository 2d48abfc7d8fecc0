"""From a schedule that fails to the few steps that matter.

Tries ever smaller changes that make it simpler, and keeps each under which the same promise is still broken:
steps are left out (by halves, quarters, single ones: Zeller's delta debugging), then events, members and
settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from tests.simulation.schedule import (
    UNREGISTERED,
    Crash,
    Freeze,
    MemberSettings,
    Produce,
    Renew,
    Terminate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.simulation.schedule import Event, Schedule, Step

S = TypeVar("S")

MOST_PLAYS: Final = 600


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool], most_plays: int = MOST_PLAYS) -> Schedule:
    """The simplest schedule found within so many plays that still ``fails``."""
    return simplest(schedule, _simpler, fails, most_plays)


def simplest(start: S, simpler: Callable[[S], Iterator[S]], fails: Callable[[S], bool], most_plays: int) -> S:
    """Change it to one of those that are ``simpler``, as long as it ``fails`` and within so many plays."""
    plays = 0
    while True:
        for each in simpler(start):
            if plays >= most_plays:
                return start
            plays += 1
            if fails(each):
                start = each
                break
        else:
            return start


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    """Everything one change simpler, the greatest changes first."""
    for steps in without_some(schedule.steps):
        yield replace(schedule, steps=steps)
    for fewer in range(1, schedule.at_start):
        yield replace(schedule, at_start=fewer)
    for place, settings in enumerate(schedule.members):
        for plainer in _plainer(settings):
            yield replace(schedule, members=with_other(schedule.members, place, plainer))
    for place, step in enumerate(schedule.steps):
        for simpler in _simpler_step(step):
            yield replace(schedule, steps=with_other(schedule.steps, place, simpler))


def without_some(some: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """It without a half, without a quarter, and so on to without a single one."""
    size = len(some)
    while size:
        for begin in range(0, len(some), size):
            left = some[:begin] + some[begin + size :]
            if len(left) < len(some):
                yield left
        size //= 2


def with_other(some: tuple[Any, ...], place: int, other: object) -> tuple[Any, ...]:
    """It with another one in this place."""
    return (*some[:place], other, *some[place + 1 :])


def _plainer(settings: MemberSettings) -> Iterator[MemberSettings]:
    plain = MemberSettings()
    if settings == plain:
        return
    yield plain
    for name in settings.__struct_fields__:
        if getattr(settings, name) != getattr(plain, name):
            yield replace(settings, **{name: getattr(plain, name)})


def _simpler_step(step: Step) -> Iterator[Step]:
    match step:
        case Produce(events=events):
            for fewer in without_some(events):
                if fewer:
                    yield replace(step, events=fewer)
            for place, event in enumerate(events):
                for simpler in _simpler_event(event):
                    yield replace(step, events=with_other(events, place, simpler))
        case Crash(turns=turns) | Terminate(turns=turns) | Freeze(turns=turns) | Renew(turns=turns):
            for fewer in (0, turns // 2, turns - 1):
                if fewer < turns and fewer >= 0:
                    yield replace(step, turns=fewer)


def _simpler_event(event: Event) -> Iterator[Event]:
    if event.elements:
        yield replace(event, elements=())
        for fewer in without_some(event.elements):
            # Else it would be one that cannot be mapped as a whole, which is another thing.
            if len(fewer) > 1 and any(each.kind in ("good", "poison") for each in fewer):
                yield replace(event, elements=fewer)
    plain = replace(event, user="u", kind="good", gap=0, schema=0, session=f"p{event.partition}s0")
    for name in ("session", "user", "kind", "gap", "schema"):
        if getattr(event, name) == getattr(plain, name):
            continue
        if name == "kind" and event.schema == UNREGISTERED:
            # A good record by a schema that nobody has is no schedule.
            yield replace(event, kind="good", schema=0)
        else:
            yield replace(event, **{name: getattr(plain, name)})
