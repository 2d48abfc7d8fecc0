from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import EndpointConnectionError
from structlog.testing import capture_logs

from worker.aws.credentials import Credentials, Found, Missing
from worker.aws.provider_chain import CredentialsUnavailable, Loaded
from worker.aws.signing import Keys
from worker.core.model.outcomes import Misconfigured, TransientFault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

OLD, NEW = Keys("AKIDOLD", "old"), Keys("AKIDNEW", "new", "token")
UNAVAILABLE = CredentialsUnavailable("none", code="NoCredentials")


class Chain:
    """A chain of providers whose keys a test changes; an exception in their place is raised."""

    def __init__(self, load: Keys | Exception) -> None:
        self.load: Keys | Exception = load
        self.fetch: Keys | Exception | None = None
        self.work: Callable[[], Keys] | None = None
        self.loads = 0

    def __call__(self) -> Loaded:
        self.loads += 1
        keys = _value(self.load)
        return Loaded("fake", lambda: self._fetch(keys))

    def _fetch(self, keys: Keys) -> Keys:
        if self.work is not None:
            return self.work()
        return keys if self.fetch is None else _value(self.fetch)


def _value(keys: Keys | Exception) -> Keys:
    if isinstance(keys, Exception):
        raise keys
    return keys


class Opened:
    """Opens credentials on a clock that stands still, and closes all of them at the end."""

    def __init__(self) -> None:
        self.now = 0.0
        self.all: list[Credentials] = []

    async def __call__(
        self, load: Callable[[], Loaded], *, poll_seconds: float = 60, patience_seconds: float = 5
    ) -> Credentials:
        credentials = Credentials(
            load, clock=lambda: self.now, poll_seconds=poll_seconds, patience_seconds=patience_seconds
        )
        self.all.append(credentials)
        await credentials.open()
        return credentials


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    opened = Opened()
    yield opened
    for credentials in opened.all:
        await credentials.close()


async def test_once_opened_the_keys_are_there_to_be_read(opened: Opened) -> None:
    credentials = await opened(Chain(OLD))
    assert (credentials.keys, credentials.fault) == (OLD, None)


async def test_having_none_is_a_fault_and_no_crash(opened: Opened) -> None:
    credentials = await opened(Chain(UNAVAILABLE))
    assert (credentials.keys, credentials.fault) == (None, Misconfigured("NoCredentials", "none"))


async def test_expiring_keys_are_replaced_in_the_background(opened: Opened) -> None:
    chain = Chain(OLD)
    credentials = await opened(chain, poll_seconds=0)
    fetches = threading.Semaphore(0)

    def renew() -> Keys:
        fetches.release()
        return NEW

    chain.work = renew
    # When the second refresh has begun, the first one's keys are in use.
    for _ in range(2):
        assert await asyncio.to_thread(fetches.acquire, timeout=5)
    assert (credentials.keys, chain.loads) == (NEW, 1)


async def test_the_same_keys_stay_the_same_object_so_that_the_signer_keeps_its_own(opened: Opened) -> None:
    chain = Chain(OLD)
    credentials = await opened(chain)
    chain.fetch = Keys(OLD.access_key, OLD.secret_key)
    await credentials.poll()
    assert credentials.keys is OLD


async def test_while_a_refresh_fails_the_keys_at_hand_are_used_on(opened: Opened) -> None:
    chain = Chain(OLD)
    credentials = await opened(chain)
    chain.fetch = OSError("the token service is away")
    await credentials.poll()
    assert (credentials.keys, credentials.fault) == (OLD, Misconfigured("CredentialsUnavailable"))


async def test_a_refresh_that_succeeds_ends_the_fault(opened: Opened) -> None:
    chain = Chain(OLD)
    credentials = await opened(chain)
    chain.fetch = OSError("the token service is away")
    await credentials.poll()
    chain.fetch = NEW
    await credentials.poll()
    assert (credentials.keys, credentials.fault) == (NEW, None)


async def test_refused_keys_are_replaced_by_those_of_a_load_from_scratch(opened: Opened) -> None:
    chain = Chain(OLD)
    credentials = await opened(chain)
    chain.load = NEW
    opened.now += 5
    assert await credentials.renewed(OLD) == NEW
    assert chain.loads == 2


async def test_keys_that_are_the_same_again_are_not_renewed(opened: Opened) -> None:
    credentials = await opened(Chain(OLD))
    opened.now += 5
    assert await credentials.renewed(OLD) is None


async def test_credentials_that_come_to_be_while_it_runs_are_found(opened: Opened) -> None:
    chain = Chain(UNAVAILABLE)
    credentials = await opened(chain)
    chain.load = NEW
    opened.now += 5
    assert await credentials.renewed(None) == NEW
    assert credentials.fault is None


async def test_loads_from_scratch_are_seconds_apart(opened: Opened) -> None:
    chain = Chain(OLD)
    credentials = await opened(chain)
    chain.load = NEW
    opened.now += 4.9
    assert await credentials.renewed(OLD) is None
    assert chain.loads == 1


async def test_calls_refused_together_share_one_load(opened: Opened) -> None:
    chain = Chain(OLD)
    credentials = await opened(chain)
    chain.load = NEW
    opened.now += 5
    assert await asyncio.gather(*(credentials.renewed(OLD) for _ in range(64))) == [NEW] * 64
    assert chain.loads == 2


