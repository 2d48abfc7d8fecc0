"""The keys that calls are signed with: loaded and refreshed beside the loop, read without waiting.

botocore finds them (environment, profile, web identity, pod identity, instance). Every minute it is looked
whether they end within 15 minutes and have to be asked for anew, so a call only ever reads a field. When the
API refuses keys, everything is loaded from scratch, and a mended file is read again.
"""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from worker.core.outcomes import Misconfigured, PassingFault
from worker.delivery.chain import CredentialsUnavailable, Loaded, describe, fault_of
from worker.delivery.daemon import in_daemon_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.delivery.signing import Keys

Fault: TypeAlias = Misconfigured | PassingFault

# Well inside the 15 minutes before expiry at which keys are asked for anew.
POLL_SECONDS = 60.0
# Loading may ask a token service, which has quotas of its own.
RELOAD_SECONDS = 5.0
# How long a call waits for keys; loading goes on without it.
PATIENCE_SECONDS = 10.0

# Anything else breaks a header: the newline at the end of a mounted secret, say.
_WELL_FORMED = re.compile(r"[!-~]+")


class Found(Struct, frozen=True):
    """There are credentials; ``method`` is botocore's word for where they came from."""

    method: str


class Missing(Struct, frozen=True):
    """There are none; ``why`` never holds a secret."""

    why: str


class Credentials:
    """The keys of now. All of it runs on the loop, but for what blocks."""

    def __init__(
        self,
        load: Callable[[], Loaded],
        *,
        clock: Callable[[], float] = time.monotonic,
        poll_seconds: float = POLL_SECONDS,
        reload_seconds: float = RELOAD_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Begin without keys; ``load`` blocks, and raises what it likes where there are none."""
        self.keys: Keys | None = None
        self.fault: Fault | None = None
        """Why the last load or refresh failed; None if it did not. Older keys are kept and used on."""
        self._load = load
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._reload_seconds = reload_seconds
        self._patience_seconds = patience_seconds
        self._loaded: Loaded | None = None
        self._reload_at = float("-inf")
        self._reloading: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load the keys and begin to keep them fresh. Finding none is no error: ``fault`` says so."""
        await self._reload()
        self._polling = asyncio.create_task(self._keep_fresh())

    async def close(self) -> None:
        """Stop refreshing; a load under way is left behind."""
        tasks = [task for task in (self._polling, self._reloading) if task is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def renewed(self, refused: Keys | None) -> Keys | None:
        """Give other keys than the refused ones, loading from scratch if need be; None if there are none.

        Callers share one load, and there is one every few seconds at most.
        """
        if self.keys == refused:
            await self._reload()
        return None if self.keys == refused else self.keys

    async def check(self) -> Found | Missing:
        """Load them once, beside whatever is in use, and say where they came from or why there are none."""
        try:
            loaded = await in_daemon_thread(self._load)
            _validate(await in_daemon_thread(loaded.fetch))
        except Exception as error:  # noqa: BLE001  a provider runs the user's program or plugin
            return Missing(describe(error))
        return Found(loaded.method)

    async def poll(self) -> None:
        """Have expiring keys refreshed."""
        loaded = self._loaded
        if loaded is None:
            return
        try:
            keys = _validate(await in_daemon_thread(loaded.fetch))
        except Exception as error:  # noqa: BLE001  as above; the keys at hand may be good for minutes yet
            self.fault = fault_of(error)
            return
        # A load from scratch may have been faster; its keys are the newer ones.
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
        # Cancelling or timing out ends the wait, not the load that others wait for.
        await asyncio.wait({self._reloading}, timeout=self._patience_seconds)

    async def _load_from_scratch(self) -> None:
        try:
            loaded = await in_daemon_thread(self._load)
            keys = _validate(await in_daemon_thread(loaded.fetch))
        except Exception as error:  # noqa: BLE001  as above
            self.fault = fault_of(error)
            return
        self._loaded = loaded
        self._use(keys)

    def _use(self, keys: Keys) -> None:
        self.fault = None
        if keys != self.keys:
            self.keys = keys


def _validate(keys: Keys) -> Keys:
    parts = [keys.access_key, keys.secret_key] + ([] if keys.token is None else [keys.token])
    if not all(_WELL_FORMED.fullmatch(part) for part in parts):
        msg = "they hold spaces or characters that no credentials have"
        raise CredentialsUnavailable(msg, code="CredentialsMalformed")
    return keys
