"""The dead-letter topic: takes a letter, or does not, or does and says that it did not."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from tests.simulation.chance import Draw
    from tests.simulation.truth import Written
    from tests.simulation.world import World


class Letters:
    """The one topic."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tries: Counter[str] = Counter()

    async def write(self, record: Written) -> None:
        """Return when it is acknowledged.

        Raises:
            DeadLettersUnwritable: it was not.
        """
        self._tries[record.name] += 1
        draw = self._world.chance.draw("letter", record.name, self._tries[record.name])
        seconds = 3.0 if self._world.letters == "slow" else draw.pick((0.0, 0.01, 0.5))
        report: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._world.later(seconds, self._arrives, record, draw, report)
        if (error := await report) is not None:
            raise DeadLettersUnwritable(error)

    def _arrives(self, record: Written, draw: Draw, report: asyncio.Future[str | None]) -> None:
        error = self._take(record, draw)
        if not report.done():
            report.set_result(error)

    def _take(self, record: Written, draw: Draw) -> str | None:
        if self._world.letters == "broken":
            self._world.saw("a dead letter that was not taken")
            return "no such topic"
        self._world.note("dead letters", "take", record.name)
        self._world.truth.done(record, "dead-lettered")
        if self._world.letters == "acknowledgements lost" and draw.luck(0.5):
            self._world.saw("a dead letter whose acknowledgement was lost")
            return "timed out"
        return None
