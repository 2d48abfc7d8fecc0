"""The API, as a replay calls it: each call waits for its turn at the background rate, behind live traffic."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from worker.core.model.outcomes import Throttled

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.flow_control.background_rate import BackgroundRate
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch
    from worker.ports import PutEvents


class BackgroundSender:
    """Calls at the background rate; implements ``ports.PutEvents``."""

    def __init__(
        self, put_events: PutEvents, background_rate: BackgroundRate, clock: Callable[[], float]
    ) -> None:
        """Call ``put_events``; ``clock`` is the loop's."""
        self._put_events = put_events
        self._background_rate = background_rate
        self._clock = clock
        # Fair: who came first goes first.
        self._turn = asyncio.Lock()

    async def put(self, batch: Batch) -> Answer:
        """Wait, send the batch, and slow down if that was too fast."""
        async with self._turn:
            while (opens_at := self._background_rate.opens_at(self._clock())) > (now := self._clock()):  # noqa: ASYNC110  time is what it waits for
                await asyncio.sleep(opens_at - now)
            self._background_rate.enter(self._clock())
        sent_at = self._clock()
        answer = await self._put_events.put(batch)
        if isinstance(answer, Throttled):
            self._background_rate.throttled(sent_at, self._clock())
        return answer