async def test_a_call_refused_late_gets_the_keys_that_came_meanwhile(opened: Opened) -> None:
    credentials = await opened(Chain(NEW))
    assert await credentials.renewed(OLD) == NEW


async def test_when_loading_from_scratch_fails_the_keys_stay_and_the_fault_says_why(opened: Opened) -> None:
    chain = Chain(OLD)
    credentials = await opened(chain)
    chain.load = UNAVAILABLE
    opened.now += 5
    assert await credentials.renewed(OLD) is None
    assert credentials.keys == OLD
    assert credentials.fault == Misconfigured("NoCredentials", "none")


async def test_a_load_that_hangs_costs_a_call_its_patience_and_is_used_when_it_ends(opened: Opened) -> None:
    chain = Chain(OLD)
    let_go = threading.Event()
    hanging = threading.Event()

    def load() -> Loaded:
        if chain.loads:
            hanging.set()
            let_go.wait(5)
        return chain()

    credentials = await opened(load, patience_seconds=0.01)
    chain.load = NEW
    opened.now += 5
    # On a busy machine the first patience may end before the load has begun.
    async with asyncio.timeout(5):
        while not hanging.is_set():
            assert await credentials.renewed(OLD) is None
            await asyncio.sleep(0)
    let_go.set()
    async with asyncio.timeout(5):
        while await credentials.renewed(OLD) is None:
            pass
    assert (credentials.keys, chain.loads) == (NEW, 2)


async def test_a_slow_refresh_does_not_undo_a_load_from_scratch(opened: Opened) -> None:
    refreshing, let_go = threading.Event(), threading.Event()

    def blocked() -> Keys:
        refreshing.set()
        let_go.wait(5)
        return OLD

    chain = Chain(OLD)
    credentials = await opened(chain)
    chain.work = blocked
    poll = asyncio.create_task(credentials.poll())
    assert await asyncio.to_thread(refreshing.wait, 5)
    chain.load, chain.work = NEW, None
    opened.now += 5
    assert await credentials.renewed(OLD) == NEW
    let_go.set()
    await poll
    assert credentials.keys == NEW


@pytest.mark.parametrize(
    "keys",
    [Keys("AKID", "secret\n"), Keys("AKID ", "secret"), Keys("AKID", ""), Keys("AKID", "s", "to\r\nken")],
)
async def test_keys_that_would_break_a_header_are_malformed(opened: Opened, keys: Keys) -> None:
    credentials = await opened(Chain(keys))
    assert credentials.keys is None
    assert isinstance(credentials.fault, Misconfigured)
    assert credentials.fault.code == "CredentialsMalformed"
    assert "secret" not in credentials.fault.message


async def test_a_refresh_that_fails_is_said_as_it_happens_and_so_is_its_end(opened: Opened) -> None:
    chain = Chain(OLD)
    credentials = await opened(chain)
    chain.fetch = OSError("the secret that a provider printed")
    with capture_logs() as lines:
        for _ in range(3):
            await credentials.poll()
            opened.now += 60
        chain.fetch = NEW
        await credentials.poll()
    first, second, third, end = lines
    assert (first["event"], first["code"], first["times"]) == (
        "credentials.failed",
        "CredentialsUnavailable",
        1,
    )
    assert first["there_are_older"]
    assert (second["event"], third["event"]) == ("credentials.failed", "credentials.failed")
    assert end == {"event": "credentials.recovered", "seconds": 180, "log_level": "info"}
    assert "secret" not in str(lines)


async def test_having_none_at_the_start_is_said_and_they_are_looked_for_without_a_call(
    opened: Opened,
) -> None:
    chain = Chain(UNAVAILABLE)
    with capture_logs() as lines:
        credentials = await opened(chain)
    assert [(line["event"], line["code"]) for line in lines] == [("credentials.failed", "NoCredentials")]
    status = credentials.status()
    assert (status.are_there, status.failures, status.failing_seconds, status.code) == (
        False,
        1,
        0,
        "NoCredentials",
    )
    chain.load = NEW
    opened.now += 60
    await credentials.poll()
    assert credentials.keys == NEW
    status = credentials.status()
    assert (status.are_there, status.failures, status.failing_seconds, status.code) == (True, 1, None, "")


async def test_when_the_keys_end_is_told() -> None:
    loaded = Loaded("fake", lambda: OLD, lambda: 1_700_000_900.0)
    credentials = Credentials(lambda: loaded, epoch_seconds=lambda: 1_700_000_000.0)
    assert credentials.status().end_in_seconds is None
    await credentials.open()
    assert credentials.status().end_in_seconds == 900
    await credentials.close()


async def test_the_check_names_the_source() -> None:
    assert await Credentials(Chain(OLD)).check() == Found("fake")


async def test_the_check_says_why_not() -> None:
    assert await Credentials(Chain(UNAVAILABLE)).check() == Missing("none")


async def test_the_check_never_repeats_what_a_provider_printed() -> None:
    assert await Credentials(Chain(OSError("secret"))).check() == Missing("OSError")


async def test_a_passing_fault_of_the_token_service_is_one() -> None:
    credentials = Credentials(Chain(EndpointConnectionError(endpoint_url="http://127.0.0.1")))
    await credentials.open()
    assert credentials.fault == TransientFault("CredentialsRefresh")
    await credentials.close()


async def test_closing_twice_or_unopened_is_harmless() -> None:
    credentials = Credentials(Chain(OLD))
    await credentials.close()
    await credentials.open()
    await credentials.close()
    await credentials.close()
