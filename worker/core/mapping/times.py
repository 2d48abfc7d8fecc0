"""The cast of a time to whole epoch seconds, which the API takes, from any unit or from text.

Only times of the years 1973 to 2099 are accepted. That excludes zeros, sentinel values and wrong units. It is
also why ``auto`` cannot be wrong: no number is a time of these years in two of the units.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from worker.core.mapping import faults
from worker.core.mapping.moments import by_pattern, epoch_seconds, has_named_zone
from worker.formats.protocol import UnusableNumber

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.mapping.faults import Field

EARLIEST_SECONDS: Final = 100_000_000
"""1973-03-03T09:46:40Z"""
END_SECONDS: Final = 4_102_444_800
"""2100-01-01T00:00:00Z, the first time that is too late."""

_Scale: TypeAlias = tuple[int, int, int]
"""How many of a unit make a second, and the earliest time and the end in that unit."""


def _scale(per_second: int) -> _Scale:
    return per_second, EARLIEST_SECONDS * per_second, END_SECONDS * per_second


AUTO: Final = "auto"
ISO8601: Final = "iso8601"
_SCALES: Final = {
    "seconds": _scale(1),
    "milliseconds": _scale(10**3),
    "microseconds": _scale(10**6),
    "nanoseconds": _scale(10**9),
}
UNITS: Final = (*_SCALES, ISO8601, AUTO)

# A number as text: whole seconds need only its whole part, unless it has an exponent, as Java writes it.
_NUMBER: Final = re.compile(r"(-?[0-9]{1,32})(?:\.[0-9]*)?")
_WITH_EXPONENT: Final = re.compile(r"-?[0-9]{1,32}(\.[0-9]{0,32})?[eE]\+?[0-9]{1,2}")


class RecordMilliseconds(int):
    """The record's own timestamp; the type tells it from a number in the field's unit."""

    __slots__ = ()


def time(field: Field, unit: str) -> Callable[[object], int]:
    """Compile the cast of a time in ``unit`` to whole epoch seconds; fractions are cut off."""
    scales = _scales(unit)
    # Nearly all times are integers in the unit, or in the first one that ``auto`` tries.
    likely_per_second, likely_earliest, likely_end = scales[0] if scales else (1, 0, 0)

    def cast(value: object) -> int:
        if type(value) is int and likely_earliest <= value < likely_end:
            return value // likely_per_second
        if type(value) is int or type(value) is float:
            number, candidates = value, scales
        elif value is None or value == "":
            raise field.missing()
        else:
            number, candidates = _measure(value, unit, scales)
        for per_second, earliest, end in candidates:
            if earliest <= number < end:
                return int(number) // per_second
        if isinstance(value, str) and value.isspace():
            raise field.missing()
        if not candidates:
            raise field.broken(*_explain(value, unit))
        raise field.broken(faults.OUT_OF_RANGE, f"not a time of the years 1973 to 2099 (unit: {unit})")

    def cast_text(value: object) -> int:
        """The same for what is nearly always text."""
        seconds = epoch_seconds(value) if type(value) is str else None
        return seconds if seconds is not None and EARLIEST_SECONDS <= seconds < END_SECONDS else cast(value)

    return cast_text if unit == ISO8601 else cast


def time_by_pattern(field: Field, pattern: str) -> Callable[[object], int]:
    """Compile the cast of a time that is written by a pattern of ``strptime``; UTC unless that has an offset.

    The record's own timestamp is no such text and is taken as it is.
    """
    of_record = time(field, "milliseconds")

    def cast(value: object) -> int:
        if type(value) is RecordMilliseconds:
            return of_record(value)
        if isinstance(value, UnusableNumber):
            raise field.broken(value.kind, value.rule)
        text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if value is None or value == "" or (isinstance(value, str) and not text):
            raise field.missing()
        seconds = by_pattern(text, pattern)
        if seconds is None:
            raise field.broken(faults.WRONG_TYPE, f"not a time (pattern: {pattern})")
        if not EARLIEST_SECONDS <= seconds < END_SECONDS:
            raise field.broken(faults.OUT_OF_RANGE, "not a time of the years 1973 to 2099")
        return seconds

    return cast


def _scales(unit: str) -> tuple[_Scale, ...]:
    """The scale of the unit; all scales for ``auto``, none for ISO 8601, which accepts no number."""
    if unit == AUTO:
        return tuple(_SCALES.values())
    return () if unit == ISO8601 else (_SCALES[unit],)


def _measure(value: object, unit: str, scales: tuple[_Scale, ...]) -> tuple[float, tuple[_Scale, ...]]:
    """The number that ``value`` holds, and its possible scales: none if it is not a time in this unit."""
    if type(value) is RecordMilliseconds:
        return value, (_SCALES["milliseconds"],)
    if type(value) is not str:
        return 0, ()
    if scales and (number := _NUMBER.fullmatch(value)):
        return int(number[1]), scales
    if unit in (AUTO, ISO8601) and (seconds := epoch_seconds(value)) is not None:
        return seconds, (_SCALES["seconds"],)
    if scales and _WITH_EXPONENT.fullmatch(value):
        return float(value), scales
    bare = value.strip(" \t\r\n")
    return _measure(bare, unit, scales) if bare != value else (0, ())


def _explain(value: object, unit: str) -> tuple[str, str]:
    if isinstance(value, UnusableNumber):
        return value.kind, value.rule
    if isinstance(value, str) and unit in (AUTO, ISO8601) and has_named_zone(value):
        return faults.WRONG_TYPE, "not a time: its zone is a word other than UTC; give the offset"
    return faults.WRONG_TYPE, f"not a time (unit: {unit})"
