"""A batch in flight: one object, from the moment the batch is sealed to its end."""

from __future__ import annotations

from itertools import chain
from math import inf
from typing import TYPE_CHECKING

from worker.core.model.snapshot import WaitsFor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Interaction
    from worker.core.model.retry_state import RetryState
    from worker.pipeline.permits import Permit, Permits


class InFlight:
    """What is left of a sealed batch, the permit of its call, and its retry state.

    Args:
        batch: the sealed batch.
        permit: acquired for its first call.
        sealed_at: when it was sealed, by the loop's clock.
        retry: the state of the session's failed calls, if the batch was requeued before.
    """

    __slots__ = ("left", "permit", "retry", "sealed_at", "session_id")

    def __init__(
        self, batch: Batch, permit: Permit, sealed_at: float, retry: RetryState | None = None
    ) -> None:
        self.session_id = batch.session_id
        self.left = [batch]
        """The batches without an outcome yet, in order; a batch that was refused is there as its halves."""
        self.permit: Permit | None = permit
        """For the call that is made next or is being made; None while a permit is waited for."""
        self.sealed_at = sealed_at
        self.retry = retry

    def interactions(self) -> Iterator[Interaction]:
        """Iterate over the events that have no outcome yet, in order."""
        return chain.from_iterable(batch.interactions for batch in self.left)

    async def acquire_again(self, permits: Permits) -> bool:
        """Wait for the permit of a further call; return False if turned away."""
        self.permit = await permits.acquire_again()
        return self.permit is not None

    def release(self, answer: Answer | None = None, sent_at: float = inf) -> None:
        """Release the permit, if there is one, with the result of its call."""
        permit, self.permit = self.permit, None
        if permit is not None:
            permit.release(answer, sent_at)

    def waits_for(self, now: float) -> WaitsFor:
        """Return what keeps the batch from being settled."""
        if self.retry is not None:
            return self.retry.waits_for(now)
        return WaitsFor("quota") if self.permit is None else WaitsFor("in_flight", now - self.sealed_at)
