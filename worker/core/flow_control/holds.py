"""Holds: why nothing is sent, or why records are kept, until somebody has mended the cause."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct


class HoldKind(StrEnum):
    """What kind of thing has to be mended. The value is the word in logs, metrics and ``/ready``."""

    MISCONFIGURED = "misconfigured"
    """Credentials, permission, tracker or endpoint: AWS refuses the worker, not the events."""
    REFUSALS = "refusals"
    """Events of different sessions are refused in a row."""
    DEAD_LETTERS = "dead_letters"
    """The dead-letter topic can't be written."""
    UNMAPPABLE = "unmappable"
    """Nothing of a topic can be mapped. The circuit breaker knows nothing of it: calls go on."""

    @property
    def is_probed_by_calls(self) -> bool:
        """Whether a call can find out that it is over.

        A dead letter that was written ends one of the others, a record that was mapped the other.
        """
        return self in _PROBED_BY_CALLS


_PROBED_BY_CALLS: Final = frozenset({HoldKind.MISCONFIGURED, HoldKind.REFUSALS})


class Hold(Struct, frozen=True):
    """One hold: the cause, since when (seconds of the loop's clock), and what a person can do about it."""

    kind: HoldKind
    reason: str
    since: float
    advice: str
