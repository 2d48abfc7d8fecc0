"""Reports the oldest sessions under a hash, which tells sessions apart and does not reveal them."""

from __future__ import annotations

import heapq
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Final

from worker.core.model.snapshot import WaitsFor
from worker.core.model.worker_status import SessionStatus
from worker.status.partitions import BATCHES_LOOKED_AT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.assembly import Worker
    from worker.core.model.records import Interaction
    from worker.core.model.snapshot import ShownPosition
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


def session_statuses(
    worker: Worker, queue: Queue, hashing: Hashing, shown: Callable[[int], ShownPosition]
) -> tuple[SessionStatus, ...]:
    """Return the oldest sessions that are in flight or next, the oldest first.

    ``shown`` writes a record's position as its source does.
    """
    found = [*_carried(worker, queue.now), *_queued(worker, queue)]
    # Records that were received together have the same time.
    oldest = heapq.nsmallest(
        SHOWN, found, key=lambda each: (each[1].record.received_at, each[1].record.offset)
    )
    return tuple(_status(each, queue.now, hashing, shown) for each in oldest)


def _status(
    found: Found, now: float, hashing: Hashing, shown: Callable[[int], ShownPosition]
) -> SessionStatus:
    session_id, oldest, events, waits_for = found
    partition = oldest.record.assignment.partition
    return SessionStatus(
        hash=hashing.of(session_id),
        events=events,
        oldest_seconds=now - oldest.record.received_at,
        topic=partition.topic,
        partition=partition.number,
        offset=shown(oldest.record.offset),
        waits_for=waits_for,
    )


def _carried(worker: Worker, now: float) -> Iterator[Found]:
    flights = islice(worker.pipeline.in_flight(), BATCHES_LOOKED_AT)
    # One whose last event is becoming a dead letter has none left.
    left = [(flight, events) for flight in flights if (events := tuple(flight.interactions()))]
    for flight, events in heapq.nsmallest(SHOWN, left, key=lambda each: each[1][0].record.received_at):
        count = len(events) + worker.queues.waiting(flight.session_id)
        yield flight.session_id, events[0], count, flight.waits_for(now)


def _queued(worker: Worker, queue: Queue) -> Iterator[Found]:
    for each in worker.queues.due_longest(_LOOKED_AT):
        waits_for = queue.waits_for(each.due_at, worker.queues.retry_state(each.session_id))
        yield each.session_id, each.events[0], len(each.events), waits_for
