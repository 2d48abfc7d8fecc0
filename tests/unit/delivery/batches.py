"""Batches to send, built from event bytes alone."""

from __future__ import annotations

from worker.core.model.partition import Partition
from worker.core.model.records import Batch, Interaction, Record
from worker.core.offsets.assignment import Assignment

EVENT = b'{"eventType":"view","sentAt":1700000000}'


def batch_of(*events: bytes, session_id: str = "session", user_id: str | None = "user") -> Batch:
    """Build a batch of these events, each from a record of its own."""
    assignment = Assignment(Partition("interactions", 0), 1)
    return Batch(
        session_id,
        user_id,
        tuple(
            Interaction(Record(assignment, offset, None, None, event, ()), session_id, user_id, event)
            for offset, event in enumerate(events)
        ),
    )
