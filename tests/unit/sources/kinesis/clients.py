"""Real clients of whatever listens at an address, and a call that answers as it is told."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from worker.aws.access import AwsAccess, Limits
from worker.aws.json_client import Answered, AwsFault, JsonClient
from worker.aws.provider_chain import Loaded
from worker.aws.services import DYNAMODB, KINESIS, Service, Wanted
from worker.aws.signing import Keys
from worker.sources.kinesis.calls import MAX_RECORDS_ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REGION = "eu-west-1"


@asynccontextmanager
async def client_of(
    service: Service, url: str, *, answer_seconds: float = 10, key: str = "local"
) -> AsyncIterator[JsonClient]:
    access = AwsAccess(
        Wanted(service, REGION, url),
        load=lambda: Loaded("fake", lambda: Keys(key, "local")),
        reload_seconds=0,
    )
    limits = Limits(
        connect_seconds=10,
        answer_seconds=answer_seconds,
        max_connections=16,
        max_answer_bytes=MAX_RECORDS_ANSWER_BYTES,
    )
    client = JsonClient(service, access, limits)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def kinesis_at(url: str) -> AsyncIterator[JsonClient]:
    async with client_of(KINESIS, url) as client:
        yield client


@asynccontextmanager
async def dynamodb_at(url: str) -> AsyncIterator[JsonClient]:
    async with client_of(DYNAMODB, url) as client:
        yield client


class Script:
    """Answers one call after the other as it is told, and keeps what was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = deque(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, target: str, body: bytes) -> Answered | AwsFault:
        self.asked.append((target, msgspec.json.decode(body)))
        answer = self.answers.popleft()
        if isinstance(answer, AwsFault | Answered):
            return answer
        return Answered(answer if isinstance(answer, bytes) else msgspec.json.encode(answer))

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """Of each call."""
        return [parameters for _, parameters in self.asked]


def fault(code: str, status: int = 400, **details: object) -> AwsFault:
    """An error as it comes, with its body."""
    return AwsFault(
        code=code, status=status, details=msgspec.json.encode({"__type": code, "message": "m", **details})
    )
