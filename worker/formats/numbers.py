"""Numbers of binary formats, as the mapping takes them."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from worker.formats.protocol import INFINITE, NAN, TOO_LARGE

if TYPE_CHECKING:
    from worker.formats.protocol import UnusableNumber

_SINGLE: Final = Struct("<f")
# The fewest digits that every number of 32 bits keeps, and the fewest that tell any two of them apart.
_DIGITS: Final = range(6, 10)
# About the digits that any field takes; Python converts at most 4,300.
_MOST_DECIMAL_BYTES: Final = 425


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


def decimal_text(unscaled: bytes, scale: int) -> str | UnusableNumber:
    """Return a decimal number with all its digits; ``unscaled`` is in two's complement, big end first."""
    if len(unscaled) > _MOST_DECIMAL_BYTES:
        return TOO_LARGE
    number = int.from_bytes(unscaled, "big", signed=True)
    if not scale:
        return str(number)
    digits = str(abs(number)).rjust(scale + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"
