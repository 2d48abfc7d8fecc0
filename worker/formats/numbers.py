"""Numbers of binary formats, as the mapping takes them."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from worker.formats.protocol import INFINITE, NAN

if TYPE_CHECKING:
    from worker.formats.protocol import UnusableNumber

_SINGLE: Final = Struct("<f")
# The fewest digits that every number of 32 bits keeps, and the fewest that tell any two of them apart.
_DIGITS: Final = range(6, 10)


def from_double(number: float) -> float | UnusableNumber:
    """Return the number, or which one it is not."""
    if number - number == 0.0:
        return number
    return NAN if number != number else INFINITE  # noqa: PLR0124  only NaN differs from itself


def from_single(number: float) -> float | UnusableNumber:
    """Return the shortest number of the same 32 bits: 19.99, and not 19.989999771118164."""
    if number.is_integer() or number - number != 0.0:
        return from_double(number)
    packed = _SINGLE.pack(number)
    for digits in _DIGITS:
        shorter = float(f"{number:.{digits}g}")
        if _SINGLE.pack(shorter) == packed:
            return shorter
    return number
