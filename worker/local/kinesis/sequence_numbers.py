"""Sequence numbers of 56 digits, built as AWS builds them.

In hexadecimal: ``2``, when the shard was made (9 digits, seconds), the last digit of the shard's number, an
index that grows with each record of the stream (16), ``00``, when the record came (9), the shard's number
(8), ``2``. So numbers grow within a shard, and from a parent to its children, which are made a second later.
Source: kinesalite's ``db/index.js``, which took it from what AWS answers.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

VERSION: Final = 2
# Of a shard's end; no record gets that far.
LAST_INDEX: Final = 2**63 - 1
_SMALLEST: Final = VERSION << 184
_MAX_SECONDS: Final = 16_025_175_000


class SequenceNumber(Struct, frozen=True):
    """What a sequence number is made of."""

    shard: int
    created_seconds: int
    index: int
    at_seconds: int

    def __int__(self) -> int:
        """The number itself."""
        return (
            _SMALLEST
            | self.created_seconds << 148
            | (self.shard & 0xF) << 144
            | self.index << 80
            | self.at_seconds << 36
            | self.shard << 4
            | VERSION
        )


def parsed(number: int) -> SequenceNumber | None:
    """Take a sequence number apart; None if it is none."""
    if number >> 184 != VERSION or number & 0xF != VERSION:
        return None
    created_seconds = number >> 148 & 0xF_FFFF_FFFF
    index = number >> 80 & 0xFFFF_FFFF_FFFF_FFFF
    if index > LAST_INDEX or created_seconds >= _MAX_SECONDS:
        return None
    return SequenceNumber(number >> 4 & 0xFFFF_FFFF, created_seconds, index, number >> 36 & 0xF_FFFF_FFFF)
