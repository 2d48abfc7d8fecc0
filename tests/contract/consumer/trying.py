"""Tries statements on a subject: many at once where they can be, for most of the time is waiting.

Whoever has the leader of a topic killed has it killed for all; so elections come one after the other, when
all else is done.
"""

from __future__ import annotations

import asyncio
import traceback
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeAlias

from tests.contract.consumer import of_groups, of_logs, of_positions
from tests.contract.consumer.brokers import BrokersStand, keep_offsets_apart
from tests.contract.consumer.mock import MockStand
from tests.contract.consumer.simulated import SimulatedStand
from tests.contract.consumer.stand import closing
from tests.contract.consumer.statements import STATEMENTS
from tests.support.java_kafka import JavaKafka
from tests.support.virtual_time import in_virtual_time
from worker.local.kafka import EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from tests.contract.consumer.stand import Protocol, Stand
    from tests.contract.consumer.statements import Statement

    Trial: TypeAlias = tuple[str, Protocol]
    """A statement's name, and the protocol of its group."""
    Outcomes: TypeAlias = dict[Trial, str | None]
    """What went wrong; None: it holds."""

__all__ = ["of_groups", "of_logs", "of_positions"]

_AT_ONCE = 12


def on_simulation(trials: Iterable[Trial]) -> Outcomes:
    return {trial: in_virtual_time(_outcome(*trial, SimulatedStand)) for trial in trials}


def on_mock(trials: Iterable[Trial]) -> Outcomes:
    """Each on a mock cluster of its own."""

    async def trying(name: str, protocol: Protocol) -> str | None:
        with EmbeddedKafka({}) as kafka:
            return await _outcome(name, protocol, lambda *how: MockStand(kafka, *how))

    return asyncio.run(_all(trials, trying))


def on_brokers(trials: Iterable[Trial]) -> Outcomes:
    """All on the same three."""
    kafka = JavaKafka(3, heap_mb=256)

    async def trying(name: str, protocol: Protocol) -> str | None:
        return await _outcome(name, protocol, lambda *how: BrokersStand(kafka, *how))

    try:
        keep_offsets_apart(kafka)
        elections = [each for each in trials if "cut" in each[0]]
        others = [each for each in trials if each not in elections]
        outcomes = asyncio.run(_all(others, trying))
        for each in elections:
            kafka.restart()
            outcomes |= asyncio.run(_all([each], trying))
    finally:
        kafka.stop()
    return outcomes


async def _all(trials: Iterable[Trial], trying: Callable[[str, Protocol], Awaitable[str | None]]) -> Outcomes:
    room, outcomes = asyncio.Semaphore(_AT_ONCE), {}

    async def one(trial: Trial) -> None:
        async with room:
            outcomes[trial] = await trying(*trial)

    await asyncio.gather(*map(one, trials))
    return outcomes


async def _outcome(name: str, protocol: Protocol, stand_on: Callable[..., Stand]) -> str | None:
    statement: Statement = STATEMENTS[name]
    try:
        async with AsyncExitStack() as entered:
            stand = stand_on(protocol, statement.reset, statement.partitions)
            await entered.enter_async_context(closing(stand))
            await stand.open()
            await statement.run(stand)
    except Exception:  # noqa: BLE001  it is the outcome
        return traceback.format_exc()
    return None
