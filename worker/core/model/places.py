"""Places of records: an offset in a partition of Kafka, or a position in a shard of Kinesis.

A position is made of a sequence number of 56 digits and the place within an aggregate
(``core.leases.positions``), and is far larger than any offset, which is a long. So what is read back says by
its size what it is. People and programs are shown the sequence number.
"""

from __future__ import annotations

import re
from typing import Final

# Kafka's offset is a long.
MOST_OFFSET: Final = 2**63 - 1
# The service model of Kinesis gives a sequence number up to 129 digits; it has 56.
_MAX_SEQUENCE_DIGITS: Final = 129
SUBSEQUENCE_BITS: Final = 32
"""The KPL counts the records of an aggregate in fewer bits than these."""
_SUBSEQUENCE_MASK: Final = (1 << SUBSEQUENCE_BITS) - 1
MOST_PLACE: Final = 10**_MAX_SEQUENCE_DIGITS << SUBSEQUENCE_BITS
_NUMBER: Final = re.compile(r"([0-9]{1,129})(?:\.([0-9]{1,10}))?")


def shown_place(place: int) -> str:
    """Return an offset as it is; of a position its sequence number, and its place in an aggregate if any."""
    if place <= MOST_OFFSET:
        return str(place)
    subsequence = place & _SUBSEQUENCE_MASK
    return f"{place >> SUBSEQUENCE_BITS}" + (f".{subsequence}" if subsequence else "")


def read_place(text: str) -> int | None:
    """Return the offset or position that ``shown_place`` shows so; None if it is neither."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    number, subsequence = int(match[1]), int(match[2] or 0)
    if number <= MOST_OFFSET:
        return None if match[2] else number
    return None if subsequence > _SUBSEQUENCE_MASK else number << SUBSEQUENCE_BITS | subsequence


def written_place(place: int) -> int | str:
    """Return what stands for it in JSON: a number that jq and browsers keep, or text."""
    return place if place <= MOST_OFFSET else shown_place(place)


def last_of(place: int) -> int:
    """Return the last place that is shown like this one, but for its place within an aggregate."""
    return place if place <= MOST_OFFSET else place | _SUBSEQUENCE_MASK
