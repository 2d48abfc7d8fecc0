"""Reports the oldest sessions under a hash, which tells sessions apart and does not reveal them."""

from __future__ import annotations

import heapq
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Final

from worker.core.model.snapshot import SessionStatus, WaitsFor
from worker.status.partitions import BATCHES_LOOKED_AT
from worker.status.waiting import under_way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.assembly import Worker
    from worker.core.model.records import Interaction
    from worker.status.waiting import Queue

SHOWN: Final = 10
# The next to go are nearly the oldest, though a full session goes before an older one that lingers.
_LOOKED_AT: Final = 100

Found = tuple[str, "Interaction", int, WaitsFor]


class Hashing:
    """Hashes ids with a key of this process, so that nobody can find an id by trying all of them.

    Args:
        key: the secret key.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, session_id: str) -> str:
        """Return a hash of sixteen characters."""
        # An id may be text that is not valid Unicode.
        text = session_id.encode(errors="surrogatepass")
        return blake2b(text, key=self._key, digest_size=8).hexdigest()


def session_statuses(worker: Worker, queue: Queue, hashing: Hashing) -> tuple[SessionStatus, ...]:
    """Return the oldest sessions that are in flight or next, the oldest first."""
    found = [*_carried(worker, queue.now), *_queued(worker, queue)]
    # Records that were received together have the same time.
    oldest = heapq.nsmallest(
        SHOWN, found, key=lambda each: (each[1].record.received_at, each[1].record.offset)
    )
    return tuple(_status(each, queue.now, hashing) for each in oldest)


def _status(found: Found, now: float, hashing: Hashing) -> SessionStatus:
    session_id, oldest, events, waits_for = found
    return SessionStatus(
        hash=hashing.of(session_id),
        events=events,
        oldest_seconds=now - oldest.record.received_at,
        topic=oldest.record.assignment.topic,
        partition=oldest.record.assignment.partition,
        offset=oldest.record.offset,
        waits_for=waits_for,
    )


def _carried(worker: Worker, now: float) -> Iterator[Found]:
    carried = islice(worker.pipeline.under_way(), BATCHES_LOOKED_AT)
    oldest = heapq.nsmallest(SHOWN, carried, key=lambda each: each[0].interactions[0].record.received_at)
    for batch, since in oldest:
        events = len(batch.interactions) + worker.queues.waiting(batch.session_id)
        waits_for = under_way(worker, batch.session_id, since, now)
        yield batch.session_id, batch.interactions[0], events, waits_for


def _queued(worker: Worker, queue: Queue) -> Iterator[Found]:
    for each in worker.queues.due_longest(_LOOKED_AT):
        waits_for = queue.waits_for(each.due_at, worker.delivery.retry_states.get(each.session_id))
        yield each.session_id, each.events[0], len(each.events), waits_for
