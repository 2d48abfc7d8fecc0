"""Schedules and traces in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.schedule import (
    SLOTS,
    Api,
    Brokers,
    Crash,
    Credentials,
    Cut,
    DeadLetters,
    Expire,
    Freeze,
    Join,
    Lose,
    MemberSettings,
    Move,
    Produce,
    Recreate,
    Registry,
    Renew,
    Rewind,
    Step,
    Terminate,
)
from tests.simulation.truth import Written, part_name
from worker.core.model.records import Batch, Element, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.simulation.schedule import Event, Schedule


def tell_schedule(schedule: Schedule) -> Iterator[str]:
    """A line for each member and each step."""
    yield f"seed {schedule.seed}, {schedule.partitions} partition(s)"
    for slot, settings in zip(SLOTS, schedule.members, strict=True):
        there = "from the start" if SLOTS.index(slot) < schedule.at_start else "when it joins"
        yield f"  member {slot}, {there}: {_settings(settings) or 'plain settings'}"
    for step in schedule.steps:
        yield f"  {step.at:8.3f} s  {_step(step)}"


def tell_trace(trace: Iterable[tuple[float, int, tuple[Any, ...]]]) -> Iterator[str]:
    """A line for each thing that happened: when, after how many turns of the loop, and what."""
    for at, turns, what in trace:
        yield f"  {at:8.3f} s {turns:5d}  {' '.join(map(_word, what))}"


def _settings(settings: MemberSettings) -> str:
    plain = MemberSettings()
    names = (name for name in settings.__struct_fields__ if getattr(settings, name) != getattr(plain, name))
    return ", ".join(f"{name}={getattr(settings, name)}" for name in names)


def _word(what: object) -> str:
    match what:
        case Batch():
            events = " ".join(_name(each.record) for each in what.interactions)
            return f"{events} ({what.session_id} of {what.user_id or 'nobody'})"
        case Record():
            return f"{(what.key or b'').decode()}@{what.offset}"
        case Written():
            return what.name
        case Step():
            return _step(what)
    return str(what)


def _name(record: Record) -> str:
    name = (record.key or b"").decode()
    return part_name(name, record.index) if isinstance(record, Element) else name


def _step(step: Step) -> str:  # noqa: C901, PLR0911, PLR0912  a table of steps
    match step:
        case Produce():
            return f"#{step.id} {len(step.events)} record(s): {', '.join(map(_event, step.events))}"
        case Api():
            return f"the API is {step.weather}"
        case Credentials():
            return f"credentials {'expire' if step.expired else 'are there again'}"
        case DeadLetters():
            return f"dead letters: {step.state}"
        case Registry():
            return f"the schema registry: {step.state}"
        case Brokers():
            return f"Kafka: {step.state}"
        case Move():
            return f"the group moves {', '.join(map(str, step.partitions))} to {step.to}"
        case Lose():
            hears = (
                "does not hear of it" if step.hears_after is None else f"hears after {step.hears_after:g} s"
            )
            as_what = " as of a revoke" if step.as_revoke else ""
            return f"the group gives {step.partition} to {step.to} unasked; its owner {hears}{as_what}"
        case Rewind():
            return f"partition {step.partition} is read again from its committed offset"
        case Recreate():
            return "the topic is made anew"
        case Cut():
            return f"partition {step.partition} loses the end of its log, {1 - step.share_kept:.0%} of it"
        case Expire():
            return f"retention takes the older half of partition {step.partition}"
        case Crash():
            when = f"{_turns(step.turns)}, noticed after {step.noticed_after:g} s"
            return f"{step.slot} is killed{when}{_next(step)}"
        case Terminate():
            return f"{step.slot} gets SIGTERM{_turns(step.turns)}{_next(step)}"
        case Freeze():
            return f"{step.slot} is stopped{_turns(step.turns)} for {step.seconds:g} s"
        case Join():
            return f"{step.slot} joins"
        case Renew():
            return f"{step.slot} is to log in otherwise{_turns(step.turns)}"
    # One of another source's schedules, which has no words of its own.
    return str(step)


def _turns(turns: int) -> str:
    return f" {turns} turns later" if turns else ""


def _next(step: Crash | Terminate) -> str:
    return "" if step.restart_after is None else f", the next joins after {step.restart_after:g} s"


def _event(event: Event) -> str:
    gap = f" after a gap of {event.gap}" if event.gap else ""
    where = f"in {event.partition}{gap}{f' by schema {event.schema}' if event.schema else ''}"
    if event.elements:
        several = "; ".join(f"{each.kind} {each.session}/{each.user}" for each in event.elements)
        return f"[{several}] {where}"
    return f"{event.kind} {event.session}/{event.user} {where}"
