"""What a statement is tried on: boto3, with one of the subjects at the other end."""

from __future__ import annotations

import asyncio
import uuid
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.contract.kinesis.statements import Subject

PATIENCE_SECONDS: Final = 20.0
_ASK_EVERY_SECONDS: Final = 0.02
_SESSION: Final = boto3.Session("local", "local", region_name="us-east-1")


@cache
def client(service: str, url: str) -> Any:
    """Return a client without checks and retries of its own."""
    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        read_timeout=20,
        connect_timeout=5,
        max_pool_connections=32,
    )
    return _SESSION.client(service, endpoint_url=url, config=config)  # type: ignore[call-overload]  # by its name


class Stand:
    """Calls of one service, at one subject; ``name`` is a stream or a table of the statement's own."""

    def __init__(self, subject: Subject, service: str, url: str) -> None:
        self.subject = subject
        self.name = f"stated-{uuid.uuid4().hex[:12]}"
        self._client = client(service, url)

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """Make a call, and return the members of its answer; raise ``ClientError`` for an error."""
        answer = await asyncio.to_thread(getattr(self._client, operation), **members)
        answer.pop("ResponseMetadata")
        return answer

    async def refusal(self, operation: str, **members: Any) -> dict[str, Any]:
        """Make a call that is refused, and return the error with its ``Code``."""
        try:
            answer = await self.call(operation, **members)
        except ClientError as error:
            return {**error.response, **error.response["Error"]}
        raise AssertionError(f"{operation} was carried out: {answer}")

    async def outcome(self, operation: str, **members: Any) -> str:
        """Make a call, and return the code with which it is refused; empty if it is not."""
        try:
            await self.call(operation, **members)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    async def code(self, operation: str, **members: Any) -> str:
        """Make a call that is refused, and return its code."""
        code: str = (await self.refusal(operation, **members))["Code"]
        return code


async def until(so: Callable[[], Awaitable[bool]], what: str) -> None:
    """Ask until it is so."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_SECONDS
    while not await so():
        if loop.time() > end:
            raise TimeoutError(what)
        await asyncio.sleep(_ASK_EVERY_SECONDS)
