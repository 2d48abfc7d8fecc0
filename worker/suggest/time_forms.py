"""Finds how times are written: in which unit, or by which pattern of ``strptime``."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from worker.core.mapping.faults import Field, Unmappable
from worker.core.mapping.times import AUTO, UNITS, time, time_by_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.core.mapping.casts import Cast

_DATES: Final = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d",
    "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y",
)  # fmt: skip
_CLOCKS: Final = (
    "", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %H:%M:%S,%f", " %H:%M:%S %z", " %I:%M:%S %p", " %I:%M %p",
    ", %H:%M:%S", ", %H:%M", ", %I:%M:%S %p", "T%H:%M:%S", "T%H:%M:%S.%f", "T%H:%M:%S%z", " - %H:%M:%S",
    " - %H:%M", "; %H:%M:%S",
)  # fmt: skip
# Dates without anything between, as hosts write them, a web server's log, and a time of which the dots are
# colons.
_OTHERS: Final = (
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M%S%f",
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y-%m-%d %H.%M.%S",
    "%Y-%m-%d-%H.%M.%S.%f",
)
PATTERNS: Final = (*(date + clock for clock, date in product(_CLOCKS, _DATES)), *_OTHERS)
"""Those that are tried."""
_FIELD: Final = Field("sent_at", "")
_BY_UNIT: Final[Mapping[str, Cast]] = {unit: time(_FIELD, unit) for unit in UNITS if unit != AUTO}
_BY_PATTERN: Final[Mapping[str, Cast]] = {pattern: time_by_pattern(_FIELD, pattern) for pattern in PATTERNS}


def units_of(values: Sequence[object]) -> list[str]:
    """Return the units in which all of the values are times; a number has one at most."""
    return [unit for unit, cast in _BY_UNIT.items() if _reads_all(cast, values)]


def patterns_of(values: Sequence[object]) -> list[str]:
    """Return the patterns by which all of the values are times; two if a day may be a month."""
    texts = [value for value in values if isinstance(value, str | int)]
    if len(texts) < len(values):
        return []
    return [pattern for pattern, cast in _BY_PATTERN.items() if _reads_all(cast, texts)]


def _reads_all(cast: Cast, values: Sequence[object]) -> bool:
    return bool(values) and all(_reads(cast, value) for value in values)


def _reads(cast: Cast, value: object) -> bool:
    if isinstance(value, bool):
        return False
    try:
        cast(value)
    except (Unmappable, OverflowError):
        return False
    return True
