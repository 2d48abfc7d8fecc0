"""Fetches the schemas that records need, each by one question at a time, for as long as that takes.

That there is no such schema is believed only after some seconds of asking, because a registry may lag behind
its producers. Then it is remembered for half a minute, so that a schema that is registered late is found all
the same. While the registry is away or refuses us, it is asked again at growing intervals.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct
from tenacity import AsyncRetrying, retry_if_result, stop_never, wait_random_exponential

from worker.core.log_throttle import LogThrottle
from worker.formats.schemas import UNKNOWN, Schema, Unknown
from worker.pipeline.wakeup import Wakeup
from worker.ports import RegistryFault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from worker.formats.schemas import SchemaId, Schemas
    from worker.ports import SchemaRegistry

log = structlog.get_logger(__name__)

_FIRST_WAIT_SECONDS: Final = 0.5
_MAX_WAIT_SECONDS: Final = 30.0
DOUBTED_SECONDS: Final = 5.0
"""For so long a registry that knows no such schema is not believed."""
UNKNOWN_SECONDS: Final = 30.0
"""For so long it is not asked again."""
# Producers that frame their records with the ids of another registry must not stop a partition for seconds
# with each new id.
_DOUBTED_IN_A_ROW: Final = 3
_REMEMBERED: Final = 1000


class Fault(Struct):
    """Why one schema can't be fetched, since when, and when it is tried again (``inf``: it is, just now)."""

    code: str
    since: float
    next_at: float = inf


class SchemaFetcher:
    """Asks for each schema that is wanted until there is an answer.

    Args:
        registry: what to ask; None: there is none, which is a fault.
        schemas: where the answers go, and where decoders find them.
        clock: the loop's.
        arrived: called with each id whose answer has come.
    """

    def __init__(
        self,
        registry: SchemaRegistry | None,
        schemas: Schemas,
        clock: Callable[[], float],
        arrived: Callable[[SchemaId], None],
    ) -> None:
        self._registry = registry
        self._schemas = schemas
        self._clock = clock
        self._arrived = arrived
        self._fetches: dict[SchemaId, asyncio.Task[None] | None] = {}
        self._work = Wakeup()
        # Woken when the registry has answered: whoever waits to ask again need not wait any longer.
        self._answered = Wakeup()
        self.faults: dict[SchemaId, Fault] = {}
        """By id, while its fetch fails."""
        self._doubted_since: dict[SchemaId, float] = {}
        # In the order in which they came, for each has a bound.
        self._known: dict[SchemaId, None] = {}
        self._unknown_until: dict[SchemaId, float] = {}
        self._once_unknown: dict[SchemaId, None] = {}
        self._unknown_in_a_row = 0
        self._log_throttle = LogThrottle()

    def want(self, schema_id: SchemaId) -> None:
        """Have a schema fetched, unless that is under way."""
        if schema_id not in self._fetches:
            self._fetches[schema_id] = None
            self._work.wake()

    def keep_only(self, wanted: Collection[SchemaId]) -> None:
        """Give up the fetches of all others: nobody waits for them any more."""
        for schema_id in self._fetches.keys() - wanted:
            task = self._fetches.pop(schema_id)
            self.faults.pop(schema_id, None)
            self._doubted_since.pop(schema_id, None)
            if task is not None:
                task.cancel()

    def forget_unknown(self) -> None:
        """Have those asked for again that were unknown a while ago, if another record needs them."""
        if self._unknown_until:
            now = self._clock()
            for schema_id in [each for each, until in self._unknown_until.items() if until <= now]:
                del self._unknown_until[schema_id]
                self._schemas.forget(schema_id)

    async def run(self) -> None:
        """Fetch what is wanted, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for schema_id in [each for each, task in self._fetches.items() if task is None]:
                    self._fetches[schema_id] = tasks.create_task(self._fetch(schema_id))
                await self._work.wait()

    async def _fetch(self, schema_id: SchemaId) -> None:
        retrying = AsyncRetrying(
            retry=retry_if_result(lambda answer: answer is None),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT_SECONDS, max=_MAX_WAIT_SECONDS),
            stop=stop_never,
            sleep=lambda seconds: self._sleep(schema_id, seconds),
        )
        answer: Schema | Unknown | None = await retrying(self._ask, schema_id)
        if answer is None:  # it is retried for ever
            return
        self._note(schema_id, answer)
        del self._fetches[schema_id]
        self._arrived(schema_id)

    async def _ask(self, schema_id: SchemaId) -> Schema | Unknown | None:
        """Ask once; None: ask again."""
        registry, asked_at = self._registry, self._clock()
        answer = RegistryFault("NoRegistry") if registry is None else await registry.fetch(schema_id)
        if isinstance(answer, RegistryFault):
            fault = self.faults.setdefault(schema_id, Fault(answer.code, self._clock()))
            fault.code = answer.code
            return None
        if self.faults.pop(schema_id, None) is not None:
            self._answered.wake()
        return None if isinstance(answer, Unknown) and self._is_doubted(schema_id, asked_at) else answer

    def _is_doubted(self, schema_id: SchemaId, asked_at: float) -> bool:
        """Whether to ask again for what the registry did not know when it was asked."""
        since = self._doubted_since.setdefault(schema_id, asked_at)
        if schema_id in self._once_unknown or self._unknown_in_a_row >= _DOUBTED_IN_A_ROW:
            return False
        # Not when the answer was heard: on its way it may have become outdated.
        return asked_at - since < DOUBTED_SECONDS

    async def _sleep(self, schema_id: SchemaId, seconds: float) -> None:
        until = self._clock() + seconds
        fault = self.faults.get(schema_id)
        if fault is None:
            # In doubt: the registry answers, so that waking early would be asking in a circle.
            await asyncio.sleep(seconds)
            return
        fault.next_at = until
        await self._answered.wait(until)
        fault.next_at = inf

    def _note(self, schema_id: SchemaId, answer: Schema | Unknown) -> None:
        now = self._clock()
        since = self._doubted_since.pop(schema_id, now)
        self._schemas.put(schema_id, answer)
        if isinstance(answer, Schema):
            self._unknown_in_a_row = 0
            self._once_unknown.pop(schema_id, None)
            if (first := _remember(self._known, schema_id)) is not None:
                self._schemas.forget(first)
            log.info("schema.fetched", id=schema_id, kind=answer.kind)
            return
        self._unknown_in_a_row += 1
        self._unknown_until[schema_id] = now + UNKNOWN_SECONDS
        _remember(self._once_unknown, schema_id)
        if times := self._log_throttle.note(UNKNOWN.value, now):
            log.warning(
                "schema.unknown",
                id=schema_id,
                times=times,
                asked_seconds=round(now - since, 1),
                effect="records with it become dead letters",
            )


def _remember(among: dict[SchemaId, None], schema_id: SchemaId) -> SchemaId | None:
    """Add an id; return the one that has to go for it, if any."""
    among[schema_id] = None
    if len(among) <= _REMEMBERED:
        return None
    first = next(iter(among))
    del among[first]
    return first
