"""Calls of the stand-in without a network: requests as values, at a time that a test sets."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any, Final

from worker.local.answers import Reply
from worker.local.http import Request
from worker.local.kinesis.answers import CONTENT_TYPES
from worker.local.kinesis.endpoint import LocalKinesis
from worker.local.kinesis.operations import OPERATIONS

STREAM: Final = "clicks"
TABLE: Final = "leases"
SHARD: Final = "shardId-000000000000"
KEY: Final = "leaseKey"
TARGETS: Final = {operation.name: target for target, operation in OPERATIONS.items()}


class Clock:
    """What time it is, in epoch seconds."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def encoded(data: bytes) -> str:
    return b64encode(data).decode()


def headers(operation: str, access_key: str = "w1") -> dict[str, str]:
    """Those of a call; the signature is of the right form, and nobody knows the secret."""
    target = TARGETS[operation]
    service = OPERATIONS[target].service
    now = datetime.now(UTC)
    scope = f"{now:%Y%m%d}/eu-west-1/{service.lower()}/aws4_request"
    return {
        "content-type": CONTENT_TYPES[service].decode(),
        "x-amz-target": target,
        "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}",
        "authorization": (
            f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders=host, Signature={'0' * 64}"
        ),
    }


def body_of(answer: object) -> tuple[int, dict[str, Any]]:
    """The status of an answer, and what it says."""
    assert isinstance(answer, Reply)
    response = answer.response
    return response.status, json.loads(response.body) if response.body else {}


class Asked:
    """A stand-in that takes any key, and calls of it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.local = LocalKinesis(access_keys=None, clock=self.clock, **settings)

    def respond(self, operation: str, access_key: str = "w1", **members: Any) -> Any:
        """The answer itself."""
        request = Request("POST", "/", headers(operation, access_key), json.dumps(members).encode())
        return self.local.respond(request)

    def __call__(self, operation: str, access_key: str = "w1", **members: Any) -> dict[str, Any]:
        """What a call that succeeds is answered with."""
        status, body = body_of(self.respond(operation, access_key, **members))
        assert status == 200, body
        return body

    def code(self, operation: str, access_key: str = "w1", **members: Any) -> str:
        """The code with which a call is refused; empty if it is not."""
        _, body = body_of(self.respond(operation, access_key, **members))
        return str(body.get("__type", "")).rpartition("#")[2]

    def iterator(self, kind: str = "TRIM_HORIZON", shard: str = SHARD, **where: Any) -> str:
        """Where to read from."""
        members = {"StreamName": STREAM, "ShardId": shard, "ShardIteratorType": kind, **where}
        return str(self("GetShardIterator", **members)["ShardIterator"])


def with_stream(shards: int = 1, **settings: Any) -> Asked:
    asked = Asked(**settings)
    asked.local.streams.create(STREAM, shards)
    return asked


def with_table(**settings: Any) -> Asked:
    asked = Asked(**settings)
    asked.local.tables.create(TABLE, KEY)
    return asked
