"""Pods that share one quota, in virtual time: real turnstiles, gates and retries against a simulated API."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from tests.support.builders import admission, in_flight, interaction
from tests.support.twins import MeterTwin
from worker.core.model.outcomes import Accepted, Answer, Throttled
from worker.core.model.records import Batch
from worker.local.faults import TokenBucket
from worker.pipeline.permits import Permit, Permits
from worker.pipeline.retry import RetryingSender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    # Calls a second that a pod would like to send, by the time.
    Demand = Callable[[float], float]

STRANGER = "stranger"
PLENTY = 10_000.0
ARRIVAL_SECONDS = 0.02
MAX_IN_FLIGHT = 64


class Limit(Protocol):
    """What the API throttles by."""

    def take(self, now: float) -> bool:
        """Whether it takes one more call."""


class Window:
    """So many calls in each second of the clock, and no more."""

    def __init__(self, calls: float) -> None:
        self._calls = calls
        self._second, self._taken = -1, 0

    def take(self, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._taken = int(now), 0
        self._taken += 1
        return self._taken <= self._calls


LIMITS: dict[str, Callable[[float], Limit]] = {
    "a bucket of a tenth of a second": lambda quota: TokenBucket(quota, quota / 10, 0.0),
    "a bucket of a second": lambda quota: TokenBucket(quota, quota, 0.0),
    "a window of a second": Window,
}


class Call(Struct, frozen=True):
    at: float
    by: str
    accepted: bool


class Api:
    """One quota, whoever calls; keeps books."""

    def __init__(self, limit: Limit, *, noise: float = 0.0) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._random = Random(1)  # noqa: S311  made-up chance, not a secret
        self.noise = noise
        self.is_out = False
        self.calls: list[Call] = []

    def call(self, by: str) -> Answer:
        now = self._loop.time()
        taken = not self.is_out and self._limit.take(now) and self._random.random() >= self.noise
        self.calls.append(Call(now, by, taken))
        return Accepted() if taken else Throttled("ThrottlingException")

    def accepted_per_second(self, begin: float, end: float, by: str | None = None) -> float:
        return sum(call.accepted for call in self._between(begin, end, by)) / (end - begin)

    def throttled(self, begin: float, end: float, by: str | None = None) -> float:
        """What part of the calls was throttled."""
        calls = self._between(begin, end, by)
        return sum(not call.accepted for call in calls) / max(1, len(calls))

    def most_in_a_second(self, by: str) -> int:
        """The most calls within any second, throttled ones too."""
        times = [call.at for call in self.calls if call.by == by]
        first, most = 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - 1:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _between(self, begin: float, end: float, by: str | None) -> list[Call]:
        return [call for call in self.calls if begin <= call.at < end and by in {None, call.by}]


class Pod:
    """What a worker is to the quota: calls that wait for the permits, are answered, and are tried again."""

    def __init__(self, api: Api, name: str, quota: float, share: float, demand: Demand) -> None:
        self._loop = asyncio.get_running_loop()
        self._api = api
        self.name = name
        self._demand = demand
        self._random = Random(name)  # noqa: S311  as above
        self._waiting = 0.0
        # No session has two calls in flight.
        self._sessions = count()
        self.permits = Permits(admission(quota, MAX_IN_FLIGHT), self._loop.time)
        self.permits.set_share(share)
        self._sender = RetryingSender(
            self,
            self.permits,
            MeterTwin(),
            clock=self._loop.time,
            sleep_until=self._sleep_until,
            first_wait_seconds=0.2,
            max_wait_seconds=20,
        )

    async def put(self, _: Batch) -> Answer:
        """Some 50 ms there and back."""
        await asyncio.sleep(self._random.uniform(0.0125, 0.0375))
        answer = self._api.call(self.name)
        await asyncio.sleep(self._random.uniform(0.0125, 0.0375))
        return answer

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._arrive()
                while self._waiting >= 1:
                    # What is not done by and by is the backlog; how long it is does not matter here.
                    permit = await self._acquire()
                    self._waiting -= 1
                    tasks.create_task(self._sender.send(in_flight(self._batch(), permit)))

    def _batch(self) -> Batch:
        return Batch(f"s{next(self._sessions)}", "u", (interaction(),))

    async def _acquire(self) -> Permit:
        began_at = self._loop.time()
        permit = await self.permits.acquire()
        self._arrived(self._loop.time() - began_at)
        return permit

    async def _arrive(self) -> None:
        seconds = ARRIVAL_SECONDS * self._random.uniform(0.5, 1.5)
        await asyncio.sleep(seconds)
        self._arrived(seconds)

    def _arrived(self, seconds: float) -> None:
        self._waiting = min(self._waiting + seconds * self._demand(self._loop.time()), PLENTY)

    async def _sleep_until(self, at: float) -> None:
        await asyncio.sleep(at - self._loop.time())


async def stranger(api: Api, demand: Demand) -> None:
    """Calls as it likes, and never slows down."""
    owed = 0.0
    while True:
        await asyncio.sleep(0.01)
        owed += demand(asyncio.get_running_loop().time()) * 0.01
        while owed >= 1:
            api.call(STRANGER)
            owed -= 1


@asynccontextmanager
async def pods(
    api: Api, quota: float, demands: Sequence[Demand], *, shares: Sequence[float] | None = None
) -> AsyncIterator[list[Pod]]:
    """Pods that run meanwhile, each with its demand; equal shares unless others are given."""
    every = shares or [1 / len(demands)] * len(demands)
    made = [
        Pod(api, f"pod{number}", quota, share, demand)
        for number, (share, demand) in enumerate(zip(every, demands, strict=True))
    ]
    tasks = [asyncio.create_task(pod.run()) for pod in made]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
