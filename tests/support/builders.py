"""Small things that many tests build."""

from __future__ import annotations

from worker.core.model.partition import Partition
from worker.core.model.records import Interaction, Record
from worker.core.offsets.assignment import Assignment


def assignment(topic: str = "interactions", partition: int = 0, epoch: int = 1) -> Assignment:
    """An assignment on which nothing was received."""
    return Assignment(Partition(topic, partition), epoch)


def record(  # noqa: PLR0913  the fields of a record
    offset: int = 0,
    *,
    value: bytes | None = b"{}",
    key: bytes | None = None,
    headers: tuple[tuple[str, bytes | None], ...] = (),
    under: Assignment | None = None,
    timestamp_ms: int | None = 1_700_000_000_000,
    received_at: float = 0.0,
) -> Record:
    """A record; what is not said does not matter."""
    return Record(under or assignment(), offset, timestamp_ms, key, value, headers, received_at)


def interaction(  # noqa: PLR0913  the fields of an interaction
    session_id: str = "s",
    *,
    user_id: str | None = "u",
    offset: int = 0,
    under: Assignment | None = None,
    received_at: float = 0.0,
    event: bytes = b"{}",
) -> Interaction:
    """A mapped event."""
    return Interaction(record(offset, under=under, received_at=received_at), session_id, user_id, event)
