"""Plays a schedule of the leases: from data to what came of it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct

from tests.simulation.leases.world import CURRENT, Broken, World
from tests.support.virtual_time import Stuck, VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from structlog.typing import EventDict

    from tests.simulation.leases.schedule import Schedule


class Played(Struct, frozen=True):
    """What came of a schedule."""

    broken: Broken | None
    seen: Mapping[str, int]
    trace: list[tuple[float, str]]
    seconds: float
    """Of virtual time."""

    def digest(self) -> str:
        """The same for two runs that were the same in all that happened."""
        return blake2b(repr(self.trace).encode(), digest_size=16).hexdigest()


def play(schedule: Schedule) -> Played:
    """Play it, within ``simulated``."""
    loop = VirtualLoop()
    worlds: list[World] = []

    async def scenario() -> None:
        worlds.append(World(schedule, loop))
        await worlds[0].play()

    main = loop.create_task(scenario())
    ends = lambda _: loop.stop()  # noqa: E731  taken off again by name
    main.add_done_callback(ends)
    try:
        loop.run_forever()
    except Stuck:
        worlds[0].breach("no schedule ends stuck", "everybody waits and nothing is due")
    except Exception as error:  # noqa: BLE001  whatever a callback raised, of the worker or of the simulation
        worlds[0].breach("the worker does not crash", repr(error))
    (world,) = worlds
    played = Played(world.broken, world.seen, world.trace, loop.time())
    if not main.remove_done_callback(ends):
        main.result()
    _clean_up(loop)
    return played


def _clean_up(loop: VirtualLoop) -> None:
    """Nothing may be left that speaks of itself when it is collected."""
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
    """What a worker logs goes into the trace."""
    config = structlog.get_config()
    structlog.configure(
        processors=[_hear],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**config)


def _hear(_: object, __: str, event: EventDict) -> EventDict:
    worker = CURRENT.get()
    if worker is not None and not worker.is_dead:
        worker.world.tell(f"{worker.worker_id} {event}")
        worker.world.saw(" ".join(str(event[key]) for key in ("event", "reason") if key in event))
        if event["event"] == "lease.lost":
            worker.world.oracle.gave_up(worker.worker_id, event["shard"], event["reason"])
    raise structlog.DropEvent
