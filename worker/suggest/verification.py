"""Runs a suggested mapping over the sample, and turns optional fields off that would cost records."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker.core.mapping.faults import MappingError
from worker.core.model.records import FanOut, Interaction, Undecodable
from worker.core.operations.put_events import PUT_EVENTS
from worker.suggest.choosing import Choice
from worker.suggest.fan_out import FanOutPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from worker.core.model.records import Mapped, Record
    from worker.suggest.choosing import Plan

    MapRecord: TypeAlias = Callable[[Record], Mapped | FanOut]
    Compile: TypeAlias = Callable[[Mapping[str, object]], MapRecord]
    """Compiles ``record.mapping``; raises MappingError."""

# Without a user or an item an event is worth little, so a bad one costs its record, as in operation.
_DISPENSABLE: Final = {field.name for field in PUT_EVENTS.fields if not field.required} - {
    "user_id",
    "item_id",
}
_MOST_SPOILT: Final = 0.02
_FIELD: Final = re.compile(r"(?:element \d+: )?([a-z_]+)(?: \(|:)")
_MOST_REASONS: Final = 5
# Each round turns off one field at least.
_MOST_ROUNDS: Final = len(PUT_EVENTS.fields)


class Verdict(Struct, frozen=True):
    """What became of the sample."""

    records: int
    """Those that became an event, or were left out by a rule."""
    events: int
    reasons: tuple[tuple[str, int], ...] = ()
    """Why others are dead letters, and how many, the most frequent first."""


def verify(plan: Plan, records: Sequence[Record], compile_: Compile) -> tuple[Plan, Verdict]:
    """Return the plan, without what costs records, and what becomes of the sample with it."""
    for _ in range(_MOST_ROUNDS):
        try:
            map_record = compile_(plan.mapping())
        except MappingError as error:
            fields = {mistake.key.partition(".")[0] for mistake in error.mistakes}
            if "each" in fields:
                plan = _without_fan_out(plan)
            plan = _without(plan, fields, "its path can't be written down")
            continue
        verdict, harmful = _run(map_record, records)
        if not harmful:
            return plan, verdict
        plan = _without(plan, harmful, "it would make dead letters of some records")
    return plan, Verdict(0, 0, (("no mapping was found that compiles", len(records)),))


def _run(map_record: MapRecord, records: Sequence[Record]) -> tuple[Verdict, set[str]]:
    """Map all of them; and name the fields that can be done without, and of which too many don't map."""
    mapped = events = 0
    reasons: Counter[str] = Counter()
    for record in records:
        outcome = map_record(record)
        outcomes = outcome.outcomes if isinstance(outcome, FanOut) else (outcome,)
        bad = [each for each in outcomes if isinstance(each, Undecodable)]
        events += sum(isinstance(each, Interaction) for each in outcomes)
        mapped += len(bad) < len(outcomes)
        reasons.update({f"{each.reason.kind}: {each.reason.text}" for each in bad})
    spoilt: Counter[str] = Counter()
    for text, count in reasons.items():
        if (match := _FIELD.match(text.partition(": ")[2])) and match[1] in _DISPENSABLE:
            spoilt[match[1]] += count
    harmful = {field for field, count in spoilt.items() if count > len(records) * _MOST_SPOILT}
    return Verdict(mapped, events, tuple(reasons.most_common(_MOST_REASONS))), harmful


def _without(plan: Plan, fields: set[str], why: str) -> Plan:
    """Return the plan with these fields relaxed, or else turned off."""
    kept = [choice for choice in plan.choices if choice.field not in fields]
    required = {field.name for field in PUT_EVENTS.fields if field.required}
    # A required field can't be turned off: then its default place has to do.
    changed = [_relaxed(each, why) for each in plan.choices if each.field in fields - required]
    known = {choice.field for choice in plan.choices}
    # A field may be found at its default place, without the plan naming it.
    changed += [
        Choice(name, None, advice=f"off, because {why}") for name in sorted(fields & _DISPENSABLE - known)
    ]
    order = [field.name for field in PUT_EVENTS.fields]
    choices = sorted((*kept, *changed), key=lambda choice: order.index(choice.field))
    missing = tuple(each for each in plan.missing if each[0] not in fields)
    return msgspec.structs.replace(plan, choices=tuple(choices), missing=missing)


def _without_fan_out(plan: Plan) -> Plan:
    """Return the plan for records of one event, without what is of an element."""
    kept = [choice for choice in plan.choices if not any(each.place.arrays for each in choice.chosen)]
    return msgspec.structs.replace(plan, fan_out=FanOutPlan(), choices=tuple(kept))


def _relaxed(choice: Choice, why: str) -> Choice:
    if choice.field == "properties" and isinstance(choice.source, str | list):
        source = {"path": choice.source, "too_long": "leave_out"}
        advice = "longer than the API takes in some records: what is too much is left out"
        return msgspec.structs.replace(choice, source=source, advice=advice)
    advice = f"off, because {why}"
    return msgspec.structs.replace(choice, source=None, advice=advice)
