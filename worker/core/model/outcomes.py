"""The outcomes of a PutEvents call.

Every answer belongs to exactly one class, by the table in ``error_codes``: the error code decides first, the
status second, because Personalize answers throttling with a 400.

Each bears the API's id of the request, by which AWS finds a call; empty if the answer had none, or there was
no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Accepted(Struct, frozen=True):
    """The API has the events: settle them."""

    request_id: str = ""


class Throttled(Struct, frozen=True):
    """Too fast: slow down, try again."""

    code: str
    retry_after_seconds: float | None = None
    request_id: str = ""


class TransientFault(Struct, frozen=True):
    """A failure that passes (5xx, timeout, reset, DNS): try again."""

    code: str
    retry_after_seconds: float | None = None
    request_id: str = ""


class Refused(Struct, frozen=True):
    """The content is at fault: halve, or dead-letter. Never log ``message``: it may hold user data."""

    code: str
    message: str = ""
    request_id: str = ""


class Misconfigured(Struct, frozen=True):
    """Wrong credentials, permission, tracker or endpoint: hold until it is fixed. Never log ``message``."""

    code: str
    message: str = ""
    clock_ahead_seconds: float | None = None
    """How far our clock was ahead of the API's, where that may be the reason and is known."""
    keys_from_environment: bool = False
    """Whether the keys came from the process's own environment, which it can't reload."""
    request_id: str = ""


Answer: TypeAlias = Accepted | Throttled | TransientFault | Refused | Misconfigured
"""The result of one call."""

OUTCOME_WORDS: Final[Mapping[type[Answer], str]] = {
    Accepted: "accepted",
    Throttled: "throttled",
    TransientFault: "fault",
    Refused: "refused",
    Misconfigured: "misconfigured",
}
"""The words for them in metrics and traces."""


class Requeued(Struct, frozen=True):
    """Not sent again for now: sending is held, or an assignment of its events has ended."""


Outcome: TypeAlias = Accepted | Refused | Misconfigured | Requeued
"""The result of a batch, after as many calls as it took."""
