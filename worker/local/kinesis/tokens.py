"""Opaque texts that the stand-in hands out and takes back: iterators and tokens of a next page.

A token says when it was made and what for, and is sealed: another text is not taken for one.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from worker.local.kinesis.stream_shapes import ShardFilter  # noqa: TC001  msgspec reads it

LIFE_SECONDS: Final = 300
_SEAL_BYTES: Final = 16


class ShardIterator(Struct, frozen=True, array_like=True, tag="iterator"):
    """Where in which shard of which stream is read on; the position is inclusive."""

    made_at: float
    number: int
    """It grows from iterator to iterator."""
    stream: str
    stream_created_at: float
    shard: str
    sequence: str


class ShardPage(Struct, frozen=True, array_like=True, tag="page"):
    """After which shard a page of shards begins, and how the first one was asked for."""

    made_at: float
    stream: str
    stream_created_at: float
    after: str
    most: int
    wanted: ShardFilter | None


Token: TypeAlias = ShardIterator | ShardPage


class Tokens:
    """Seals tokens and opens them; what another one has sealed is not taken."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._decoder = msgspec.msgpack.Decoder(Token)

    def text(self, token: Token) -> str:
        """Return a token as a text."""
        content = msgspec.msgpack.encode(token)
        return base64.b64encode(self._seal(content) + content).decode()

    def token(self, text: str) -> Token | None:
        """Return the token that a text stands for; None if it is none."""
        try:
            sealed = base64.b64decode(text.encode(), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return None
        seal, content = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        return self._decoder.decode(content) if hmac.compare_digest(seal, self._seal(content)) else None

    def _seal(self, content: bytes) -> bytes:
        return hmac.new(self._key, content, sha256).digest()[:_SEAL_BYTES]
