"""Leases: rows of the KCL's table, one for each shard.

Who owns a shard, how far it is done, and a counter that every write increments. The words and the meaning of
the fields are the KCL's, so that it and this worker can follow one another on one table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class Sentinel(StrEnum):
    """Checkpoints that name no record, in the KCL's words."""

    TRIM_HORIZON = "TRIM_HORIZON"
    """Nothing is done: begin at the oldest record that there is."""
    LATEST = "LATEST"
    """Nothing is done: begin at the records that come after the first read."""
    AT_TIMESTAMP = "AT_TIMESTAMP"
    """Nothing is done: begin at the first record of a time, which the configuration knows."""
    SHARD_END = "SHARD_END"
    """All is done: the shard is closed, and its last record was settled."""


class At(Struct, frozen=True, order=True):
    """The last record that is done. It is included: the next owner begins after it."""

    sequence: int
    """The 56 digits of the sequence number, as a number."""
    subsequence: int = 0
    """The place within an aggregate of the KPL."""


Checkpoint: TypeAlias = At | Sentinel


class Lease(Struct, frozen=True, kw_only=True):
    """One row of the KCL's table."""

    key: str
    """The shard's id; where one table serves several streams, the KCL's ``account:stream:epoch:shardId``."""
    owner: str | None = None
    counter: int = 0
    checkpoint: Checkpoint
    parents: frozenset[str] = frozenset()
    """Keys of the shards that this one was made of; they may be gone."""
    children: frozenset[str] = frozenset()
    """Keys of the shards that this one became, known once it is finished."""
    hash_range: tuple[int, int] | None = None
    """The first and the last hash key."""
    checkpoint_owner: str | None = None
    """Who still flushes and checkpoints while ``owner`` waits for it: a hand-over is under way."""
    owner_switches: int = 0
    """How often the owner changed since the checkpoint last moved."""
    latest_at: float | None = None
    """When the lease was made with LATEST, in epoch seconds: what comes after that is read, whoever reads it.

    The KCL knows no such thing: with it, LATEST is when the shard is first read, by each owner anew.
    """
    stream_created_at: int | None = None
    """When the shard's stream was made, in epoch seconds; None in a lease that the KCL made."""
    throughput_kbps: float | None = None
    """What a KCL noted; this worker leaves it as it is."""

    @property
    def is_finished(self) -> bool:
        """Whether all of the shard is done."""
        return self.checkpoint is Sentinel.SHARD_END


def is_ahead(checkpoint: Checkpoint, other: Checkpoint) -> bool:
    """Whether ``checkpoint`` says that more is done than ``other`` does."""
    return _rank(checkpoint) > _rank(other)


def _rank(checkpoint: Checkpoint) -> tuple[int, int, int]:
    if isinstance(checkpoint, At):
        return (1, checkpoint.sequence, checkpoint.subsequence)
    return (2, 0, 0) if checkpoint is Sentinel.SHARD_END else (0, 0, 0)
