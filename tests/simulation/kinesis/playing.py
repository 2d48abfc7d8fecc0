"""Plays a schedule: from data to what came of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.simulation import playing
from tests.simulation.kinesis.world import World
from worker.sources.kinesis import source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.kinesis.schedule import Schedule
    from tests.simulation.playing import Played

# What comes wakes the source at once, and this is only how soon it looks after its leases.
_POLL_SECONDS = 0.4


def play(schedule: Schedule) -> Played:
    """Play it, within ``simulated``."""
    return playing.play_world(lambda loop: World(schedule, loop))


@contextmanager
def simulated() -> Iterator[None]:
    """As for Kafka; and a source that waits for nothing looks around less often."""
    before, source._POLL_SECONDS = source._POLL_SECONDS, _POLL_SECONDS  # type: ignore[misc]  # noqa: SLF001
    try:
        with playing.simulated():
            yield
    finally:
        source._POLL_SECONDS = before  # type: ignore[misc]  # noqa: SLF001
