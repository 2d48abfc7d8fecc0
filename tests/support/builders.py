"""Small things that many tests build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.flow_control.admission import Admission
from worker.core.flow_control.circuit_breaker import CircuitBreaker
from worker.core.flow_control.rate_limiter import RateLimiter
from worker.core.model.partition import Partition
from worker.core.model.records import Interaction, Record
from worker.core.offsets.assignment import Assignment
from worker.pipeline.in_flight import InFlight

if TYPE_CHECKING:
    from worker.core.model.records import Batch
    from worker.pipeline.permits import Permit


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


def admission(calls_per_second: float = 100, max_in_flight: int = 1000) -> Admission:
    """What decides when a call may go; without a share of the quota yet."""
    return Admission(RateLimiter(calls_per_second, max_in_flight), CircuitBreaker())


def in_flight(batch: Batch, permit: Permit) -> InFlight:
    """A batch that was just sealed."""
    return InFlight(batch, permit, 0.0)
