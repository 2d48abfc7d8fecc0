"""The keys that sign calls: loaded and refreshed outside the event loop, read without waiting.

botocore finds them (environment, profile, web identity, pod identity, instance). Once a minute the worker
checks whether they expire within 15 minutes and must be renewed, so a call only ever reads a field. When the
API refuses the keys, everything is loaded from scratch, so that a corrected file is read again.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

import structlog
from msgspec import Struct

from worker.aws.provider_chain import CredentialsUnavailable, Loaded, describe, fault_of, validate
from worker.blocking import run_blocking
from worker.core.flow_control.advice import advise_keys
from worker.core.log_throttle import LogThrottle
from worker.core.model.outcomes import Misconfigured, TransientFault
from worker.core.model.snapshot import KeysStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.aws.signing import Keys

log = structlog.get_logger(__name__)

Fault: TypeAlias = Misconfigured | TransientFault

# Well within the 15 minutes before expiry at which keys are renewed.
POLL_SECONDS = 60.0
# The minimum time between two loads. Loading may ask a token service, which has quotas of its own.
RELOAD_SECONDS = 5.0
# How long a call waits for keys; loading continues without it.
PATIENCE_SECONDS = 10.0


ENVIRONMENT = "env"
"""botocore's name for keys from the process's own environment."""


class Found(Struct, frozen=True):
    """Credentials were found; ``method`` is botocore's name for their source."""

    method: str
    are_temporary: bool = False
    """Whether they expire."""


class Missing(Struct, frozen=True):
    """No credentials were found; ``why`` never contains a secret."""

    why: str


class Credentials:
    """The current keys. Everything runs on the event loop, except what blocks.

    Args:
        load: finds credentials. It blocks, and may raise any exception if there are none.
        clock: a monotonic clock, in seconds.
        poll_seconds: how often to check whether the keys must be renewed.
        reload_seconds: the minimum time between two loads from scratch.
        patience_seconds: how long a call waits for a load.
        epoch_seconds: the clock by which keys expire.
    """

    def __init__(  # noqa: PLR0913  two clocks, three times
        self,
        load: Callable[[], Loaded],
        *,
        clock: Callable[[], float] = time.monotonic,
        poll_seconds: float = POLL_SECONDS,
        reload_seconds: float = RELOAD_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        epoch_seconds: Callable[[], float] = time.time,
    ) -> None:
        self.keys: Keys | None = None
        self.fault: Fault | None = None
        """Why the last load or refresh failed; None if it succeeded. Older keys are kept and still used."""
        self._load = load
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._reload_seconds = reload_seconds
        self._patience_seconds = patience_seconds
        self._epoch_seconds = epoch_seconds
        self._failures = 0
        self._failing_since: float | None = None
        self._log_throttle = LogThrottle()
        self._loaded: Loaded | None = None
        self._method = ""
        self._reload_at = float("-inf")
        self._reloading: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None

    @property
    def from_environment(self) -> bool:
        """Whether the latest keys come from the process's own environment; changing those takes a restart."""
        return self._method == ENVIRONMENT

    async def open(self) -> None:
        """Load the keys and start to keep them fresh. Missing keys are no error; ``fault`` reports them."""
        await self._reload()
        self._polling = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        """Stop refreshing; a load in progress is abandoned."""
        tasks = [task for task in (self._polling, self._reloading) if task is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def renewed(self, refused: Keys | None) -> Keys | None:
        """Return keys other than the refused ones, loading from scratch if needed; None if there are none.

        Callers share one load, and a load starts every few seconds at most.
        """
        if self.keys == refused:
            await self._reload()
        return None if self.keys == refused else self.keys

    async def check(self) -> Found | Missing:
        """Load keys once, apart from those in use, and say where they came from or why there are none."""
        try:
            loaded = await run_blocking(self._load)
            keys = validate(await run_blocking(loaded.fetch))
        except Exception as error:  # noqa: BLE001  a provider runs the user's program or plugin
            return Missing(describe(error))
        return Found(loaded.method, are_temporary=keys.token is not None)

    async def poll(self) -> None:
        """Refresh expiring keys; without keys, look for some."""
        loaded = self._loaded
        if loaded is None:
            await self._reload()
            return
        try:
            keys = validate(await run_blocking(loaded.fetch))
        except Exception as error:  # noqa: BLE001  as above; the present keys may be good for minutes yet
            self._note_failure(error)
            return
        # A load from scratch may have finished first; its keys are the newer ones.
        if self._loaded is loaded:
            self._use(keys)

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self.poll()

    async def _reload(self) -> None:
        if self._reloading is None or self._reloading.done():
            if self._clock() < self._reload_at:
                return
            self._reload_at = self._clock() + self._reload_seconds
            self._reloading = asyncio.create_task(self._load_from_scratch())
        # Cancellation or a timeout ends the wait, not the load that others wait for.
        await asyncio.wait({self._reloading}, timeout=self._patience_seconds)

    async def _load_from_scratch(self) -> None:
        try:
            loaded = await run_blocking(self._load)
            self._method = loaded.method
            keys = validate(await run_blocking(loaded.fetch))
        except Exception as error:  # noqa: BLE001  as above
            if isinstance(error, CredentialsUnavailable):
                self._method = error.method or self._method
            self._note_failure(error)
            return
        self._loaded = loaded
        self._use(keys)

    def status(self) -> KeysStatus:
        """Report whether there are keys, when they expire, and whether new ones can be had."""
        since = self._failing_since
        return KeysStatus(
            are_there=self.keys is not None,
            end_in_seconds=self._end_in_seconds(),
            failures=self._failures,
            failing_seconds=None if since is None else self._clock() - since,
            code="" if self.fault is None else self.fault.code,
            from_environment=self.from_environment,
        )

    def _end_in_seconds(self) -> float | None:
        expires_at = None if self._loaded is None else self._loaded.expires_at()
        return None if expires_at is None else expires_at - self._epoch_seconds()

    def _note_failure(self, error: Exception) -> None:
        """Record why there are no keys, or no newer ones, and log it."""
        self.fault, now = fault_of(error), self._clock()
        self._failures += 1
        if self._failing_since is None:
            self._failing_since = now
        if times := self._log_throttle.note("failed", now, self.fault.code):
            end_in_seconds = self._end_in_seconds()
            log.warning(
                "credentials.failed",
                code=self.fault.code,
                reason=describe(error),
                there_are_older=self.keys is not None,
                end_in_seconds=None if end_in_seconds is None else round(end_in_seconds),
                times=times,
                advice=advise_keys(self.fault.code, from_environment=self.from_environment),
            )

    def _use(self, keys: Keys) -> None:
        self.fault = self._failing_since = None
        if (seconds := self._log_throttle.ended("failed", self._clock())) is not None:
            log.info("credentials.recovered", seconds=round(seconds, 1))
        if keys != self.keys:
            self.keys = keys
