"""The text of a scalar, by which values are compared with those of a mapping."""

from __future__ import annotations

from typing import Final

# Integers up to here are exact as floats, so a fraction of zero was not a rounded one.
_MOST_EXACT: Final = 2**53


def scalar_text(value: object) -> str | None:
    """The text that stands for a scalar; None for all else.

    ``5`` and ``5.0`` are ``"5"``, true is ``"true"``.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:d}"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) <= _MOST_EXACT else repr(value)
    return None
