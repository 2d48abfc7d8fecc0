"""Positions: the one integer that orders the records of a shard, made of sequence and sub-sequence number."""

from __future__ import annotations

from worker.core.leases.lease import At
from worker.core.model.places import SUBSEQUENCE_BITS

_SUBSEQUENCE_MASK = (1 << SUBSEQUENCE_BITS) - 1


def position_of(sequence: int, subsequence: int = 0) -> int:
    """Return the position of a record: greater than that of every record before it in its shard."""
    return sequence << SUBSEQUENCE_BITS | subsequence


def at(position: int) -> At:
    """Return the checkpoint of which the record at this position is the last that is done."""
    return At(position >> SUBSEQUENCE_BITS, position & _SUBSEQUENCE_MASK)


def after(position: int) -> int:
    """Return the least position behind this one: where to go on once it is done."""
    return position + 1


def sequence_of(position: int) -> int:
    """Return the sequence number of the record of the stream that it stands in."""
    return position >> SUBSEQUENCE_BITS
