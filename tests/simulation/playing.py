"""Plays a schedule: from data to what came of it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import structlog
import tenacity.wait
from msgspec import Struct

from tests.simulation.admin import SimulatedAdmin
from tests.simulation.member import CURRENT
from tests.simulation.world import Broken, World
from tests.support.virtual_time import Stuck, VirtualLoop
from worker.sources.kafka import client as kafka
from worker.sources.kafka import questions as kafka_questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from structlog.typing import EventDict

    from tests.simulation.consumer import SimulatedConsumer
    from tests.simulation.schedule import Schedule

_MOST_TURNS_TO_CLEAN_UP = 10_000


class Played(Struct, frozen=True):
    """What came of a schedule."""

    broken: Broken | None
    seen: Mapping[str, int]
    trace: list[tuple[float, int, tuple[Any, ...]]]
    seconds: float
    """Of virtual time."""
    turns: int

    def digest(self) -> str:
        """The same for two runs that were the same in all that happened."""
        return blake2b(repr(self.trace).encode(), digest_size=16).hexdigest()


def play(schedule: Schedule) -> Played:
    """Play it, within ``simulated``."""
    return play_world(lambda loop: World(schedule, loop))


def play_world(world_on: Callable[[VirtualLoop], Any]) -> Played:
    """Play what is made on a loop: it has a ``play``, and all else that ``World`` has."""
    loop = VirtualLoop()
    worlds: list[Any] = []

    async def scenario() -> None:
        worlds.append(world_on(loop))
        await worlds[0].play()

    main = loop.create_task(scenario())
    is_over = False
    # A promise that is broken at the very end stops the loop first.
    ends = lambda _: is_over or loop.stop()  # noqa: E731  taken off again by name
    main.add_done_callback(ends)
    try:
        loop.run_forever()
    except Stuck:
        worlds[0].breach("no schedule ends stuck", "everybody waits and nothing is due")
    except Exception as error:  # noqa: BLE001  whatever a callback raised, of the worker or of the simulation
        worlds[0].breach("the worker does not crash", repr(error))
    (world,) = worlds
    played = Played(world.broken, world.seen, world.trace, loop.time(), loop.turns)
    if not main.remove_done_callback(ends):
        main.result()
    is_over = True
    _clean_up(world, loop)
    return played


def _clean_up(world: Any, loop: VirtualLoop) -> None:
    """Nothing may be left that speaks of itself when it is collected."""
    for member in world.everyone:
        member.is_dead = True
    loop.keep_back = None
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()

    async def all_ended() -> None:
        await asyncio.gather(*tasks, return_exceptions=True)

    loop.run_until_complete(all_ended())
    loop.close()


@contextmanager
def simulated() -> Iterator[None]:
    """Put simulated parts in the place of Kafka's client, of chance and of the log's lines."""
    before = kafka.AIOConsumer, kafka.ThreadPoolExecutor, tenacity.wait.random, structlog.get_config()
    asking = kafka_questions.Admin, kafka_questions.ThreadPoolExecutor
    kafka.AIOConsumer, kafka.ThreadPoolExecutor = _consumer, _NoThreads
    kafka_questions.Admin, kafka_questions.ThreadPoolExecutor = SimulatedAdmin, _NoThreads
    tenacity.wait.random = _Random
    structlog.configure(
        processors=[_hear],
        # Below it a sample of the records is mapped twice, and the oracle counts what is mapped.
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        kafka.AIOConsumer, kafka.ThreadPoolExecutor, tenacity.wait.random, config = before
        kafka_questions.Admin, kafka_questions.ThreadPoolExecutor = asking
        structlog.configure(**config)


def _consumer(settings: Mapping[str, Any], **_: object) -> SimulatedConsumer:
    consumer = CURRENT.get().next_consumer()
    consumer.calls_back(settings)
    return consumer


class _NoThreads:
    def __init__(self, *_: object) -> None:
        """Threads would make each run another."""

    def submit(self, _: Callable[..., object], *__: object) -> None:
        """What is given back to the system matters to nobody here, nor by which client is asked."""

    def shutdown(self, *, wait: bool, cancel_futures: bool = False) -> None:
        """There is none to wait for."""


class _Random:
    @staticmethod
    def uniform(low: float, high: float) -> float:
        return CURRENT.get().world.jitter.uniform(low, high)


def _hear(_: object, __: str, event: EventDict) -> EventDict:
    """What a worker logs goes into the trace."""
    member = CURRENT.get()
    if member is not None and not member.is_dead:
        member.heard(event)
    raise structlog.DropEvent
