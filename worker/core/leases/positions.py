"""Positions: the one integer that orders the records of a shard, made of sequence and sub-sequence number."""

from __future__ import annotations

from worker.core.leases.lease import At

# The KPL counts the records of an aggregate in fewer bits than these.
_SUBSEQUENCE_BITS = 32
_SUBSEQUENCE_MASK = (1 << _SUBSEQUENCE_BITS) - 1


def position_of(sequence: int, subsequence: int = 0) -> int:
    """Return the position of a record: greater than that of every record before it in its shard."""
    return sequence << _SUBSEQUENCE_BITS | subsequence


def at(position: int) -> At:
    """Return the checkpoint of which the record at this position is the last that is done."""
    return At(position >> _SUBSEQUENCE_BITS, position & _SUBSEQUENCE_MASK)
