"""Has a login that changed on disk used by the clients that run, without a restart and with nothing lost.

The brokers are asked first, by a client of its own: only a login that they take replaces one that may still
work. So neither half of a rotation, nor a wrong password in a Secret, cuts off a worker that is logged in. It
is tried again until they take it, which is what a person sees in the log meanwhile.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from confluent_kafka import KafkaException

from worker.blocking import run_blocking
from worker.core.log_throttle import LogThrottle
from worker.sources.kafka.client_settings import client_settings, refusal_of
from worker.sources.kafka.cluster import unreachable_reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.runtime.login_files import Change, LoginFiles
    from worker.settings import KafkaSettings
    from worker.sources.kafka.client_settings import Purpose

log = structlog.get_logger(__name__)

# Kubernetes itself takes a minute to have a changed Secret in a pod.
LOOK_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 5.0


class Renewable(Protocol):
    """What is logged in, and can log in otherwise."""

    def renew(self, settings: Mapping[str, object], *, anew: bool) -> None:
        """Log in as these settings say as soon as nothing is in the way.

        Args:
            settings: librdkafka's.
            anew: whether that takes another client; if not, only user and password have changed.
        """


class LoginWatch:
    """Looks at the files from time to time. Create it on the loop, ``begin()`` and ``close()`` it.

    Args:
        files: what the login is made of.
        look_seconds: how often to look.
    """

    def __init__(self, files: LoginFiles, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._files = files
        self._look_seconds = look_seconds
        self._clients: list[tuple[Renewable, Purpose]] = []
        self._log_throttle = LogThrottle()
        self._watching: asyncio.Task[None] | None = None

    def add(self, client: Renewable, purpose: Purpose) -> None:
        """Have this client log in by what changes from now on."""
        self._clients.append((client, purpose))
        if self._watching is None and self._files.watched:
            self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def look(self) -> None:
        """Look once, and have a login used that has changed and that the brokers take."""
        change = await run_blocking(self._files.look)
        if change is None:
            return
        why = await run_blocking(_why_not, change.kafka)
        now = asyncio.get_running_loop().time()
        if why is not None:
            if times := self._log_throttle.note("refused", now):
                log.warning(
                    "kafka.login_not_taken",
                    changed=list(change.names),
                    reason=why,
                    effect="the login in use is kept, and this one is tried again",
                    times=times,
                )
            return
        self._log_throttle.ended("refused", now)
        self._use(change)

    def _use(self, change: Change) -> None:
        log.info("kafka.login_changed", changed=list(change.names), anew=change.anew)
        for client, purpose in self._clients:
            client.renew(client_settings(change.kafka, for_=purpose), anew=change.anew)
        self._files.use(change)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                await self.look()
            except Exception:
                # Whatever a half-written file makes of it, the worker goes on with the login that it has.
                log.exception("kafka.login_watch_failed")


def _why_not(kafka: KafkaSettings) -> str | None:
    """Return why the brokers do not take this login; None if they do. Blocks."""
    try:
        return unreachable_reason(kafka, _PATIENCE_SECONDS)
    except KafkaException as error:
        # A file that is half written, or a key that does not belong to its certificate yet.
        return refusal_of(error) or str(error.args[0].name())
