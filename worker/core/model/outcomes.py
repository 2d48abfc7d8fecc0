"""What one PutEvents call came to.

Every answer belongs to exactly one class, by the table below: the error code decides first, the status
second, for Personalize answers throttling with a 400.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class Accepted(Struct, frozen=True):
    """The API has the events: settle them."""


class Throttled(Struct, frozen=True):
    """Too fast: slow down, try again."""

    code: str
    retry_after_seconds: float | None = None


class TransientFault(Struct, frozen=True):
    """Nobody's fault that lasts (5xx, timeout, reset, DNS): try again."""

    code: str
    retry_after_seconds: float | None = None


class Refused(Struct, frozen=True):
    """The content is at fault: halve; alone, a dead letter. ``message`` may hold user data: never log it."""

    code: str
    message: str = ""


class Misconfigured(Struct, frozen=True):
    """Credentials, permission, tracker, endpoint: hold until somebody mends it. ``message``: never log it."""

    code: str
    message: str = ""
    clock_ahead_seconds: float | None = None
    """How far our clock was ahead of the API's, where that may be why and is known."""
    keys_from_environment: bool = False
    """Whether the keys were the process's own environment's, which it can't read anew."""


Answer: TypeAlias = Accepted | Throttled | TransientFault | Refused | Misconfigured
"""What one call came to."""


class Requeued(Struct, frozen=True):
    """Not sent again for now: sending is held, or an assignment of its events has ended."""


Outcome: TypeAlias = Accepted | Refused | Misconfigured | Requeued
"""What a batch came to, after as many calls as it took."""
