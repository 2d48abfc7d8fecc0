"""One PutEvents with a door for each worker: what each has in flight is told apart, the books are one.

The common endpoint itself takes no calls: it is asked for the books. A session may have one call in flight at
each door; two at different doors are no fault by themselves (a worker that was declared dead may not know it
yet), so they are counted.

``python -m tests.support.worker_endpoints --doors 2 --seed 1 --faults JSON`` prints the addresses, then a
line for each such overlap, for each at one door (with its epoch seconds), and for each answer that is lost,
and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import uvloop

from worker.local.call_log import CallLog
from worker.local.faults import Faults
from worker.local.put_events import LocalPutEvents

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from worker.local.faults import Fate


def say(**line: object) -> None:
    """Print one JSON line."""
    print(msgspec.json.encode(line).decode(), flush=True)  # noqa: T201  the script's output


class CountedFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faults that tell of each lost answer: the books can't, for its call is accepted."""

    def fate(self, random: Random) -> Fate | None:
        """As the dice have it."""
        fate = super().fate(random)
        if fate == "lose":
            say(lost=1)
        return fate


class TotalCalls(CallLog):
    """The account of all calls, through whichever door."""

    def __init__(self) -> None:
        super().__init__()
        self._inside: Counter[str] = Counter()

    def begin(self, session_id: str) -> Callable[[], None]:
        """Tell when the session has a call in flight already."""
        if self._inside[session_id]:
            say(overlap=1)
        self._inside[session_id] += 1
        end_call = super().begin(session_id)

        def end() -> None:
            self._inside[session_id] -= 1
            end_call()

        return end


class WorkerCalls(CallLog):
    """Knows what is in flight through one door; the rest is noted in the total's call log."""

    def __init__(self, total: CallLog) -> None:
        super().__init__()
        self._total = total

    def begin(self, session_id: str) -> Callable[[], None]:
        """Note it here and in the total; tell when the session has a call in flight at this door already."""
        if self.is_in_flight(session_id):
            say(twice_at_a_door=time.time())
        ends = super().begin(session_id), self._total.begin(session_id)

        def end() -> None:
            for each in ends:
                each()

        return end

    def count(self, outcome: str) -> None:
        """Note it in the total."""
        self._total.count(outcome)

    def accept(
        self, at_seconds: float, session_id: str, user_id: str | None, event_ids: tuple[str | None, ...]
    ) -> None:
        """Note it in the total."""
        self._total.accept(at_seconds, session_id, user_id, event_ids)


async def serve(faults: Faults, doors: int, seed: int) -> None:
    """Serve until SIGTERM or SIGINT, having said where."""
    stop = asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        total = await stack.enter_async_context(LocalPutEvents())
        total.call_log = TotalCalls()
        urls = []
        for number in range(doors):
            door = await stack.enter_async_context(LocalPutEvents(faults, seed=seed + number))
            door.call_log = WorkerCalls(total.call_log)
            urls.append(door.url)
        say(url=total.url, doors=urls)
        await stop.wait()


def main() -> int:
    """Run the total as a command."""
    parser = argparse.ArgumentParser(prog="tests.support.worker_endpoints")
    parser.add_argument("--doors", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", default="{}")
    chosen = parser.parse_args()
    faults = msgspec.json.decode(chosen.faults, type=CountedFaults)
    uvloop.run(serve(faults, chosen.doors, chosen.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
