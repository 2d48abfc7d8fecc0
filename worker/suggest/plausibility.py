"""Rates the values of a place as values of a field: do they pass its cast, and behave like such values?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.mapping.casts import compile_cast
from worker.core.mapping.faults import Field, Unmappable
from worker.core.mapping.grammar.nodes import FieldSpec
from worker.core.mapping.placeholders import placeholders
from worker.core.mapping.times import AUTO, ISO8601, UNITS, time
from worker.core.operations.put_events import PUT_EVENTS
from worker.core.operations.table import Time
from worker.suggest.time_forms import patterns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.mapping.casts import Cast

_PLACEHOLDERS: Final = placeholders(())
# Few enough that a person would have named them one by one.
_MOST_EVENT_TYPES: Final = 50
_LONGEST_EVENT_TYPE: Final = 64
# Worth a comment, and never taken.
_OF_CODES: Final = 0.25
# With fewer records than this, it says nothing that two have the same value, or none has.
_TELLING: Final = 10
_ALL_BUT: Final = 0.98
# Enough for a day beyond the twelfth, which tells days from months.
_MOST_PATTERNED: Final = 40


class Rating(Struct, frozen=True):
    """How well the values of a place do as values of a field."""

    score: float
    """From 0 to 1."""
    unit: str = ""
    """Of a time: the unit in which all of them can be read."""
    patterns: tuple[str, ...] = ()
    """Of a time that no unit reads: the patterns by which all of them can be."""


def rate(field: str, values: Sequence[object]) -> Rating:
    """Rate the values; those that count as absent are no point against them, as long as there are others."""
    if field == "sent_at":
        return _rate_times(values)
    passed = _share_that_passes(field, values)
    return Rating(passed * _BEHAVIOUR.get(field, _like_any)(values))


def _share_that_passes(field: str, values: Sequence[object]) -> float:
    cast, present, passed = _CASTS[field], 0, 0
    for value in values:
        try:
            result = cast(value)
        except (Unmappable, UnicodeError, RecursionError, TypeError):
            present += 1
            continue
        if result is not None:
            present += 1
            passed += 1
    return passed / present if present else 0.0


def _rate_times(values: Sequence[object]) -> Rating:
    """Find the unit in which most can be read: a certain one where it reads them all, else ``auto``."""
    readable = {unit: _readable(values, unit) for unit in UNITS}
    best = max((unit for unit in UNITS if unit != AUTO), key=readable.__getitem__)
    if not readable[AUTO]:
        return _rate_by_pattern(values)
    unit = best if readable[best] == readable[AUTO] else AUTO
    # A text is a time only if it is meant to be one; a number may happen to lie in the range.
    certainty = 1.0 if unit == ISO8601 else 0.97
    return Rating(readable[unit] / len(values) * certainty if values else 0.0, unit)


def _rate_by_pattern(values: Sequence[object]) -> Rating:
    """Rate times that no unit reads, by a few of them: patterns are many, and the sample is mapped anyway."""
    written = [value for value in values if isinstance(value, str | int) and not isinstance(value, bool)]
    patterns = patterns_of(list(dict.fromkeys(written))[:_MOST_PATTERNED])
    return Rating(len(written) / len(values) if patterns else 0.0, "", tuple(patterns))


def _readable(values: Sequence[object], unit: str) -> int:
    cast, count = _TIMES[unit], 0
    for value in values:
        if not isinstance(value, bool):
            try:
                cast(value)
            except (Unmappable, OverflowError):
                continue
            count += 1
    return count


def _like_any(_: Sequence[object]) -> float:
    return 1.0


def _like_event_types(values: Sequence[object]) -> float:
    """Event types are few, they are words, and mostly there are several."""
    texts = [value for value in values if isinstance(value, str) and len(value) <= _LONGEST_EVENT_TYPE]
    if not texts or not any(each.isalpha() for text in texts for each in text):
        return _like_codes(values)
    distinct = len(set(texts))
    if distinct > _MOST_EVENT_TYPES or (distinct > _TELLING and distinct > len(texts) / 2):
        return 0.1
    constant = 0.7 if distinct == 1 and len(texts) >= _TELLING else 1.0
    return constant * len(texts) / len(values)


def _like_codes(values: Sequence[object]) -> float:
    """A few numbers may stand for types. Which is which, their author has to say."""
    codes = {str(value) for value in values if isinstance(value, int | str) and not isinstance(value, bool)}
    return _OF_CODES if len(values) >= _TELLING > len(codes) > 1 else 0.0


def _like_event_ids(values: Sequence[object]) -> float:
    """An event's id is there once."""
    if len(values) < _TELLING:
        return 1.0 if len(set(map(repr, values))) == len(values) else 0.6
    return 1.0 if len(set(map(repr, values))) / len(values) >= _ALL_BUT else 0.1


def _like_items(values: Sequence[object]) -> float:
    """One item for all records is a constant, and no item."""
    return 0.4 if len(values) >= _TELLING and len(set(map(repr, values))) == 1 else 1.0


def _like_sessions(values: Sequence[object]) -> float:
    """A session holds several records, so an id that each record has for itself is less likely one."""
    if len(values) < _TELLING:
        return 1.0
    commonest = Counter(map(repr, values)).most_common(1)[0][1]
    if commonest == len(values):
        return 0.5
    return 1.0 if commonest > 1 else 0.9


_BEHAVIOUR: Final[Mapping[str, Callable[[Sequence[object]], float]]] = {
    "event_type": _like_event_types,
    "event_id": _like_event_ids,
    "item_id": _like_items,
    "session_id": _like_sessions,
    "user_id": _like_sessions,
}
_CASTS: Final[Mapping[str, Cast]] = {
    field.name: compile_cast(
        Field(field.name, ""),
        field.type,
        FieldSpec(),
        placeholder_ids=_PLACEHOLDERS,
        check_characters=True,
    )
    for field in PUT_EVENTS.fields
    if not isinstance(field.type, Time)
}
_TIMES: Final[Mapping[str, Cast]] = {unit: time(Field("sent_at", ""), unit) for unit in UNITS}
