"""Parses times written as text: RFC 3339, ISO 8601, RFC 5322, HTTP, and what languages print.

Python's own parser is fast and accepts most of it, but not the same in each version. What it does not accept
is parsed here, by one grammar. Text without a time zone is UTC. A zone name other than UTC's is refused, not
guessed: CST is a zone in America, in China and in Cuba.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = 86_400
_SIXTY: Final = 60
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_CLOCK: Final = r"""
    (?P<hour> [01][0-9] | 2[0-4] )
    (?: :? (?P<minute>[0-9]{2}) (?: :? (?P<second>[0-9]{2}) (?:[.,][0-9]{0,32})? )? )?
"""
_ZONE: Final = r"""
    (?:[ ]? (?: (?P<utc> Z | UTC? | GMT ) | (?:UTC|GMT)? (?P<sign>[+-]) (?P<off_hour>[01][0-9]|2[0-3])
                                            (?: :? (?P<off_minute>[0-9]{2}) (?: :? [0-9]{2} )? )? ))?
"""
# Java adds the zone's name in brackets to the offset; Go and JavaScript repeat the zone in words.
_ZONE_AGAIN: Final = r"(?P<again> [ ]? \[ [^\[\]]{1,64} \] | [ ] \( [^()]{1,64} \) | [ ] [A-Z]{1,5} )?"
_FORMS: Final = (
    # 2026-11-27T10:00:00.123Z and 20261127T100000Z; Go's monotonic clock behind it says nothing.
    rf"""(?P<year>[0-9]{{4}}) (?P<dash>-?) (?P<month>[0-9]{{2}}) (?P=dash) (?P<day>[0-9]{{2}})
         (?: (?: T | [ ]{{1,2}} ) {_CLOCK} {_ZONE} {_ZONE_AGAIN} (?: [ ] m=[+-][0-9.]{{1,32}} )? )?""",
    # Fri, 27 Nov 2026 10:00:00 GMT: RFC 5322, HTTP, Java's RFC_1123_DATE_TIME.
    rf"""(?: [a-z]{{3}}, [ ])? (?P<day>[0-9]{{1,2}}) [ ] (?P<word>[a-z]{{3}}) [ ] (?P<year>[0-9]{{4}}) [ ]
         {_CLOCK} {_ZONE} {_ZONE_AGAIN}""",
    # Fri Nov 27 10:00:00 UTC 2026: java.util.Date, C's ctime.
    rf"""[a-z]{{3}} [ ] (?P<word>[a-z]{{3}}) [ ]{{1,2}} (?P<day>[0-9]{{1,2}}) [ ] {_CLOCK} {_ZONE}
         [ ] (?P<year>[0-9]{{4}})""",
    # Fri Nov 27 2026 10:00:00 GMT+0000 (Coordinated Universal Time): JavaScript's Date.
    rf"""[a-z]{{3}} [ ] (?P<word>[a-z]{{3}}) [ ] (?P<day>[0-9]{{2}}) [ ] (?P<year>[0-9]{{4}}) [ ]
         {_CLOCK} {_ZONE} {_ZONE_AGAIN}""",
)
_ZONE_BY_WORD: Final = r"""
    [0-9] (?: [ ]? \[ [^\[\]]+ \] | [ ] [A-Z]+ / [A-Z_/]+ | [ ]? (?! [AP]M $ ) [A-Z]{2,5} )
    (?: [ ] [0-9]{4} )? $
"""
_UTC_NAMES: Final = frozenset({"utc", "gmt", "z", "ut", "etc/utc", "etc/gmt"})


def epoch_seconds(text: str) -> int | None:
    """The time in whole seconds since 1970; None if the text is not a time."""
    try:
        # BigQuery writes the zone as a word.
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        return by_grammar(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _SECOND


def by_pattern(text: str, pattern: str) -> int | None:
    """The time that is written by a pattern of ``strptime``; None if the text is not written by it."""
    try:
        moment = datetime.strptime(text, pattern)  # noqa: DTZ007  UTC is added below
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _SECOND
    except (ValueError, OverflowError):
        return None


def has_named_zone(text: str) -> bool:
    """Whether text that could not be parsed ends with the name of a time zone instead of an offset."""
    return _compiled(_ZONE_BY_WORD).search(text) is not None


def by_grammar(text: str) -> int | None:
    """The same without Python's parser, which also accepts the week dates of ISO 8601."""
    for form in _FORMS:
        found = _compiled(form).fullmatch(text)
        if found:
            part = found.groupdict()
            return _seconds(part) if _zone_is_known(part) else None
    return None


@cache
def _compiled(form: str) -> re.Pattern[str]:
    """Compile it when the first text needs it: most records have their time as a number, or in ISO 8601."""
    return re.compile(form, re.VERBOSE | re.IGNORECASE)


def _zone_is_known(part: dict[str, str | None]) -> bool:
    """A zone's name is harmless if an offset stands before it, or if it is a name of UTC."""
    again = (part.get("again") or "").strip(" []()").lower()
    return not again or part["sign"] is not None or part["utc"] is not None or again in _UTC_NAMES


def _seconds(part: dict[str, str | None]) -> int | None:
    hour, minute, second, off_hour, off_minute = (
        int(part[name] or 0) for name in ("hour", "minute", "second", "off_hour", "off_minute")
    )
    of_day = hour * 3600 + minute * 60 + second
    # 24:00 is the end of the day. Second 60 is a leap second, which POSIX counts as the next minute's first.
    if of_day > _DAY or minute >= _SIXTY or second > _SIXTY or off_minute >= _SIXTY:
        return None
    try:
        day = date(int(part["year"] or 0), _month(part), int(part["day"] or 0)).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    offset = off_hour * 3600 + off_minute * 60
    return day * _DAY + of_day - (-offset if part["sign"] == "-" else offset)


def _month(part: dict[str, str | None]) -> int:
    word = part.get("word")
    return _MONTHS.index(word.lower()) + 1 if word else int(part["month"] or 0)
