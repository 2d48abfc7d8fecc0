"""Several clients share one access: boto3 is asked once, and the keys are loaded once."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from tests.unit.delivery.endpoint import Endpoint, answer
from worker.aws.access import AwsAccess, Limits
from worker.aws.boto_subprocess import BotoSubprocess
from worker.aws.endpoint import UnusableSettings, resolve
from worker.aws.provider_chain import Loaded
from worker.aws.services import DYNAMODB, KINESIS, PERSONALIZE_EVENTS, Wanted
from worker.aws.signing import Keys

if TYPE_CHECKING:
    from worker.aws.endpoint import ServiceEndpoint

LIMITS = Limits(connect_seconds=5, answer_seconds=5, max_connections=1)
WANTED = (
    Wanted(PERSONALIZE_EVENTS, "eu-west-1"),
    Wanted(KINESIS, "eu-west-1", "http://127.0.0.1:98"),
    Wanted(DYNAMODB, "eu-central-1"),
)


class Chain:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.loads = 0

    def __call__(self) -> Loaded:
        self.loads += 1
        return Loaded("fake", lambda: Keys("AKID", "secret"))


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have boto3 answer in this process; how many services each question was about."""
    asked: list[int] = []

    def resolve_here(_: BotoSubprocess, *wanted: Wanted) -> tuple[ServiceEndpoint, ...]:
        asked.append(len(wanted))
        return tuple(resolve(each) for each in wanted)

    monkeypatch.setattr(BotoSubprocess, "resolve", resolve_here)
    return asked


async def test_however_many_open_it_at_once_boto3_and_the_chain_are_asked_once(asked: list[int]) -> None:
    chain = Chain()
    access = AwsAccess(*WANTED, load=chain)
    await asyncio.gather(*[access.open() for _ in range(3)])
    assert (asked, chain.loads) == ([3], 1)
    assert access.endpoint(KINESIS).url == "http://127.0.0.1:98/"
    assert access.endpoint(DYNAMODB).region == "eu-central-1"
    for _ in range(3):
        await access.close()


async def test_keys_are_kept_fresh_until_the_last_one_closes_it() -> None:
    fetched = asyncio.Event()
    loop = asyncio.get_running_loop()

    def fetch() -> Keys:
        loop.call_soon_threadsafe(fetched.set)
        return Keys("AKID", "secret")

    access = AwsAccess(*WANTED, load=lambda: Loaded("fake", fetch), poll_seconds=0.001)
    for _ in range(2):
        await access.open()
    await access.close()
    async with asyncio.timeout(5):
        for _ in range(3):
            fetched.clear()
            await fetched.wait()
    await access.close()
    assert [each for each in asyncio.all_tasks() if each is not asyncio.current_task()] == []


async def test_it_can_be_opened_again_after_what_was_unusable_is_put_right() -> None:
    access = AwsAccess(Wanted(KINESIS, "eu-west-1", "http://kinesis.invalid"), load=Chain())
    for _ in range(2):
        with pytest.raises(UnusableSettings, match=r"records .* unencrypted.*kinesis\.plain_http"):
            await access.open()


async def test_an_opening_that_is_cancelled_leaves_nothing_running() -> None:
    asked, answered = threading.Event(), threading.Event()

    def load() -> Loaded:
        asked.set()
        answered.wait(10)
        return Loaded("fake", lambda: Keys("AKID", "secret"))

    access = AwsAccess(*WANTED, load=load)
    opening = asyncio.create_task(access.open())
    assert await asyncio.to_thread(asked.wait, 10)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    answered.set()
    assert [each for each in asyncio.all_tasks() if each is not asyncio.current_task()] == []


async def test_each_client_has_connections_of_its_own_and_the_clock_is_one() -> None:
    date = "Thu, 01 Jan 1970 00:01:00 GMT"
    async with Endpoint(otherwise=lambda _: answer(200, Date=date)) as endpoint:
        wanted = Wanted(KINESIS, "eu-west-1", endpoint.url), Wanted(DYNAMODB, "eu-west-1", endpoint.url)
        access = AwsAccess(*wanted, load=Chain(), clock=lambda: 70.0)
        await access.open()
        routes = [access.route(each.service, LIMITS) for each in wanted]
        for route in routes:
            await route.transport.post({"Host": "x"}, b"{}")
        for route in routes:
            await route.transport.close()
        await access.close()
        assert endpoint.connections == len(routes)
        assert access.api_clock.ahead_seconds() == pytest.approx(9.5)
