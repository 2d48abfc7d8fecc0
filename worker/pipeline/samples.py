"""Logs a sample of records and calls at level debug: where they stand, sizes, times and outcomes.

The rule: nothing that a user could be known by. A record is named by its partition and its offset, with which
whoever may read the topic finds it; a call by its first record.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import structlog

from worker.core.model.outcomes import OUTCOME_WORDS, Accepted
from worker.core.model.records import FanOut, Interaction, Skipped, Undecodable
from worker.formats.protocol import NeedsSchema

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Mapped, Record
    from worker.core.model.retry_state import RetryState
    from worker.ports import Map

log = structlog.get_logger(__name__)


def log_record(record: Record, map_record: Map, clock: Callable[[], float]) -> None:
    """Log a record that was received. It is mapped once more for it, so that all others pay nothing."""
    if not log.is_enabled_for(logging.DEBUG):
        return
    began = clock()
    mapped = map_record(record)
    log.debug(
        "record.sampled",
        partition=str(record.assignment.partition),
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        key_bytes=len(record.key or b""),
        value_bytes=len(record.value or b""),
        headers=len(record.headers),
        outcome=_outcome(mapped),
        events=len(mapped.outcomes) if isinstance(mapped, FanOut) else None,
        map_microseconds=round((clock() - began) * 1e6),
    )


def log_call(batch: Batch, answer: Answer, seconds: float, retry: RetryState | None) -> None:
    """Log a call that was answered."""
    if not log.is_enabled_for(logging.DEBUG):
        return
    first = batch.interactions[0].record
    log.debug(
        "call.sampled",
        partition=str(first.assignment.partition),
        offset=first.offset,
        events=len(batch.interactions),
        event_bytes=sum(len(each.event) for each in batch.interactions),
        is_anonymous=batch.user_id is None,
        outcome=OUTCOME_WORDS[type(answer)],
        code=None if isinstance(answer, Accepted) else answer.code,
        calls_before=0 if retry is None else retry.calls,
        seconds=round(seconds, 4),
    )


def _outcome(mapped: Mapped | NeedsSchema) -> str:
    """What it became, in one word that is not from the record."""
    match mapped:
        case Interaction():
            return "event"
        case FanOut():
            return "events"
        case Undecodable():
            return mapped.reason.kind
        case Skipped():
            return mapped.rule
        case NeedsSchema():
            return "needs_schema"
