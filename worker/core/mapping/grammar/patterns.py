"""Checks the pattern of a time, as ``strptime`` takes it, by writing and reading a time with it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_SAMPLE: Final = datetime(2026, 11, 27, 22, 14, 35, tzinfo=UTC)
# The longer ones first: SSS is a fraction, ss are seconds.
_JAVA: Final = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MMM": "%b", "MM": "%m", "dd": "%d", "HH": "%H", "hh": "%I",
    "mm": "%M", "SSSSSS": "%f", "SSS": "%f", "ss": "%S", "XXX": "%z", "Z": "%z", "a": "%p",
}  # fmt: skip
_JAVA_WORD: Final = re.compile("'([^']*)'|" + "|".join(_JAVA))


def check_pattern(given: object) -> str:
    """Return the pattern if it tells the day.

    Raises:
        ValueError: it does not; the message says why.
    """
    if not isinstance(given, str) or "%" not in given or "\0" in given:
        meant = _from_java(given) if isinstance(given, str) else None
        msg = f'must be how the times are written, such as "{meant or "%d/%m/%Y %H:%M:%S"}"'
        raise ValueError(msg)
    if "%Z" in given:
        msg = "a zone's name does not tell the offset; only %z does"
        raise ValueError(msg)
    try:
        read = datetime.strptime(_SAMPLE.strftime(given), given)  # noqa: DTZ007  only the day is compared
    except (ValueError, UnicodeError):
        msg = "not a pattern that a time can be read with; %Y %m %d %H %M %S %f %z and others can be in it"
        raise ValueError(msg) from None
    if read.date() != _SAMPLE.date():
        msg = "does not tell year, month and day"
        raise ValueError(msg)
    if read.hour != _SAMPLE.hour and (read.hour or read.minute):
        msg = "tells only a part of the hours: %I needs %p, %M needs %H"
        raise ValueError(msg)
    return given


def _from_java(given: str) -> str | None:
    """Return the pattern of ``strptime`` for one of Java's; None if it is none."""
    meant = _JAVA_WORD.sub(lambda match: _JAVA.get(match[0], match[1] or ""), given)
    try:
        return check_pattern(meant) if "%" in meant else None
    except ValueError:
        return None
